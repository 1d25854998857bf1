"""Removing what nothing needs, and nothing else."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from jupyter_chariots.errors import BadRequest, BlobMissing, RunNotFound, VersionError
from jupyter_chariots.op_store import Collected, OpStore

from .lab import (
    PREDICT,
    TRAIN,
    TRAIN_CLF,
    TRAIN_PCA,
    clf,
    load,
    open_store,
    pca,
    pipeline,
    run,
    state,
)

BIG = "x" * 70_000


@pytest.fixture
def impatient(tmp_path: Path) -> Iterator[OpStore]:
    """A store whose candidates are old at once."""
    with open_store(tmp_path, candidate_ttl=timedelta(0)) as store:
        yield store


def files(store: OpStore) -> list[Path]:
    return [
        path for path in store.path.parent.rglob("*") if path.is_file() and "blobs" in str(path)
    ]


def test_young_candidates_stay(store: OpStore) -> None:
    old = run(store, TRAIN, pca="p1", clf="c1")
    run(store, TRAIN, pca="p2", clf="c2")
    assert store.gc() == Collected(0, 0, 0, 0)
    assert store.save(TRAIN.name, old.run_id) is not None


def test_old_candidates_go_with_their_blobs(impatient: OpStore) -> None:
    old = run(impatient, TRAIN, pca="p1" + BIG, clf="c1")
    current = run(impatient, TRAIN, pca="p2", clf="c2")
    assert len(files(impatient)) == 1
    assert impatient.gc() == Collected(1, 2, 2, 1)
    assert files(impatient) == []
    assert len(impatient.history("pca")) == 1
    with pytest.raises(RunNotFound):
        impatient.save(TRAIN.name, old.run_id)
    assert impatient.unsaved(TRAIN) == current.run_id
    assert impatient.read("pca", current.versions["pca"]) == b"p2"
    assert impatient.gc() == Collected(0, 0, 0, 0)


def test_the_current_set_is_never_removed(impatient: OpStore) -> None:
    committed = run(impatient, TRAIN, pca="p1", clf="c1")
    impatient.gc(keep=1)
    assert impatient.save(TRAIN.name, committed.run_id) is not None


def test_saved_versions_stay_unless_asked(impatient: OpStore) -> None:
    for index in range(4):
        run(impatient, TRAIN, save=True, pca=f"p{index}", clf=f"c{index}")
    assert impatient.gc().versions == 0
    assert impatient.gc(keep=2).versions == 4
    assert [one.size for one in impatient.history("pca")] == [2, 2, None, None]
    assert impatient.choose(PREDICT, {"pca": "3.0.0"}).numbers["clf"] == "1.0.2"
    with pytest.raises(VersionError, match=r"the state of pca 1\.0\.0 was removed"):
        impatient.choose(PREDICT, {"pca": "1.0.0"})
    with pytest.raises(BlobMissing, match=r"pca 1\.0\.0"):
        impatient.read("pca", "1.0.0")


def test_re_recorded_versions_live_as_long_as_what_they_came_from(impatient: OpStore) -> None:
    patched = pipeline("pred_iris", pca(("1", "0", "1")), clf())
    run(impatient, TRAIN, save=True, pca="p1", clf="c1")
    impatient.record(impatient.choose(patched))
    impatient.gc(keep=1)
    assert impatient.choose(patched, {"pca": "1.0.1"}).numbers["pca"] == "1.0.1"
    run(impatient, TRAIN, save=True, pca="p2", clf="c2")
    assert impatient.gc(keep=1).versions == 3
    with pytest.raises(VersionError):
        impatient.choose(patched, {"pca": "1.0.1"})


def test_something_is_always_kept(store: OpStore) -> None:
    with pytest.raises(BadRequest):
        store.gc(keep=0)


def test_what_is_served_stays(impatient: OpStore) -> None:
    run(impatient, TRAIN, save=True, pca="p1", clf="c1")
    load(impatient, PREDICT)
    for index in range(2, 5):
        run(impatient, TRAIN, save=True, pca=f"p{index}", clf=f"c{index}")
    impatient.gc(keep=1)
    served = impatient.served("pred_iris")
    assert served is not None
    assert (state(impatient, served, "pca"), state(impatient, served, "clf")) == ("p1", "c1")


def test_the_lineage_of_what_is_kept_stays(impatient: OpStore) -> None:
    run(impatient, TRAIN, save=True, pca="p1", clf="c1")
    run(impatient, TRAIN_CLF, save=True, clf="c2")
    run(impatient, TRAIN_PCA, save=True, pca="p2")
    run(impatient, TRAIN_PCA, save=True, pca="p3")
    impatient.gc(keep=1)
    # The newest classifier was trained on the first PCA; the second PCA is nobody's.
    sizes = {one.number: one.size for one in impatient.history("pca")}
    assert sizes == {"3.0.0": 2, "2.0.0": None, "1.0.0": 2}
    assert impatient.choose(PREDICT, {"clf": "1.0.1"}).numbers["pca"] == "1.0.0"


def test_a_removed_version_that_is_trained_again_is_whole_again(impatient: OpStore) -> None:
    run(impatient, TRAIN, save=True, pca="p1", clf="c1")
    run(impatient, TRAIN, save=True, pca="p2", clf="c2")
    impatient.gc(keep=1)
    run(impatient, TRAIN, save=True, pca="p1", clf="c1")
    served = load(impatient, PREDICT)
    assert served.numbers == {"pca": "1.0.0", "clf": "1.0.0"}
    assert state(impatient, served, "pca") == "p1"


def test_equal_states_share_a_blob_that_lives_as_long_as_one_of_them(impatient: OpStore) -> None:
    run(impatient, TRAIN, pca=BIG, clf=BIG)
    assert len(files(impatient)) == 1
    run(impatient, TRAIN, save=True, pca="p", clf=BIG)
    impatient.gc()
    assert len(files(impatient)) == 1


def test_orphaned_files_go_when_they_are_old(impatient: OpStore) -> None:
    run(impatient, TRAIN, save=True, pca=BIG, clf="c")
    (kept,) = files(impatient)
    orphan = kept.with_name("0" * 64)
    draft = kept.with_name(".0123.tmp")
    for path in (orphan, draft):
        path.write_bytes(b"left by a write that was cut off")
    assert impatient.gc().files == 0  # young: a commit may be about to write its row
    hour_ago = time.time() - 4000
    for path in (kept, orphan, draft):
        os.utime(path, (hour_ago, hour_ago))
    assert impatient.gc().files == 2
    assert files(impatient) == [kept]


def test_candidates_may_live_for_ever(tmp_path: Path) -> None:
    with open_store(tmp_path, candidate_ttl=None) as store:
        run(store, TRAIN, pca="p1", clf="c1")
        run(store, TRAIN, pca="p2", clf="c2")
        assert store.gc(keep=1) == Collected(0, 0, 0, 0)
