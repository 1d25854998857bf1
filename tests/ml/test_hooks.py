"""Fits tell how far they are, and learn the same as if nobody watched."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
from sklearn.base import BaseEstimator
from sklearn.datasets import load_iris
from sklearn.decomposition import PCA
from sklearn.ensemble import GradientBoostingClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC

from jupyter_chariots import MLMode, Node, Pipeline, SequentialRunner, as_op, progress
from jupyter_chariots.ml import KerasOp
from jupyter_chariots.pipelines.watching import Watcher, watch

X, y = load_iris(return_X_y=True)
try:
    import sklearn.callback as callbacks
except ImportError:
    callbacks = None
with_callbacks = pytest.mark.skipif(callbacks is None, reason="this scikit-learn has none")


def run(op):
    """Fit an op; what it told, each thing once."""
    data = Node(lambda: (X, y), output_nodes=["X", "y"], name="data")
    pipeline = Pipeline([data, Node(op, ["X", "y"], name="model")], "fit")
    told = []

    def heard():
        note = watcher.note()
        one = (note["i"], note["n"], note["message"])
        if note["n"] is not None and one not in told:
            told.append(one)

    watcher = Watcher(heard)
    watch(watcher)
    try:
        SequentialRunner().run(pipeline)
    finally:
        watch(None)
    return told


def run_unwatched(op):
    data = Node(lambda: (X, y), output_nodes=["X", "y"], name="data")
    SequentialRunner().run(Pipeline([data, Node(op, ["X", "y"], name="model")], "fit"))
    return op


def told_by(estimator):
    """What the fit of an estimator tells; it has to leave no trace in what was learned."""

    def make():
        return as_op(estimator, name="model", mode=MLMode.FIT)

    watched = make()
    told = run(watched)
    other = run_unwatched(make())
    assert watched.op_version.digests == other.op_version.digests
    assert watched.serialize() == other.serialize()
    return told


def test_trees_of_gradient_boosting():
    told = told_by(GradientBoostingClassifier(n_estimators=5, random_state=0))
    assert told == [(count, 5, "trees") for count in range(1, 6)]


@with_callbacks
def test_steps_of_a_pipeline():
    told = told_by(make_pipeline(StandardScaler(), PCA(2), SVC()))
    assert told[0] == (0, 3, "fit transform standardscaler")
    assert told[-1] == (3, 3, "fit final estimator")


@with_callbacks
def test_iterations_of_a_solver():
    told = told_by(LogisticRegression(max_iter=300))
    assert told[-1][0] > 5
    assert {message for _, _, message in told} == {"lbfgs iter"}
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # it cannot tell, and says nothing of that either
        assert told_by(LogisticRegression(solver="newton-cholesky")) == []


@with_callbacks
@pytest.mark.parametrize("n_jobs", [None, 2])
def test_candidates_of_a_search(n_jobs):
    search = GridSearchCV(SVC(), {"C": [0.1, 1]}, cv=3, n_jobs=n_jobs)
    op = as_op(search, name="model", mode=MLMode.FIT)
    told = run(op)
    counts = [i for i, n, message in told if message == "candidate split evaluation"]
    assert counts == sorted(counts)
    assert counts[-1] == 6
    assert (2, 2, "refit with best params") in told
    model = op._model
    other = run_unwatched(as_op(search, name="model", mode=MLMode.FIT))._model
    assert not hasattr(model, "_skl_callbacks")
    assert vars(model).keys() == vars(other).keys()
    assert vars(model.best_estimator_).keys() == vars(other.best_estimator_).keys()
    assert np.array_equal(
        model.cv_results_["mean_test_score"], other.cv_results_["mean_test_score"]
    )


@with_callbacks
def test_callbacks_of_the_users_own_stay():
    class Own:
        calls = 0

        def setup(self, estimator, context):
            pass

        teardown = setup

        def on_fit_task_begin(self, estimator, context):
            self.calls += 1

        on_fit_task_end = on_fit_task_begin

    own = Own()
    op = as_op(LogisticRegression(), name="model", mode=MLMode.FIT)
    op._init_model = lambda: LogisticRegression(max_iter=300).set_callbacks(own)
    assert run(op)
    assert own.calls > 4
    assert op._model._skl_callbacks == [own]


def test_a_fit_that_fails_leaves_no_callback():
    class Failing(BaseEstimator):
        def fit(self, X, y):
            raise RuntimeError("no")

        def predict(self, X):
            return X

    pipeline = make_pipeline(StandardScaler(), Failing())
    op = as_op(pipeline, name="model", mode=MLMode.FIT)
    seen = []
    init = op._init_model
    op._init_model = lambda: seen.append(init()) or seen[-1]
    with pytest.raises(ValueError, match="no"):
        run(op)
    assert seen
    assert not any("_skl_callbacks" in vars(model) for model in seen)


def test_models_without_hooks():
    assert told_by(SVC()) == []


class Line(KerasOp):
    """Small and quick: one layer."""

    input_params = {"epochs": 2, "batch_size": 75}

    def _init_model(self):
        import keras

        keras.utils.set_random_seed(0)
        model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(1)])
        model.compile("adam", "mse", run_eagerly=True)
        return model


def test_epochs_and_batches_of_keras():
    watched, other = Line(MLMode.FIT, verbose=0), Line(MLMode.FIT, verbose=0)
    told = run(watched)
    assert [i for i, _, _ in told] == sorted(i for i, _, _ in told)
    assert {n for _, n, _ in told} == {4}
    assert told[0] == (0, 4, "epoch 1 of 2")
    assert told[1] == (1, 4, "epoch 1 of 2")
    assert told[-1][0] == 4
    assert told[-1][2].startswith("epoch 2 of 2: loss ")
    run_unwatched(other)
    assert watched.op_version.digests == other.op_version.digests


def test_callbacks_of_keras_in_any_form():
    import keras

    class Count(keras.callbacks.Callback):
        calls = 0

        def on_epoch_end(self, epoch, logs=None):
            type(self).calls += 1

    for given in (Count(), [Count()], (Count(),)):
        op = Line(MLMode.FIT, verbose=0)
        op.input_params = {"epochs": 1, "callbacks": given}
        run(op)
    assert Count.calls == 3


def test_an_op_may_tell_around_a_fit():
    class Twice(Line):
        def fit(self, X, y):
            super().fit(X, y)
            progress(1, 1, "evaluating")

    assert run(Twice(MLMode.FIT, verbose=0))[-1] == (1, 1, "evaluating")
