"""What stands beside the bytes of a definition."""

from __future__ import annotations

import pytest

from jupyter_chariots.errors import DefinitionError
from jupyter_chariots.pipelines.header import make_header


def test_environment_variables_go_by_name_only(monkeypatch):
    monkeypatch.setenv("MY_KEY", "secret")
    assert make_header(["MY_KEY"])["env"] == {"MY_KEY": "secret"}
    assert make_header()["env"] == {}
    with pytest.raises(DefinitionError, match="NOT_SET"):
        make_header(["NOT_SET"])
