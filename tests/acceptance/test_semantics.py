"""The semantics that are the product, with real models on a real store, in this process."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.decomposition import PCA
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import LabelEncoder

from jupyter_chariots import (
    BaseOp,
    LoadableOp,
    MLMode,
    Node,
    OpStore,
    Pipeline,
    SequentialRunner,
    SKSupervisedOp,
    SKUnsupervisedOp,
    VersionedField,
    VersionedFieldDict,
    VersionType,
)
from jupyter_chariots.errors import NotLoaded, VersionError


class Data(BaseOp):
    """Two clusters, drawn by the seed that the pipeline gets."""

    op_name = "data"

    def execute(self, seed: int = 0):
        draw = np.random.default_rng(seed)
        y = np.arange(60) % 2
        return draw.normal(size=(60, 4)) + 3 * y[:, None], y


class PCAOp(SKUnsupervisedOp):
    op_name = "pca"
    model_class = PCA
    model_parameters = VersionedFieldDict(VersionType.MAJOR, {"n_components": 2})


class Normalise(BaseOp):
    op_name = "normalise"

    def execute(self, rows):
        return np.asarray(rows) / 10


class Classifier(SKSupervisedOp):
    op_name = "classifier"
    model_class = LogisticRegression
    model_parameters = VersionedFieldDict(VersionType.MAJOR, {"C": 1.0})


def train(name="train", *, normalise=False):
    middle = [Node(Normalise(), ["Z"], "N")] if normalise else []
    return Pipeline(
        [
            Node(Data(), ["__pipeline_input__"], ["X", "y"]),
            Node(PCAOp(MLMode.FIT_PREDICT), ["X"], "Z"),
            *middle,
            Node(Classifier(MLMode.FIT), ["N" if normalise else "Z", "y"]),
        ],
        name,
    )


def train_pca():
    return Pipeline(
        [
            Node(Data(), ["__pipeline_input__"], ["X", "y"]),
            Node(PCAOp(MLMode.FIT), ["X"]),
        ],
        "train_pca",
    )


def train_classifier():
    return Pipeline(
        [
            Node(Data(), ["__pipeline_input__"], ["X", "y"]),
            Node(PCAOp(MLMode.PREDICT), ["X"], "Z"),
            Node(Classifier(MLMode.FIT), ["Z", "y"]),
        ],
        "train_classifier",
    )


def predict(*, normalise=False):
    middle = [Node(Normalise(), ["Z"], "N")] if normalise else []
    return Pipeline(
        [
            Node(PCAOp(MLMode.PREDICT), ["__pipeline_input__"], "Z"),
            *middle,
            Node(Classifier(MLMode.PREDICT), ["N" if normalise else "Z"], "__pipeline_output__"),
        ],
        "predict",
    )


@pytest.fixture
def store(tmp_path):
    store = OpStore(tmp_path / "op_store.db")
    yield store
    store.close()


def run(pipeline, pipeline_input=None):
    return SequentialRunner().run(pipeline, pipeline_input)


def run_and_save(pipeline, store, pipeline_input=None):
    run(pipeline, pipeline_input)
    pipeline.save(store)
    return pipeline


def versions(pipeline):
    return {name: op.op_version for name, op in pipeline.ops.items()}


def loaded(store, pipeline=None, pins=None):
    pipeline = pipeline or predict()
    pipeline.load(store, pins)
    return pipeline


def test_a_trained_pipeline_predicts(store):
    run_and_save(train(), store, 1)
    answer = run(loaded(store), [[0, 0, 0, 0], [3, 3, 3, 3]])
    assert list(answer) == [0, 1]


def test_before_any_training_the_prediction_is_refused(store):
    with pytest.raises(VersionError, match=r"(?i)train"):
        loaded(store)
    with pytest.raises((NotLoaded, ValueError)):
        run(predict(), [[0, 0, 0, 0]])


def test_pca_retrained_on_other_data_is_refused_with_reason_and_remedy(store):
    run_and_save(train(), store, 1)
    run_and_save(train_pca(), store, 2)
    with pytest.raises(VersionError) as refused:
        loaded(store)
    text = str(refused.value)
    assert "classifier 1.0.0" in text
    assert "pca 1.0.0" in text
    assert "2.0.0" in text
    assert "train" in refused.value.details["remedy"]


def test_pca_retrained_on_the_same_data_is_the_same_version(store):
    run_and_save(train(), store, 1)
    before = versions(loaded(store))
    run_and_save(train_pca(), store, 1)
    assert versions(loaded(store)) == before


def test_only_the_classifier_retrained_is_accepted(store):
    run_and_save(train(), store, 1)
    other = train_classifier()
    other.load(store)
    run_and_save(other, store, 2)
    after = loaded(store)
    assert after.ops["classifier"].op_version == other.ops["classifier"].op_version
    assert store.version_number("classifier", after.ops["classifier"].op_version) == "1.0.1"


def test_lineage_sees_through_stateless_ops(store):
    run_and_save(train(normalise=True), store, 1)
    loaded(store, predict(normalise=True))
    run_and_save(train_pca(), store, 2)
    with pytest.raises(VersionError):
        loaded(store, predict(normalise=True))


def test_a_save_without_a_run_forges_no_link(store):
    run_and_save(train(), store, 1)
    run_and_save(train_pca(), store, 2)
    trainer = train()
    trainer.load(store)
    trainer.save(store)
    with pytest.raises(VersionError):
        loaded(store)


def test_a_prediction_that_was_run_and_saved_forges_no_link(store):
    run_and_save(train(), store, 1)
    served = loaded(store)
    run_and_save(train_pca(), store, 2)
    run(served, [[0, 0, 0, 0]])
    served.save(store)
    with pytest.raises(VersionError):
        loaded(store)


def test_trained_on_one_two_one_serves_one(store):
    first_time = versions(run_and_save(train(), store, 1))
    run_and_save(train(), store, 2)
    again = train()
    run(again, 1)
    assert versions(again) == first_time
    again.save(store)
    assert versions(loaded(store)) == first_time


def test_a_second_save_changes_nothing(store):
    pipeline = train()
    run(pipeline, 1)
    run(pipeline, 2)
    pipeline.save(store)
    before = store.sequence()
    pipeline.save(store)
    assert store.sequence() == before
    assert len(store.history("pca", limit=10)) == 1


def test_train_load_save_keeps_the_load(store):
    pipeline = run_and_save(train(), store, 1)
    saved = versions(pipeline)
    run(pipeline, 2)
    pipeline.load(store)
    assert versions(pipeline) == saved
    pipeline.save(store)
    assert versions(loaded(store)) == saved


def test_a_training_that_uses_an_old_pca_does_not_make_it_the_newest(store):
    run_and_save(train(), store, 1)
    classifier = train_classifier()
    classifier.load(store)
    run_and_save(train(), store, 2)
    newest = versions(loaded(store))["pca"]
    run_and_save(classifier, store, 3)
    chosen = store.start(train_classifier().spec)
    assert chosen.versions["pca"] == newest


def test_a_refused_load_changes_nothing_in_the_process(store):
    run_and_save(train(), store, 1)
    served = loaded(store)
    before = versions(served)
    model = served.ops["pca"]._model
    run_and_save(train_pca(), store, 2)
    with pytest.raises(VersionError):
        served.load(store)
    assert versions(served) == before
    assert served.ops["pca"]._model is model
    assert list(run(served, [[0, 0, 0, 0]])) == [0]


def test_roll_back_takes_the_ancestors_from_the_lineage(store):
    old = versions(run_and_save(train(), store, 1))
    new = versions(run_and_save(train(), store, 2))
    assert versions(loaded(store)) == new
    rolled_back = loaded(store, pins={"classifier": str(old["classifier"])})
    assert versions(rolled_back) == old
    by_number = loaded(store, pins={"pca": store.version_number("pca", old["pca"])})
    assert versions(by_number) == old


def test_a_combination_never_trained_together_is_refused(store):
    old = versions(run_and_save(train(), store, 1))
    new = versions(run_and_save(train(), store, 2))
    with pytest.raises(VersionError):
        loaded(store, pins={"pca": str(old["pca"]), "classifier": str(new["classifier"])})


def test_a_major_edit_that_was_never_retrained_is_refused(store):
    run_and_save(train(), store, 1)

    class Edited(Classifier):
        model_parameters = VersionedFieldDict(VersionType.MAJOR, {"C": 2.0})

    pipeline = Pipeline(
        [
            Node(PCAOp(MLMode.PREDICT), ["__pipeline_input__"], "Z"),
            Node(Edited(MLMode.PREDICT), ["Z"], "__pipeline_output__"),
        ],
        "predict",
    )
    with pytest.raises(VersionError, match=r"(?i)retrain"):
        pipeline.load(store)


def test_a_patch_edit_is_accepted_with_a_warning(store):
    run_and_save(train(), store, 1)

    class Edited(Classifier):
        note = VersionedField("edited", VersionType.PATCH)

    pipeline = Pipeline(
        [
            Node(PCAOp(MLMode.PREDICT), ["__pipeline_input__"], "Z"),
            Node(Edited(MLMode.PREDICT), ["Z"], "__pipeline_output__"),
        ],
        "predict",
    )
    warnings = pipeline.load(store)
    assert any("classifier" in warning for warning in warnings)
    assert list(run(pipeline, [[3, 3, 3, 3]])) == [1]
    recorded = pipeline.ops["classifier"].op_version
    assert recorded in store.get_all_versions_of_op("classifier")


class Encoder(SKUnsupervisedOp):
    op_name = "encoder"
    model_class = LabelEncoder


def test_an_encoder_may_stand_on_the_other_side_in_prediction(store):
    names = np.array(["no", "yes"])

    def label(y):
        return names[y]

    trainer = Pipeline(
        [
            Node(Data(), ["__pipeline_input__"], ["X", "y"]),
            Node(label, ["y"], "labels"),
            Node(Encoder(MLMode.FIT_PREDICT), ["labels"], "codes"),
            Node(Classifier(MLMode.FIT), ["X", "codes"]),
        ],
        "train_labels",
    )

    class Reverse(Encoder):
        code_version = None

        def predict(self, codes):
            return self._model.inverse_transform(codes)

    served = Pipeline(
        [
            Node(Classifier(MLMode.PREDICT), ["__pipeline_input__"], "codes"),
            Node(Reverse(MLMode.PREDICT), ["codes"], "__pipeline_output__"),
        ],
        "predict_labels",
    )
    run_and_save(trainer, store, 1)
    served.load(store)
    assert list(run(served, [[3, 3, 3, 3]])) == ["yes"]


def test_a_stateless_op_that_only_predicts_is_free(store):
    run_and_save(train(), store, 1)
    pipeline = Pipeline(
        [
            Node(Normalise(), ["__pipeline_input__"], "N"),
            Node(PCAOp(MLMode.PREDICT), ["N"], "Z"),
            Node(Classifier(MLMode.PREDICT), ["Z"], "__pipeline_output__"),
        ],
        "predict",
    )
    pipeline.load(store)


def test_a_reloaded_model_that_is_saved_again_is_no_new_version(store):
    run_and_save(train(), store, 1)
    trainer = train()
    trainer.load(store)
    trainer.save(store)
    served = loaded(store)
    served.save(store)
    assert len(store.get_all_versions_of_op("pca")) == 1
    assert versions(loaded(store)) == versions(served)


class Counter(LoadableOp):
    op_name = "counter"

    def __init__(self) -> None:
        super().__init__()
        self.count = 0

    def execute(self):
        self.count += 1
        return self.count

    def serialize(self):
        return str(self.count).encode()

    def load(self, serialized_object):
        self.count = int(bytes(serialized_object))


def test_an_op_that_counts_its_runs_goes_on_counting(store):
    def counting():
        return Pipeline([Node(Counter(), output_nodes="__pipeline_output__")], "count")

    pipeline = counting()
    assert [run(pipeline) for _ in range(3)] == [1, 2, 3]
    pipeline.save(store)
    again = counting()
    again.load(store)
    assert run(again) == 4
