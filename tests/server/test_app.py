"""The settings of the extension."""

from __future__ import annotations

import pytest
from traitlets import TraitError
from traitlets.config import Config

from jupyter_chariots import PipelinesServer


def configured(**settings):
    return PipelinesServer(config=Config(PipelinesServer=settings))


@pytest.mark.parametrize(
    ("setting", "size"), [("2G", 2 << 30), (1000, 1000), ("1000", 1000), (None, None)]
)
def test_a_limit_of_memory(setting, size):
    assert configured(memory_limit=setting).memory_limit == size


def test_a_limit_that_means_nothing_is_refused():
    with pytest.raises(TraitError, match=r"memory_limit.*'2 hats'"):
        configured(memory_limit="2 hats")
