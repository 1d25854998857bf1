"""A write that is cut off at any point leaves the store as it was, or whole.

Each test kills a real process at a named point and looks at what it left.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from jupyter_chariots.op_store import OpStore

from .lab import PREDICT, TRAIN, load, open_store, run, state

_CHILD = """
import os, sys
from pathlib import Path
from jupyter_chariots import faults
from tests.op_store.lab import PREDICT, TRAIN, load, open_store, run

act, point, skip = sys.argv[2], sys.argv[3], int(sys.argv[4])

def reached(passed):
    global skip
    if passed == point:
        if skip == 0:
            os._exit(9)
        skip -= 1

store = open_store(Path(sys.argv[1]))
faults.reached = reached
if act == "commit":
    run(store, TRAIN, pca="2" * 70_000, clf="c2")
elif act == "promote":
    run(store, TRAIN, save=True, pca="2" * 70_000, clf="c2")
elif act == "load":
    load(store, PREDICT)
elif act == "gc":
    store.gc(keep=1)
os._exit(0)
"""


def cut_off(folder: Path, act: str, point: str, skip: int = 0) -> None:
    child = subprocess.run(
        [sys.executable, "-c", _CHILD, str(folder), act, point, str(skip)],
        cwd=Path(__file__).parents[2],
        capture_output=True,
        text=True,
        check=False,
    )
    assert child.returncode == 9, child.stderr


def everything(store: OpStore) -> list[object]:
    return [
        store.sequence(),
        store.news(),
        store.history("pca"),
        store.history("clf"),
        store.current(TRAIN),
        store.unsaved(TRAIN),
        store.served("pred_iris"),
    ]


@pytest.fixture
def before(tmp_path: Path) -> list[object]:
    with open_store(tmp_path) as store:
        run(store, TRAIN, save=True, pca="1" * 70_000, clf="c1")
        load(store, PREDICT)
        return everything(store)


@pytest.mark.parametrize(
    ("point", "skip"),
    [
        ("blob written", 0),
        ("version recorded", 0),
        ("version recorded", 1),
        ("run recorded", 0),
        ("before commit", 0),
    ],
)
def test_a_commit_cut_off_leaves_the_store_as_it_was(
    tmp_path: Path, before: list[object], point: str, skip: int
) -> None:
    cut_off(tmp_path, "commit", point, skip)
    with open_store(tmp_path) as store:
        assert everything(store) == before
        # What was being written can be written again.
        again = run(store, TRAIN, save=True, pca="2" * 70_000, clf="c2")
        assert store.read("pca", again.versions["pca"]) == b"2" * 70_000
        assert store.choose(PREDICT).numbers == {"pca": "2.0.0", "clf": "1.0.1"}


def test_a_commit_cut_off_after_its_end_is_whole(tmp_path: Path, before: list[object]) -> None:
    """Killed between the run and the save: the save after the restart still works."""
    cut_off(tmp_path, "commit", "after commit")
    with open_store(tmp_path) as store:
        assert store.unsaved(TRAIN) is not None
        saved = store.save(TRAIN.name)
        assert saved is not None
        assert saved.numbers == {"pca": "2.0.0", "clf": "1.0.1"}
        assert state(store, load(store, PREDICT), "clf") == "c2"


@pytest.mark.parametrize("skip", [0, 1])
def test_a_save_cut_off_names_nothing(tmp_path: Path, before: list[object], skip: int) -> None:
    cut_off(tmp_path, "promote", "version named", skip)
    with open_store(tmp_path) as store:
        assert store.choose(PREDICT).numbers == {"pca": "1.0.0", "clf": "1.0.0"}
        assert [one.number for one in store.history("pca")] == [None, "1.0.0"]
        assert store.save(TRAIN.name) is not None
        assert store.choose(PREDICT).numbers == {"pca": "2.0.0", "clf": "1.0.1"}


def test_a_load_cut_off_leaves_the_old_set(tmp_path: Path, before: list[object]) -> None:
    with open_store(tmp_path) as store:
        run(store, TRAIN, save=True, pca="3", clf="c3")
        old = everything(store)
    cut_off(tmp_path, "load", "served row written")
    with open_store(tmp_path) as store:
        assert everything(store) == old
        served = store.served("pred_iris")
        assert served is not None
        assert (served.until, state(store, served, "clf")) == (None, "c1")


def test_a_collection_cut_off_is_finished_by_the_next(tmp_path: Path, before: list[object]) -> None:
    with open_store(tmp_path) as store:
        for index in "23":
            run(store, TRAIN, save=True, pca=index * 70_000, clf=f"c{index}")
    cut_off(tmp_path, "gc", "rows removed")
    with open_store(tmp_path) as store:
        assert store.choose(PREDICT).numbers == {"pca": "3.0.0", "clf": "1.0.2"}
        assert store.read("pca", "3.0.0") == b"3" * 70_000
        assert store.gc(keep=1).versions == 0
