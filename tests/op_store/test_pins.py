"""Loads of chosen versions: roll-back."""

from __future__ import annotations

from dataclasses import replace

import pytest

from jupyter_chariots.errors import BadRequest, OpNotFound, VersionError, VersionNotFound
from jupyter_chariots.op_store import OpStore
from jupyter_chariots.versioning.spec import NodeSpec

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


@pytest.fixture
def three(store: OpStore) -> OpStore:
    """PCA 1, 2 and 3, each with a classifier; a second classifier on PCA 1."""
    run(store, TRAIN, save=True, pca="p1", clf="c1")
    run(store, TRAIN_CLF, save=True, clf="c1b")
    run(store, TRAIN, save=True, pca="p2", clf="c2")
    run(store, TRAIN, save=True, pca="p3", clf="c3")
    return store


def test_ancestors_of_a_pinned_op_come_from_its_lineage(three: OpStore) -> None:
    choice = three.choose(PREDICT, {"clf": "1.0.0"})
    assert choice.numbers == {"pca": "1.0.0", "clf": "1.0.0"}
    assert choice.pins == {"clf": "1.0.0"}


def test_a_downstream_op_is_the_newest_that_fits(three: OpStore) -> None:
    assert three.choose(PREDICT, {"pca": "1.0.0"}).numbers == {"pca": "1.0.0", "clf": "1.0.1"}
    assert three.choose(PREDICT, {"pca": "2.0.0"}).numbers == {"pca": "2.0.0", "clf": "1.0.2"}


def test_a_version_is_meant_by_number_string_digests_or_itself(three: OpStore) -> None:
    version = three.choose(PREDICT, {"clf": "1.0.1"}).versions["clf"]
    for pin in ("1.0.1", str(version), ".".join(version.digests), version):
        choice = three.choose(PREDICT, {"clf": pin})
        assert choice.numbers == {"pca": "1.0.0", "clf": "1.0.1"}
        assert choice.pins == {"clf": "1.0.1"}


def test_never_trained_together_is_refused(three: OpStore) -> None:
    with pytest.raises(VersionError, match=r"clf 1\.0\.2 was trained on pca 2\.0\.0") as refusal:
        three.choose(PREDICT, {"pca": "1.0.0", "clf": "1.0.2"})
    assert 'client.load_pipeline("pred_iris")' in (refusal.value.hint or "")
    assert three.choose(PREDICT, {"pca": "1.0.0", "clf": "1.0.0"}).warnings == ()


def test_a_downstream_op_that_none_fits_is_refused(three: OpStore) -> None:
    run(three, TRAIN_PCA, save=True, pca="p4")
    with pytest.raises(VersionError):
        three.choose(PREDICT, {"pca": "4.0.0"})


def test_rolled_back_stays_rolled_back(three: OpStore) -> None:
    load(three, PREDICT, {"clf": "1.0.0"})
    served = three.served("pred_iris")
    assert served is not None
    assert served.pins == {"clf": "1.0.0"}
    assert state(three, served, "clf") == "c1"
    load(three, PREDICT)
    served = three.served("pred_iris")
    assert served is not None
    assert (served.pins, state(three, served, "clf")) == ({}, "c3")


def test_lineages_are_followed_through_pipelines(store: OpStore) -> None:
    """The classifier was trained on a PCA that another pipeline fitted on a scaler."""
    scaler = pipeline("fit_scaler", data(), op("scaler", fits=True, upstream=("data",)))
    fit_pca = pipeline("fit_pca", data(), op("scaler"), pca(fits=True, upstream=("data", "scaler")))
    predict = pipeline("predict", op("scaler"), pca(upstream=("scaler",)), clf())
    for index in "12":
        run(store, scaler, save=True, scaler=f"s{index}")
        run(store, fit_pca, save=True, pca=f"p{index}")
        run(store, TRAIN_CLF, save=True, clf=f"c{index}")
    # The lineage of the classifier names the PCA; the PCA's names the scaler.
    choice = store.choose(predict, {"clf": "1.0.0"})
    assert choice.numbers == {"scaler": "1.0.0", "pca": "1.0.0", "clf": "1.0.0"}


def test_a_lineage_that_fits_the_other_pins_is_taken(store: OpStore) -> None:
    run(store, TRAIN, save=True, pca="p1", clf="c")
    run(store, TRAIN, save=True, pca="p2", clf="c")
    assert store.choose(PREDICT, {"clf": "1.0.0"}).numbers["pca"] == "2.0.0"
    both = store.choose(PREDICT, {"clf": "1.0.0", "pca": "1.0.0"})
    assert both.numbers == {"pca": "1.0.0", "clf": "1.0.0"}


def test_an_unrelated_op_is_the_newest(three: OpStore) -> None:
    fits = pipeline("fit_other", data(), op("other", fits=True))
    run(three, fits, save=True, other="o1")
    run(three, fits, save=True, other="o2")
    choice = three.choose(pipeline("p", pca(), clf(), op("other")), {"clf": "1.0.0"})
    assert choice.numbers["other"] == "2.0.0"


def test_a_node_that_means_one_op_names_it(three: OpStore) -> None:
    node = NodeSpec("reduce", (0,))
    inner = NodeSpec("inner", (1,), pipeline="nested")
    named = replace(PREDICT, nodes=(node, inner))
    assert three.choose(named, {"reduce": "1.0.0"}).pins == {"pca": "1.0.0"}
    assert three.choose(named, {"inner": "1.0.0"}).pins == {"clf": "1.0.0"}
    several = replace(PREDICT, nodes=(NodeSpec("both", (0, 1), pipeline="nested"),))
    with pytest.raises(BadRequest, match="several ops"):
        three.choose(several, {"both": "1.0.0"})


def test_pins_that_mean_nothing(three: OpStore) -> None:
    with pytest.raises(OpNotFound, match="no op with state named 'pcaa'") as unknown:
        three.choose(PREDICT, {"pcaa": "1.0.0"})
    assert unknown.value.hint == "Did you mean 'pca'?"
    with pytest.raises(VersionNotFound, match=r"no version 9\.9\.9 of pca"):
        three.choose(PREDICT, {"pca": "9.9.9"})
    with pytest.raises(BadRequest, match="is not a version"):
        three.choose(PREDICT, {"pca": "newest"})
    with pytest.raises(BadRequest, match="must be text, not int"):
        three.choose(PREDICT, {"pca": 1})  # type: ignore[dict-item]


def test_a_candidate_cannot_be_pinned(three: OpStore) -> None:
    committed = run(three, TRAIN, pca="p5", clf="c5")
    with pytest.raises(VersionError, match="was never saved"):
        three.choose(PREDICT, {"pca": str(committed.versions["pca"])})


def test_a_pin_of_another_code_line_is_refused(three: OpStore) -> None:
    edited = pipeline("pred_iris", pca(("2",)), clf())
    with pytest.raises(VersionError, match=r"pca 1\.0\.0 was made by code .* changed"):
        three.choose(edited, {"pca": "1.0.0"})
