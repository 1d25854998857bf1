"""What a refusal says: which op, which pipelines to run in which order, the line to paste."""

from __future__ import annotations

import ast

import pytest

from jupyter_chariots.errors import NotLoaded, VersionError
from jupyter_chariots.op_store import OpStore
from jupyter_chariots.versioning.spec import PipelineSpec

from .lab import (
    MAJOR,
    PREDICT,
    TRAIN,
    TRAIN_CLF,
    TRAIN_PCA,
    clf,
    data,
    op,
    pca,
    pipeline,
    run,
)


def refusal(store: OpStore, spec: PipelineSpec = PREDICT) -> VersionError:
    with pytest.raises(VersionError) as refused:
        store.choose(spec)
    return refused.value


def register(store: OpStore, *specs: PipelineSpec) -> None:
    for spec in specs:
        store.register(spec, owner="m", source={})


def test_before_any_training_it_says_what_to_run(store: OpStore) -> None:
    register(store, TRAIN, PREDICT)
    error = refusal(store)
    assert isinstance(error, NotLoaded)
    assert error.details["remedy"] == ["train_iris"]
    assert error.details["missing"] == ["clf", "pca"]
    last = (error.hint or "").splitlines()[-1]
    assert last == (
        'client.call_pipeline("train_iris"); client.save_pipeline("train_iris"); '
        'client.load_pipeline("pred_iris")'
    )
    ast.parse(last)


def test_a_retrained_pca_needs_the_classifier_to_be_retrained(store: OpStore) -> None:
    register(store, TRAIN, TRAIN_PCA, PREDICT)
    run(store, TRAIN, save=True, pca="p1", clf="c1")
    run(store, TRAIN_PCA, save=True, pca="p2")
    error = refusal(store)
    assert "clf 1.0.0 was trained on pca 1.0.0, not on 2.0.0" in error.message
    assert error.details["remedy"] == ["train_iris"]
    run(store, TRAIN, save=True, pca="p2", clf="c2")
    assert store.choose(PREDICT).numbers == {"pca": "2.0.0", "clf": "1.0.1"}


def test_the_pipeline_that_retrains_least_is_preferred(store: OpStore) -> None:
    register(store, TRAIN_CLF, TRAIN, TRAIN_PCA, PREDICT)
    run(store, TRAIN, save=True, pca="p1", clf="c1")
    run(store, TRAIN_PCA, save=True, pca="p2")
    assert refusal(store).details["remedy"] == ["train_clf"]
    run(store, TRAIN_CLF, save=True, clf="c2")
    assert store.choose(PREDICT).numbers == {"pca": "2.0.0", "clf": "1.0.1"}


def test_one_pipeline_that_fits_all_is_preferred_to_two(store: OpStore) -> None:
    register(store, TRAIN_CLF, TRAIN, TRAIN_PCA, PREDICT)
    assert refusal(store).details["remedy"] == ["train_iris"]


def test_several_pipelines_in_order(store: OpStore) -> None:
    register(store, TRAIN_CLF, TRAIN_PCA, PREDICT)
    error = refusal(store)
    assert error.details["remedy"] == ["train_pca", "train_clf"]
    assert (error.hint or "").splitlines()[-1] == (
        'client.call_pipeline("train_pca", pipeline_input); client.save_pipeline("train_pca"); '
        'client.call_pipeline("train_clf"); client.save_pipeline("train_clf"); '
        'client.load_pipeline("pred_iris")'
    )


def test_what_retraining_breaks_is_retrained_too(store: OpStore) -> None:
    """The head was trained on the classifier, whose retraining at major level breaks it."""
    fits_clf = op("clf", fits=True, upstream=("data", "pca"), level=MAJOR)
    fits_head = op("head", fits=True, upstream=("data", "clf"))
    used = op("clf", upstream=("pca",), level=MAJOR)
    train_clf = pipeline("train_clf", data(), pca(), fits_clf)
    train_head = pipeline("train_head", data(), used, fits_head)
    predict = pipeline("predict", pca(), used, op("head", upstream=("pca", "clf")))
    whole = pipeline(
        "whole",
        data(),
        pca(fits=True),
        fits_clf,
        op("head", fits=True, upstream=("data", "pca", "clf")),
    )
    run(store, whole, save=True, pca="p1", clf="c1", head="h1")
    register(store, TRAIN_PCA, train_clf, train_head, predict)
    run(store, TRAIN_PCA, save=True, pca="p2")
    error = refusal(store, predict)
    assert error.details["remedy"] == ["whole"]
    register(store, pipeline("whole", data()))
    assert refusal(store, predict).details["remedy"] == ["train_clf", "train_head"]


def test_a_pipeline_that_retrains_more_than_asked_takes_the_rest_along(store: OpStore) -> None:
    """Only `both` fits the classifier; it retrains the PCA, on which the head hangs as well."""
    both = pipeline("both", data(), pca(fits=True), clf(fits=True))
    fits_head = pipeline("fits_head", data(), pca(), op("head", fits=True, upstream=("pca",)))
    predict = pipeline("predict", pca(), clf(), op("head", upstream=("pca",)))
    register(store, both, fits_head, predict)
    run(store, both, save=True, pca="p1", clf="c1")
    run(store, fits_head, save=True, head="h1")
    edited = pipeline("predict", pca(), clf(("2",)), op("head", upstream=("pca",)))
    assert refusal(store, edited).details["remedy"] == ["both", "fits_head"]


def test_an_op_that_nobody_fits_is_named(store: OpStore) -> None:
    error = refusal(store)
    assert error.details["remedy"] == []
    assert "no known pipeline fits pca, clf" in (error.hint or "")
    assert (error.hint or "").splitlines()[-1] == 'client.load_pipeline("pred_iris")'


def test_a_run_that_cannot_start_says_so(store: OpStore) -> None:
    register(store, TRAIN_PCA, TRAIN_CLF)
    with pytest.raises(NotLoaded, match="'train_clf' cannot run: pca has no saved") as refused:
        store.start(TRAIN_CLF)
    assert (refused.value.hint or "").endswith('client.call_pipeline("train_clf")')


def test_the_details_are_json_of_one_refusal(store: OpStore) -> None:
    run(store, TRAIN, save=True, pca="p1", clf="c1")
    run(store, TRAIN_PCA, save=True, pca="p2")
    payload = refusal(store).payload()
    assert payload["code"] == "version_error"
    assert payload["pipeline"] == "pred_iris"
    assert payload["broken"][0]["upstream"] == "pca"
