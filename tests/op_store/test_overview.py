"""The current set of a pipeline, what of it is not saved, and what is newer."""

from __future__ import annotations

from jupyter_chariots.op_store import OpStore

from .lab import PREDICT, TRAIN, TRAIN_CLF, load, run


def test_nothing_yet(store: OpStore) -> None:
    found = store.overview(PREDICT)
    assert (found.versions, found.unsaved, found.unsaved_ops, found.newer) == ({}, None, (), None)


def test_what_a_run_left_and_is_not_saved(store: OpStore) -> None:
    run(store, TRAIN, save=True, pca="p", clf="c")
    candidate = run(store, TRAIN_CLF, clf="c2")
    found = store.overview(TRAIN_CLF)
    assert found.versions == store.current(TRAIN_CLF)
    assert found.numbers == {"pca": "1.0.0", "clf": None}
    assert found.unsaved == candidate.run_id == store.unsaved(TRAIN_CLF)
    assert found.unsaved_ops == ("clf",)
    store.save("train_clf")
    found = store.overview(TRAIN_CLF)
    assert (found.unsaved, found.unsaved_ops) == (None, ())


def test_what_is_newer(store: OpStore) -> None:
    run(store, TRAIN, save=True, pca="p", clf="c")
    load(store, PREDICT)
    assert store.overview(PREDICT).newer is None
    run(store, TRAIN_CLF, save=True, clf="c2")
    assert store.overview(PREDICT).newer == store.newer(PREDICT) is not None
