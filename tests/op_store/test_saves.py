"""Saves: what they name, when they do nothing, when they are refused."""

from __future__ import annotations

import pytest

from jupyter_chariots.errors import RunNotFound, SaveConflict
from jupyter_chariots.op_store import OpStore
from jupyter_chariots.versioning import VersionType

from .lab import PREDICT, TRAIN, TRAIN_CLF, TRAIN_PCA, fit, load, run, state


def test_data_1_2_1_again_serves_data_1(store: OpStore) -> None:
    run(store, TRAIN, save=True, pca="p1", clf="c1")
    run(store, TRAIN, save=True, pca="p2", clf="c2")
    run(store, TRAIN, save=True, pca="p1", clf="c1")
    served = load(store, PREDICT)
    assert (state(store, served, "pca"), state(store, served, "clf")) == ("p1", "c1")
    assert served.numbers == {"pca": "1.0.0", "clf": "1.0.0"}


def test_data_1_2_1_saved_at_the_end_serves_data_1(store: OpStore) -> None:
    for index in ("1", "2", "1"):
        run(store, TRAIN, pca=f"p{index}", clf=f"c{index}")
    store.save(TRAIN.name)
    assert state(store, load(store, PREDICT), "pca") == "p1"


def test_train_twice_save_twice_the_second_save_changes_nothing(store: OpStore) -> None:
    run(store, TRAIN, pca="p1", clf="c1")
    second = run(store, TRAIN, pca="p2", clf="c2")
    saved = store.save(TRAIN.name)
    assert saved is not None
    assert (saved.run_id, saved.numbers) == (second.run_id, {"pca": "1.0.0", "clf": "1.0.0"})
    before = store.sequence()
    assert store.save(TRAIN.name) is None
    assert store.save(TRAIN.name, second.run_id) is None
    assert store.sequence() == before


def test_after_a_load_a_run_is_saved_only_by_its_id(store: OpStore) -> None:
    run(store, TRAIN, save=True, pca="p1", clf="c1")
    second = run(store, TRAIN, pca="p2", clf="c2")
    loaded = load(store, TRAIN)
    assert store.save(TRAIN.name) is None
    assert store.current(TRAIN) == loaded.versions
    saved = store.save(TRAIN.name, second.run_id)
    assert saved is not None
    assert saved.versions == second.versions
    assert store.current(TRAIN) == loaded.versions


def test_what_a_run_merely_used_is_not_named(store: OpStore) -> None:
    """A training that uses an old PCA does not make that PCA the newest again."""
    run(store, TRAIN, save=True, pca="p1", clf="c1")
    using = run(store, TRAIN_CLF, clf="c2")  # on PCA 1
    run(store, TRAIN_PCA, save=True, pca="p2")
    saved = store.save(TRAIN_CLF.name, using.run_id)
    assert saved is not None
    assert set(saved.numbers) == {"clf"}
    assert store.choose(TRAIN_CLF).numbers["pca"] == "2.0.0"


def test_save_between_start_and_save_of_another_run_conflicts(store: OpStore) -> None:
    started = store.sequence()
    slow = store.commit(TRAIN, fit(TRAIN, {"pca": b"s", "clf": b"s"}), started=started)
    run(store, TRAIN_PCA, save=True, pca="p2")
    with pytest.raises(SaveConflict, match=r"pca 1\.0\.0 was saved \(run"):
        store.save(TRAIN.name, slow.run_id)
    with pytest.raises(SaveConflict):
        store.save(TRAIN.name)
    assert store.history("pca")[1].number is None
    assert store.save(TRAIN.name, force=True) is not None


def test_an_imported_model_conflicts_as_well(store: OpStore) -> None:
    started = store.sequence()
    slow = store.commit(TRAIN_PCA, fit(TRAIN_PCA, {"pca": b"s"}), started=started)
    version = TRAIN_PCA.stateful["pca"].version
    imported = version.learned(VersionType.MAJOR, "somewhere else")
    store.save_op_bytes("pca", imported, b"p", class_version=version)
    with pytest.raises(SaveConflict, match=r"pca 1\.0\.0 was saved\."):
        store.save(TRAIN_PCA.name, slow.run_id)


def test_a_save_of_other_ops_does_not_conflict(store: OpStore) -> None:
    run(store, TRAIN, save=True, pca="p1", clf="c1")
    started = store.sequence()
    slow = store.commit(TRAIN_PCA, fit(TRAIN_PCA, {"pca": b"p2"}), started=started)
    run(store, TRAIN_CLF, save=True, clf="c2")
    assert store.save(TRAIN_PCA.name, slow.run_id) is not None


def test_a_save_before_the_start_does_not_conflict(store: OpStore) -> None:
    run(store, TRAIN, save=True, pca="p1", clf="c1")
    run(store, TRAIN, save=True, pca="p2", clf="c2")
    assert store.choose(PREDICT).numbers["pca"] == "2.0.0"


def test_a_job_that_ends_later_is_the_newest_and_warned(store: OpStore) -> None:
    started = store.sequence()
    run(store, TRAIN_PCA, save=True, pca="p2")
    job = store.commit(
        TRAIN,
        fit(TRAIN, {"pca": b"p3", "clf": b"c3"}),
        promote=True,
        started=started,
        job_id="job1",
    )
    assert job.saved
    assert len(job.warnings) == 1
    assert "pca 1.0.0 was saved (run" in job.warnings[0]
    assert store.choose(PREDICT).numbers == {"pca": "2.0.0", "clf": "1.0.0"}


def test_promotion_with_the_commit_saves_once(store: OpStore) -> None:
    """Saving in the calling process: commit and promotion in one step."""
    record = fit(TRAIN, {"pca": b"p", "clf": b"c"})
    first = store.commit(TRAIN, record, promote=True)
    before = store.sequence()
    assert store.commit(TRAIN, record, promote=True).versions == first.versions
    assert store.sequence() == before


def test_run_ids_of_others_are_not_found(store: OpStore) -> None:
    committed = run(store, TRAIN, pca="p", clf="c")
    with pytest.raises(RunNotFound, match="No run 'nope'"):
        store.save(TRAIN.name, "nope")
    with pytest.raises(RunNotFound):
        store.save(TRAIN_PCA.name, committed.run_id)
