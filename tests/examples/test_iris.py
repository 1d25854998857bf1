import importlib
import os
import subprocess
import sys

import numpy as np
import pytest

from jupyter_chariots import OpStore, SequentialRunner
from jupyter_chariots.errors import InvalidInput, NotLoaded, VersionError
from jupyter_chariots.examples import iris as module

ROW = [[5.1, 3.5, 1.4, 0.2]]
run = SequentialRunner().run


@pytest.fixture
def iris():
    """The example, with ops that hold nothing yet."""
    return importlib.reload(module)


@pytest.fixture
def store(tmp_path):
    store = OpStore(tmp_path / "op_store.db", secret=b"secret of the test")
    yield store
    store.close()


def test_the_pipelines_are_what_they_say(iris):
    assert [p.name for p in (iris.train_iris, iris.train_pca, iris.pred_iris)] == [
        "train_iris",
        "train_pca",
        "pred_iris",
    ]
    assert iris.pred_iris.batchable
    assert set(iris.pred_iris.spec.stateful) == {"pcaop", "logisticop"}
    assert not iris.pred_iris.spec.changes
    assert iris.train_iris.spec.stateful["logisticop"].upstream == ("irisop", "pcaop")


def test_predicting_before_any_training_says_what_to_do(iris):
    with pytest.raises(NotLoaded):
        run(iris.pred_iris, ROW)


def test_train_save_load_predict(iris, store):
    assert run(iris.train_iris) is None
    iris.train_iris.save(store)
    assert iris.pred_iris.load(store) == []
    classes = run(iris.pred_iris, ROW)
    assert classes.tolist() == [0]
    assert np.issubdtype(classes.dtype, np.integer)
    assert run(iris.pred_iris, [*ROW, [6.2, 2.9, 4.3, 1.3], [7.7, 3.0, 6.1, 2.3]]).tolist() == [
        0,
        1,
        2,
    ]


def test_another_pca_is_refused_until_the_classifier_follows(iris, store):
    run(iris.train_iris)
    iris.train_iris.save(store)
    iris.pred_iris.load(store)
    run(iris.train_pca, 1)
    iris.train_pca.save(store)
    with pytest.raises(VersionError, match="train_iris"):
        iris.pred_iris.load(store)
    assert run(iris.pred_iris, ROW).tolist() == [0]
    run(iris.train_iris)
    iris.train_iris.save(store)
    iris.pred_iris.load(store)


def test_training_is_repeatable_and_another_seed_is_another_version(iris):
    run(iris.train_iris)
    first = iris.train_iris.get_pipeline_versions()
    run(iris.train_iris)
    assert iris.train_iris.get_pipeline_versions() == first
    versions = []
    for seed in (1, 2, 1):
        run(iris.train_pca, seed)
        versions.append(iris.train_pca.get_pipeline_versions()["pcaop"])
    assert versions[0] == versions[2] != versions[1]
    assert first["pcaop"] not in versions
    with pytest.raises(InvalidInput):
        run(iris.train_pca)


def test_the_classifier_reports_its_accuracy(iris):
    run(iris.train_iris)
    learned = {one.op: one for one in iris.train_iris.last_run.learned}
    assert learned["logisticop"].facts["metrics"]["training_accuracy"] > 0.9
    assert learned["pcaop"].facts["schema"]["shape"] == [None, 4]


def test_training_gives_the_same_versions_in_every_process():
    code = (
        "from jupyter_chariots import SequentialRunner\n"
        "from jupyter_chariots.examples.iris import train_iris\n"
        "SequentialRunner().run(train_iris)\n"
        "print([v.digests for v in train_iris.get_pipeline_versions().values()])\n"
    )
    outputs = {
        subprocess.run(
            [sys.executable, "-W", "error", "-c", code],
            env={**os.environ, "PYTHONHASHSEED": seed},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed in ("1", "2")
    }
    assert len(outputs) == 1
