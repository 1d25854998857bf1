"""Older states under newer code, and definitions that change over a served set."""

from __future__ import annotations

import pytest

from jupyter_chariots.errors import NotTrusted, VersionError
from jupyter_chariots.op_store import OpStore

from .lab import (
    PREDICT,
    TRAIN,
    TRAIN_CLF,
    TRAIN_PCA,
    clf,
    data,
    load,
    op,
    pca,
    pipeline,
    run,
    state,
)

PATCHED = pipeline("pred_iris", pca(("1", "0", "1")), clf(), takes_input=True)
BROKEN = pipeline("pred_iris", pca(("2",)), clf(), takes_input=True)


def test_older_state_under_newer_code_is_a_new_version(store: OpStore) -> None:
    first = run(store, TRAIN, save=True, pca="p1", clf="c1")
    choice = store.choose(PATCHED)
    old, new = first.versions["pca"], choice.versions["pca"]
    assert (new.major, new.minor) == (old.major, old.minor)
    assert new.patch == pca(("1", "0", "1")).version.patch
    assert choice.numbers["pca"] is None  # not recorded yet
    served = store.commit_load(PATCHED, choice, cause="load")
    assert served.versions["pca"] == new
    assert served.numbers == {"pca": "1.0.1", "clf": "1.0.0"}
    assert store.read("pca", new) == b"p1"
    info = store.version_info("pca", new)
    assert (info.origin, info.kind, info.named) == ("1.0.0", "fitted", None)
    assert info.class_version == pca(("1", "0", "1")).version
    assert store.diff("pca", old, new) == {"levels": ["patch"]}  # same state, same lineage


def test_re_recording_twice_changes_nothing(store: OpStore) -> None:
    run(store, TRAIN, save=True, pca="p1", clf="c1")
    first = load(store, PATCHED)
    second = load(store, PATCHED)
    assert str(second.versions["pca"]) == str(first.versions["pca"])
    assert second.warnings == first.warnings != ()
    assert len(store.history("pca")) == 2
    assert store.choose(PATCHED).rerecord == ()


def test_a_candidate_of_the_newer_code_becomes_loadable(store: OpStore) -> None:
    """The old state under the new code is what an unsaved run left: it gets a number."""
    run(store, TRAIN, save=True, pca="p1", clf="c1")
    train = pipeline("train", data(), pca(("1", "0", "1"), fits=True))
    candidate = run(store, train, pca="p1")
    served = load(store, PATCHED)
    assert str(served.versions["pca"]) == str(candidate.versions["pca"])
    assert served.numbers["pca"] == "1.0.1"


def test_training_under_the_newer_code_ends_the_warning(store: OpStore) -> None:
    """Equal training gives the version that a load had recorded; now it is what it says."""
    run(store, TRAIN, save=True, pca="p1", clf="c1")
    assert "other code" in " ".join(load(store, PATCHED).warnings)
    run(store, pipeline("train", data(), pca(("1", "0", "1"), fits=True)), save=True, pca="p1")
    served = load(store, PATCHED)
    assert served.numbers["pca"] == "1.0.1"
    assert served.warnings == (
        "clf 1.0.0 was trained on pca 1.0.0; 1.0.1 differs from it (patch).",
    )
    assert store.version_info("pca", "1.0.1").origin is None


def test_a_re_recorded_version_is_not_newer_than_what_it_came_from(store: OpStore) -> None:
    run(store, TRAIN, save=True, pca="p1", clf="c1")
    run(store, TRAIN, save=True, pca="p2", clf="c2")
    load(store, PATCHED, {"pca": "1.0.0"})  # re-records PCA 1
    assert state(store, load(store, PATCHED), "pca") == "p2"
    assert load(store, PREDICT).numbers["pca"] == "2.0.0"


def test_a_re_recorded_version_can_be_pinned_under_either_code(store: OpStore) -> None:
    run(store, TRAIN, save=True, pca="p1", clf="c1")
    load(store, PATCHED)
    assert store.choose(PATCHED, {"pca": "1.0.1"}).numbers == {"pca": "1.0.1", "clf": "1.0.0"}
    back = store.choose(PREDICT, {"pca": "1.0.1"})
    assert back.numbers == {"pca": "1.0.0", "clf": "1.0.0"}
    assert back.warnings == ()


def test_training_on_a_re_recorded_version_fits_the_one_it_came_from(store: OpStore) -> None:
    run(store, TRAIN, save=True, pca="p1", clf="c1")
    train_clf = pipeline("train_clf", data(), pca(("1", "0", "1")), clf(fits=True))
    run(store, train_clf, save=True, clf="c2")
    assert store.choose(PREDICT).warnings == ()
    assert store.choose(PREDICT, {"pca": "1.0.0"}).numbers["clf"] == "1.0.1"


