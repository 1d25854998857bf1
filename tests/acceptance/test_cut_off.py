"""A commit, a save, a load … cut off at any point leaves the store as it was, or whole.

Real processes kill themselves at each point that the store names, one after the other, until the
act ends by itself. ``tests/op_store/test_crashes.py`` looks at some of them more closely; the same
with servers, kernels and children is in ``tests/faults/test_kills.py``, which misses no point.
"""

from __future__ import annotations

import shutil
import subprocess
import sys

import pytest

from ..live import REPOSITORY
from .cut import ACTS, open_store, prediction, prepare, training


def cut_off(path, act, index):
    """Do it, cut off at the point of this index; gives the points that were passed, and whether
    it came to its end.
    """
    child = subprocess.run(
        [sys.executable, "-m", "tests.acceptance.cut", str(path), act, str(index)],
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        check=False,
    )
    assert child.returncode in (0, 9), child.stderr
    return child.stdout.splitlines(), child.returncode == 0


def look(path):
    """What the store says, after a check that it can give all of it."""
    with open_store(path) as store:
        histories = {op.name: store.history(op.name) for op in store.ops()}
        for op, history in histories.items():
            for version in history:
                assert version.size is None or store.read(op, version.version), (op, version)
        served = store.served("use")
        assert served is not None
        return {
            "history": {
                op: [(v.version, v.number, v.size) for v in history]
                for op, history in histories.items()
            },
            "newest": store.choose(prediction().spec).numbers,
            "served": (served.versions, served.until),
            "current": store.current(training().spec),
            "unsaved": store.unsaved(training().spec) is not None,
        }


@pytest.mark.parametrize("act", ACTS)
def test_it_is_as_it_was_or_whole(tmp_path, act):
    start = tmp_path / "start" / "op_store.db"
    prepare(start, act)
    before = look(start)
    after, index, ended = None, -1, False
    while not ended:  # at first to its end, then cut off at the first point, the second …
        path = tmp_path / str(index) / "op_store.db"
        shutil.copytree(start.parent, path.parent)
        passed, ended = cut_off(path, act, index)
        found = look(path)
        if after is None:
            after, ended = found, False
            assert after != before
        assert found in (before, after), passed
        if passed[-1:] == ["after commit"]:
            assert found == after
        with open_store(path) as store:
            ACTS[act](store)
        assert look(path) == after, f"done again after {passed}"
        index += 1
