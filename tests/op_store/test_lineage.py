"""Which versions go together: every rule of a load, on a real store."""

from __future__ import annotations

import pytest

from jupyter_chariots.errors import NotLoaded, VersionError
from jupyter_chariots.op_store import OpStore

from .lab import (
    MAJOR,
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


def test_what_was_trained_together_is_loaded(store: OpStore) -> None:
    run(store, TRAIN, save=True, pca="p1", clf="c1")
    served = load(store, PREDICT)
    assert (state(store, served, "pca"), state(store, served, "clf")) == ("p1", "c1")
    assert served.warnings == ()
    assert served.numbers == {"pca": "1.0.0", "clf": "1.0.0"}


def test_nothing_saved_is_refused(store: OpStore) -> None:
    with pytest.raises(NotLoaded, match="pca has no saved version"):
        store.choose(PREDICT)
    run(store, TRAIN, pca="p1", clf="c1")
    with pytest.raises(NotLoaded, match="pca has no saved version"):
        store.choose(PREDICT)


def test_pca_retrained_on_other_data_is_refused(store: OpStore) -> None:
    run(store, TRAIN, save=True, pca="p1", clf="c1")
    run(store, TRAIN_PCA, save=True, pca="p2")
    with pytest.raises(VersionError) as refusal:
        store.choose(PREDICT)
    assert refusal.value.details["broken"] == [
        {
            "op": "clf",
            "version": "1.0.0",
            "upstream": "pca",
            "trained_on": "1.0.0",
            "chosen": "2.0.0",
        }
    ]


def test_pca_retrained_on_the_same_data_is_the_same_version(store: OpStore) -> None:
    run(store, TRAIN, save=True, pca="p1", clf="c1")
    before = store.choose(PREDICT).versions
    run(store, TRAIN_PCA, save=True, pca="p1")
    after = store.choose(PREDICT)
    assert after.versions == before
    assert str(after.versions["pca"]) == str(before["pca"])
    assert after.warnings == ()


def test_classifier_alone_may_be_retrained(store: OpStore) -> None:
    run(store, TRAIN, save=True, pca="p1", clf="c1")
    run(store, TRAIN_CLF, save=True, clf="c2")
    served = load(store, PREDICT)
    assert state(store, served, "clf") == "c2"
    assert served.numbers == {"pca": "1.0.0", "clf": "1.0.1"}


def test_lineage_sees_through_stateless_ops(store: OpStore) -> None:
    def normalise() -> object:
        return op("normalise", stateful=False)

    fitted = clf(fits=True, upstream=("data", "pca", "normalise"))
    train = pipeline("train", data(), pca(fits=True), normalise(), fitted)
    predict = pipeline("predict", pca(), normalise(), clf(upstream=("pca", "normalise")))
    run(store, train, save=True, pca="p1", clf="c1")
    assert store.choose(predict).warnings == ()
    run(store, TRAIN_PCA, save=True, pca="p2")
    with pytest.raises(VersionError, match=r"clf 1\.0\.0 was trained on pca 1\.0\.0, not on 2"):
        store.choose(predict)


def test_save_and_load_without_a_run_forge_no_link(store: OpStore) -> None:
    run(store, TRAIN, save=True, pca="p1", clf="c1")
    run(store, TRAIN_PCA, save=True, pca="p2")
    for spec in (TRAIN, TRAIN_PCA):
        load(store, spec)
        assert store.save(spec.name) is None
    with pytest.raises(VersionError):
        store.choose(PREDICT)


def test_a_prediction_that_was_run_and_saved_forges_no_link(store: OpStore) -> None:
    run(store, TRAIN, save=True, pca="p1", clf="c1")
    load(store, PREDICT)
    run(store, TRAIN_PCA, save=True, pca="p2")
    assert not run(store, TRAIN_CLF).saved  # nothing was learned
    assert store.save(PREDICT.name) is None
    with pytest.raises(VersionError):
        store.choose(PREDICT)


def test_stateless_op_of_the_training_with_another_major_is_refused(store: OpStore) -> None:
    scale = op("scale", stateful=False)
    train = pipeline("train", data(), scale, pca(fits=True, upstream=("data", "scale")))
    run(store, train, save=True, pca="p1")
    other = op("scale", ("2",), stateful=False)
    with pytest.raises(VersionError, match=r"pca 1\.0\.0 was trained on scale"):
        store.choose(pipeline("predict", other, pca(upstream=("scale",))))
    patched = op("scale", ("1", "0", "1"), stateful=False)
    choice = store.choose(pipeline("predict", patched, pca(upstream=("scale",))))
    assert choice.warnings == (
        "pca 1.0.0 was trained on another scale: its code or fields have changed since (patch).",
    )


def test_stateless_op_that_only_predicts_is_free(store: OpStore) -> None:
    run(store, TRAIN, save=True, pca="p1", clf="c1")
    rows = op("rows", stateful=False)
    predict = pipeline("predict", rows, pca(upstream=("rows",)), clf(upstream=("rows", "pca")))
    assert store.choose(predict).warnings == ()


def test_encoder_upstream_in_training_may_be_downstream_in_prediction(store: OpStore) -> None:
    fits = op("encoder", fits=True, upstream=("data",))
    fitted = clf(fits=True, upstream=("data", "encoder"))
    train = pipeline("train", data(), fits, fitted)
    predict = pipeline("predict", clf(upstream=()), op("encoder", upstream=("clf",)))
    run(store, train, save=True, encoder="e1", clf="c1")
    assert store.choose(predict).warnings == ()
    run(store, pipeline("labels", data(), fits), save=True, encoder="e2")
    with pytest.raises(VersionError, match=r"clf 1\.0\.0 was trained on encoder 1\.0\.0"):
        store.choose(predict)


def test_upstream_op_that_no_training_contained_is_refused(store: OpStore) -> None:
    run(store, TRAIN, save=True, pca="p1", clf="c1")
    run(store, pipeline("s", data(), op("scaler", fits=True)), save=True, scaler="s1")
    predict = pipeline("predict", op("scaler"), pca(), clf(upstream=("pca", "scaler")))
    with pytest.raises(VersionError, match=r"clf 1\.0\.0 was trained without scaler"):
        store.choose(predict)


def test_independent_ops_go_together(store: OpStore) -> None:
    run(store, TRAIN, save=True, pca="p1", clf="c1")
    run(store, pipeline("s", data(), op("scaler", fits=True)), save=True, scaler="s1")
    predict = pipeline("predict", pca(), clf(), op("scaler"))
    assert set(store.choose(predict).versions) == {"pca", "clf", "scaler"}


def test_equal_training_on_two_upstreams_fits_both(store: OpStore) -> None:
    """One version, two lineages: either suffices."""
    run(store, TRAIN, save=True, pca="p1", clf="c")
    run(store, TRAIN, save=True, pca="p2", clf="c")
    assert store.choose(PREDICT).numbers == {"pca": "2.0.0", "clf": "1.0.0"}
    run(store, TRAIN_PCA, save=True, pca="p1")
    assert store.choose(PREDICT).numbers == {"pca": "1.0.0", "clf": "1.0.0"}
    run(store, TRAIN_PCA, save=True, pca="p3")
    with pytest.raises(VersionError):
        store.choose(PREDICT)


def test_upstream_difference_below_major_warns(store: OpStore) -> None:
    head = op("head", fits=True, upstream=("pca", "clf"))
    train = pipeline("train_head", pca(), clf(), head)
    run(store, TRAIN, save=True, pca="p1", clf="c1")
    run(store, train, save=True, head="h1")
    predict = pipeline("predict", pca(), clf(), op("head", upstream=("pca", "clf")))
    assert store.choose(predict).warnings == ()
    run(store, TRAIN_CLF, save=True, clf="c2")
    assert store.choose(predict).warnings == (
        "head 1.0.0 was trained on clf 1.0.0; 1.0.1 differs from it (patch).",
    )


def test_edited_major_field_without_training_is_refused(store: OpStore) -> None:
    run(store, TRAIN, save=True, pca="p1", clf="c1")
    edited = pipeline("pred_iris", pca(("2",)), clf())
    with pytest.raises(VersionError, match="retrain pca") as refusal:
        store.choose(edited)
    assert not isinstance(refusal.value, NotLoaded)
    assert refusal.value.details["missing"] == ["pca"]


def test_patch_edit_is_accepted_with_a_warning(store: OpStore) -> None:
    run(store, TRAIN, save=True, pca="p1", clf="c1")
    choice = store.choose(pipeline("pred_iris", pca(("1", "0", "1")), clf()))
    assert choice.warnings == ("pca 1.0.0 was made by other code or fields of pca (patch).",)


def test_other_packages_and_python_warn(store: OpStore) -> None:
    made = pca(fits=True, packages={"scikit-learn": "1.5.0", "numpy": "2.0"})
    run(store, pipeline("train", data(), made, python="3.11"), save=True, pca="p1")
    here = pca(packages={"scikit-learn": "1.6.1", "numpy": "2.0", "pandas": "2.2"})
    assert store.choose(pipeline("predict", here, python="3.12")).warnings == (
        "pca 1.0.0 was made with Python 3.11; here is 3.12.",
        "pca 1.0.0 was made with scikit-learn 1.5.0; here is 1.6.1.",
    )


def test_op_that_runs_as_constructed_needs_no_version(store: OpStore) -> None:
    counter = op("counter", carries=True)
    choice = store.choose(pipeline("count", counter))
    assert dict(choice.versions) == {}


def test_carried_state_is_free_of_lineage(store: OpStore) -> None:
    counter = op("counter", carries=True, upstream=("data",))
    run(store, pipeline("count", data(), counter), save=True, counter="1")
    other = pipeline("count", data(("2",)), counter)
    assert store.choose(other).numbers == {"counter": "1.0.0"}


def test_retraining_at_major_level_breaks_what_is_below(store: OpStore) -> None:
    fits = op("clf", fits=True, upstream=("data", "pca"), level=MAJOR)
    train = pipeline("train", data(), pca(fits=True), fits)
    below = op("head", fits=True, upstream=("data", "pca", "clf"))
    whole = pipeline("whole", data(), pca(fits=True), fits, below)
    predict = pipeline("predict", pca(), clf(level=MAJOR), op("head", upstream=("pca", "clf")))
    run(store, whole, save=True, pca="p1", clf="c1", head="h1")
    store.choose(predict)
    run(store, train, save=True, pca="p1", clf="c2")
    with pytest.raises(
        VersionError, match=r"head 1\.0\.0 was trained on clf 1\.0\.0, not on 2\.0\.0"
    ):
        store.choose(predict)