def test_a_state_that_is_not_signed_is_not_re_recorded(store: OpStore) -> None:
    run(store, TRAIN, save=True, pca="p1", clf="c1")
    stranger = OpStore(store.path, secret=b"somebody else's secret, as long ..")
    with pytest.raises(NotTrusted):
        stranger.commit_load(PATCHED, stranger.choose(PATCHED), cause="load")
    stranger.close()
    assert store.served("pred_iris") is None
    assert len(store.history("pca")) == 1


def test_reloading_and_saving_makes_no_new_version(store: OpStore) -> None:
    run(store, TRAIN, save=True, pca="p1", clf="c1")
    load(store, TRAIN)
    run(store, TRAIN, save=True, pca="p1", clf="c1")
    assert [len(store.history(name)) for name in ("pca", "clf")] == [1, 1]


def test_changed_definition_of_the_same_code_line_stays_loaded(store: OpStore) -> None:
    run(store, TRAIN, save=True, pca="p1", clf="c1")
    store.register(PREDICT, owner="m", source={})
    load(store, PREDICT)
    run(store, TRAIN, save=True, pca="p2", clf="c2")  # newer ones are not taken
    definition = store.register(PATCHED, owner="m", source={})
    ended = store.served("pred_iris")
    assert ended is not None
    assert ended.until is not None
    choice = store.carry_over(definition.spec)
    served = store.commit_load(definition.spec, choice, cause="definition")
    assert served.numbers == {"pca": "1.0.1", "clf": "1.0.0"}
    assert served.warnings == ("pca 1.0.0 was made by other code or fields of pca (patch).",)
    assert (served.revision, served.until) == (2, None)


def test_changed_definition_of_another_code_line_is_not_loaded(store: OpStore) -> None:
    run(store, TRAIN, save=True, pca="p1", clf="c1")
    store.register(PREDICT, owner="m", source={})
    load(store, PREDICT)
    definition = store.register(BROKEN, owner="m", source={})
    with pytest.raises(VersionError, match="retrain pca"):
        store.carry_over(definition.spec)
    old = store.served("pred_iris")
    assert old is not None
    assert old.until is not None
    assert len(store.served_history("pred_iris")) == 1
    train = pipeline("train_iris", data(), pca(("2",), fits=True), clf(fits=True))
    run(store, train, save=True, pca="q1", clf="d1")
    with pytest.raises(VersionError) as refusal:
        store.carry_over(definition.spec)
    assert refusal.value.hint == (
        'The newest versions fit: load them.\nclient.load_pipeline("pred_iris")'
    )
    assert load(store, definition.spec).until is None


def test_changed_definition_keeps_the_pins(store: OpStore) -> None:
    run(store, TRAIN, save=True, pca="p1", clf="c1")
    run(store, TRAIN, save=True, pca="p2", clf="c2")
    load(store, PREDICT, {"clf": "1.0.0"})
    choice = store.carry_over(PATCHED)
    assert choice.pins == {"clf": "1.0.0"}
    served = store.commit_load(PATCHED, choice, cause="definition")
    assert state(store, served, "clf") == "c1"


def test_an_op_new_in_the_definition_is_chosen_as_by_a_load(store: OpStore) -> None:
    run(store, TRAIN, save=True, pca="p1", clf="c1")
    load(store, PREDICT)
    fits = pipeline("fit_other", data(), op("other", fits=True))
    run(store, fits, save=True, other="o1")
    more = pipeline("pred_iris", pca(), clf(), op("other"))
    assert store.carry_over(more).numbers == {"pca": "1.0.0", "clf": "1.0.0", "other": "1.0.0"}


def test_a_counter_of_another_code_line_starts_anew(store: OpStore) -> None:
    count = pipeline("count", op("counter", carries=True))
    run(store, count, save=True, counter="3")
    load(store, count)
    choice = store.carry_over(pipeline("count", op("counter", ("2",), carries=True)))
    assert dict(choice.versions) == {}
    assert choice.warnings == ("counter 1.0.0 was made by other code: counter starts anew.",)


def test_imported_models_pass_with_a_warning(store: OpStore) -> None:
    run(store, TRAIN, save=True, pca="p1", clf="c1")
    one = clf(fits=True)
    store.save_op_bytes(
        "clf",
        one.version.learned(one.level, "imported"),
        b"imported",
        class_version=one.version,
        level=one.level,
    )
    choice = store.choose(PREDICT)
    assert choice.warnings == (
        "clf 1.0.1 was imported: nothing is known of what it was trained on.",
    )
    run(store, TRAIN_PCA, save=True, pca="p2")
    assert store.choose(PREDICT).numbers == {"pca": "2.0.0", "clf": "1.0.1"}


def test_a_pipeline_that_fits_an_op_is_not_checked_for_it(store: OpStore) -> None:
    run(store, TRAIN, save=True, pca="p1", clf="c1")
    run(store, TRAIN_PCA, save=True, pca="p2")
    assert store.choose(TRAIN_CLF).numbers == {"pca": "2.0.0", "clf": "1.0.0"}
    assert store.start(TRAIN_CLF).numbers == {"pca": "2.0.0"}
