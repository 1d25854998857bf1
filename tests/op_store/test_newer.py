"""What was saved since a pipeline was loaded."""

from __future__ import annotations

from jupyter_chariots.op_store import OpStore

from .lab import COUNT, PREDICT, TRAIN, TRAIN_CLF, TRAIN_PCA, clf, load, pca, pipeline, run

PATCHED = pipeline("pred_iris", pca(("1", "0", "1")), clf(), takes_input=True)


def test_the_newest_is_served(store: OpStore) -> None:
    assert store.newer(PREDICT) is None  # there is nothing to load
    run(store, TRAIN, save=True, pca="p1", clf="c1")
    load(store, PREDICT)
    assert store.newer(PREDICT) is None
    run(store, TRAIN, pca="p2", clf="c2")
    assert store.newer(PREDICT) is None  # a candidate is not for loading


def test_what_was_saved_since_is_newer(store: OpStore) -> None:
    run(store, TRAIN, save=True, pca="p1", clf="c1")
    load(store, PREDICT)
    run(store, TRAIN_CLF, save=True, clf="c2")
    found = store.newer(PREDICT)
    assert found is not None
    assert (found.numbers, found.reason, found.pinned) == ({"clf": "1.0.1"}, None, False)
    assert found.choice is not None
    served = store.commit_load(PREDICT, found.choice, cause="auto_load")
    assert served.numbers == {"pca": "1.0.0", "clf": "1.0.1"}
    assert store.newer(PREDICT) is None


def test_a_version_that_is_saved_again_is_newer_again(store: OpStore) -> None:
    first = run(store, TRAIN, save=True, pca="p1", clf="c1")
    run(store, TRAIN, save=True, pca="p2", clf="c2")
    load(store, PREDICT)
    again = run(store, TRAIN, save=True, pca="p1", clf="c1")
    assert again.versions == first.versions
    found = store.newer(PREDICT)
    assert found is not None
    assert found.numbers == {"pca": "1.0.0", "clf": "1.0.0"}


def test_what_is_no_valid_set_yet_is_said_with_the_reason(store: OpStore) -> None:
    run(store, TRAIN, save=True, pca="p1", clf="c1")
    load(store, PREDICT)
    run(store, TRAIN_PCA, save=True, pca="p2")
    found = store.newer(PREDICT)
    assert found is not None
    assert (found.numbers, found.choice) == ({"pca": "2.0.0"}, None)
    assert "clf" in (found.reason or "")
    # with a classifier for it, all of it can be loaded
    run(store, TRAIN_CLF, save=True, clf="c2")
    found = store.newer(PREDICT)
    assert found is not None
    assert found.numbers == {"pca": "2.0.0", "clf": "1.0.1"}
    assert found.choice is not None


def test_a_pinned_pipeline_says_so(store: OpStore) -> None:
    run(store, TRAIN, save=True, pca="p1", clf="c1")
    run(store, TRAIN, save=True, pca="p2", clf="c2")
    load(store, PREDICT, {"pca": "1.0.0"})
    found = store.newer(PREDICT)
    assert found is not None
    assert (found.numbers, found.pinned) == ({"pca": "2.0.0", "clf": "1.0.1"}, True)
    assert found.choice is not None
    assert dict(found.choice.pins) == {}


def test_a_pipeline_that_serves_nothing_may_load_all(store: OpStore) -> None:
    run(store, TRAIN_PCA, save=True, pca="p1")
    found = store.newer(PREDICT)
    assert found is not None
    assert (found.numbers, found.choice) == ({"pca": "1.0.0"}, None)
    run(store, TRAIN, save=True, pca="p1", clf="c1")
    found = store.newer(PREDICT)
    assert found is not None
    assert found.choice is not None


def test_older_state_under_newer_code_is_no_newer_version(store: OpStore) -> None:
    run(store, TRAIN, save=True, pca="p1", clf="c1")
    load(store, PATCHED)
    assert store.newer(PATCHED) is None
    run(store, TRAIN, save=True, pca="p2", clf="c2")
    found = store.newer(PATCHED)
    assert found is not None
    assert found.numbers == {"pca": "2.0.0", "clf": "1.0.1"}


def test_what_a_pipeline_changes_itself_is_not_news_to_it(store: OpStore) -> None:
    run(store, TRAIN, save=True, pca="p1", clf="c1")
    run(store, COUNT, save=True, counter="1")
    assert store.newer(TRAIN) is None
    assert store.newer(COUNT) is None
