"""Definitions that arrive: what is never opened."""

from __future__ import annotations

import pickle

import pytest

from jupyter_chariots.errors import ConfigurationError, Conflict
from jupyter_chariots.pipelines.header import make_header
from jupyter_chariots.pipelines.opening import unpack


class Touch:
    """Opening its pickle makes a file."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return open, (str(self.path), "w")


@pytest.mark.parametrize("change", [{"python": "3.1"}, {"protocol": 99}])
def test_what_another_python_or_release_made_is_not_opened(tmp_path, change):
    evil = pickle.dumps(Touch(tmp_path / "opened"))
    with pytest.raises(Conflict):
        unpack({**make_header(), **change}, evil)
    assert not (tmp_path / "opened").exists()


def test_a_missing_package_is_named():
    data = b"cno_such_package\nthing\n."
    with pytest.raises(ConfigurationError, match="the package 'no_such_package'"):
        unpack(make_header(), data)
