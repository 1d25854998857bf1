import json
import mmap
import subprocess
import sys
import threading

import numpy as np
import pytest

from jupyter_chariots import (
    BaseMLOp,
    MLMode,
    Node,
    OpCallBack,
    OpStore,
    Pipeline,
    SequentialRunner,
    ThreadRunner,
    VersionedField,
    VersionType,
)
from jupyter_chariots.errors import NodeFailed, NotLoaded, SerializationError
from jupyter_chariots.ml import JSONSerializer
from jupyter_chariots.versioning.version import Version

run = SequentialRunner().run
IN, OUT = "__pipeline_input__", "__pipeline_output__"


class Mean(BaseMLOp):
    """Learns the mean of what it is given, and adds it to what it is given."""

    offset = VersionedField(0, VersionType.MINOR)

    def _init_model(self):
        return {"mean": None, "fits": 0}

    def fit(self, values):
        self._model["mean"] = sum(values) / len(values) + self.offset
        self._model["fits"] += 1
        self.report(size=len(values))

    def predict(self, values):
        return [value + self._model["mean"] for value in values]


class Growing(Mean):
    incremental = True

    def fit(self, values):
        super().fit(values)
        self._model.setdefault("seen", []).append(values)


class Breaks(OpCallBack):
    def after_execution(self, op, args, output):
        raise RuntimeError("broken on purpose")


def fail(*args):
    raise RuntimeError("broken on purpose")


def fit_pipeline(op, *more):
    return Pipeline([Node(op, [IN], "fitted"), *more], "fit")


def test_fit_gives_nothing_and_fit_predict_what_it_predicts():
    assert Mean(MLMode.FIT).execute([1, 3]) is None
    assert Mean(MLMode.FIT_PREDICT).execute([1, 3]) == [3, 5]


def test_fit_predict_predicts_for_as_many_inputs_as_predict_takes():
    class TwoInputs(Mean):
        def fit(self, values, weights):
            super().fit(values)

    assert TwoInputs(MLMode.FIT_PREDICT).execute([1, 3], [0, 0]) == [3, 5]

    class PredictsBoth(TwoInputs):
        def predict(self, *inputs):
            return len(inputs)

    assert PredictsBoth(MLMode.FIT_PREDICT).execute([1, 3], [0, 0]) == 2


def test_modes_may_be_given_by_value():
    assert Mean("predict").mode is MLMode.PREDICT
    with pytest.raises(ValueError, match="train"):
        Mean("train")


def test_what_the_version_rules_see():
    fit, predict, both = (Mean(mode) for mode in (MLMode.FIT, MLMode.PREDICT, MLMode.FIT_PREDICT))
    assert [op.fits for op in (fit, predict, both)] == [True, False, True]
    assert [op.changes for op in (fit, predict, both)] == [True, False, True]
    assert [op.needs_state for op in (fit, predict, both)] == [False, True, False]
    assert not any(op.carries for op in (fit, predict, both))
    assert Growing(MLMode.FIT).carries
    assert not Growing(MLMode.PREDICT).carries
    assert fit.__version__ == predict.__version__ == both.__version__
    assert fit.training_update_version is VersionType.MAJOR


def test_predicting_without_a_model_says_what_to_do():
    pipeline = Pipeline([Node(Mean(MLMode.PREDICT), [IN], OUT)], "pred")
    with pytest.raises(NotLoaded, match="'mean'") as refused:
        run(pipeline, [1])
    assert refused.value.status == 419
    assert refused.value.hint
    assert refused.value.details["op"] == "mean"
    assert refused.value.details["pipeline"] == "pred"


def test_a_model_that_comes_trained_predicts_as_constructed():
    class Known(Mean):
        comes_trained = True

        def _init_model(self):
            return {"mean": 10}

    op = Known(MLMode.PREDICT)
    assert not op.needs_state
    assert op.execute([1]) == [11]


def test_the_model_is_made_when_it_is_needed():
    made = []

    class Late(Mean):
        def _init_model(self):
            made.append(self)
            return super()._init_model()

    op = Late(MLMode.FIT)
    Pipeline([Node(op, [IN])], "fit")
    assert not made
    op.execute([1])
    assert len(made) == 1


def test_each_fit_works_on_a_fresh_model():
    op = Mean(MLMode.FIT)
    pipeline = fit_pipeline(op)
    for values in ([1], [2, 4]):
        run(pipeline, values)
    assert op._model == {"mean": 3, "fits": 1}


def test_equal_training_gives_an_equal_version_and_other_training_another():
    op = Mean(MLMode.FIT)
    pipeline = fit_pipeline(op)
    versions = []
    for values in ([1], [2], [1]):
        run(pipeline, values)
        versions.append(op.op_version)
    assert versions[0] == versions[2] != versions[1]
    assert versions[0].major != versions[1].major
    assert versions[0].minor == versions[1].minor


@pytest.mark.parametrize("runner", [SequentialRunner(), ThreadRunner()])
def test_a_run_that_fails_leaves_the_model_as_it_was(runner):
    op = Mean(MLMode.FIT)
    after = Node(fail, ["fitted"])
    good, bad = fit_pipeline(op), Pipeline([Node(op, [IN], "fitted"), after], "bad")
    runner.run(good, [1])
    before = op._model, op.op_version, op.facts()
    with pytest.raises(NodeFailed, match="broken on purpose"):
        runner.run(bad, [5])
    assert op._model is before[0]
    assert op._model["mean"] == 1
    assert op.op_version == before[1]
    assert op.facts() == before[2]


def test_a_fit_that_fails_leaves_an_unfitted_op_unfitted():
    class Fails(Mean):
        def fit(self, values):
            self._model["mean"] = 1
            fail()

    op = Fails(MLMode.FIT)
    with pytest.raises(NodeFailed):
        run(fit_pipeline(op), [1])
    assert not op.is_trained


def test_attributes_that_fit_sets_go_back_with_the_model():
    class Keeps(Mean):
        last = None

        def fit(self, values):
            super().fit(values)
            self.last = values

    op = Keeps(MLMode.FIT)
    with pytest.raises(NodeFailed):
        run(Pipeline([Node(op, [IN], "x"), Node(fail, ["x"])], "bad"), [1])
    assert op.last is None


def test_a_state_that_cannot_be_written_fails_the_run_and_changes_nothing():
    class Locked(Mean):
        def fit(self, values):
            self._model["lock"] = threading.Lock()

    op = Locked(MLMode.FIT)
    with pytest.raises(SerializationError, match="lock"):
        run(fit_pipeline(op), [1])
    assert not op.is_trained


def test_one_graph_trains_and_predicts():
    pipeline = Pipeline(
        [
            Node(Mean(MLMode.PREDICT), [IN], OUT, name="predict"),
            Node(Mean(MLMode.FIT), [IN], name="train"),
        ],
        "both",
    )
    assert run(pipeline, [1, 3]) == [3, 5]
    assert run(pipeline, [0, 2]) == [1, 3]
    versions = pipeline.get_pipeline_versions()
    assert versions["train"] == versions["predict"]


def test_state_goes_to_another_op_as_bytes():
    op, other = Mean(MLMode.FIT), Mean(MLMode.PREDICT)
    op.execute([1, 3])
    for payload in (op.serialize(), bytearray(op.serialize()), memoryview(op.serialize())):
        other.load(payload)
        assert other.execute([0]) == [2]


def test_the_serialiser_of_the_class_is_used():
    class Text(Mean):
        serializer_cls = JSONSerializer

    op = Text(MLMode.FIT)
    op.execute([1, 3])
    assert op.serialize() == b'{"mean":2.0,"fits":1}'


def test_incremental_fits_go_on_from_a_copy():
    op = Growing(MLMode.FIT)
    pipeline = fit_pipeline(op)
    run(pipeline, [1])
    first = op._model
    run(pipeline, [2])
    assert op._model["seen"] == [[1], [2]]
    assert op._model["fits"] == 2
    assert first["seen"] == [[1]]


def test_an_incremental_fit_that_fails_changes_nothing():
    op = Growing(MLMode.FIT)
    run(fit_pipeline(op), [1])
    with pytest.raises(NodeFailed):
        run(Pipeline([Node(op, [IN], "x"), Node(fail, ["x"])], "bad"), [2])
    assert op._model["seen"] == [[1]]
    run(fit_pipeline(op), [3])
    assert op._model["seen"] == [[1], [3]]


def test_incremental_fits_go_on_from_a_loaded_state_and_leave_its_bytes():
    op, other = Growing(MLMode.FIT), Growing(MLMode.FIT)
    run(fit_pipeline(op), [1])
    payload = bytearray(op.serialize())
    before = bytes(payload)
    other.load(payload)
    run(fit_pipeline(other), [2])
    assert other._model["seen"] == [[1], [2]]
    assert payload == before


def test_facts_tell_parameters_schema_duration_and_metrics():
    op = Mean(MLMode.FIT)
    run(fit_pipeline(op), [1, 3])
    facts = op.facts()
    assert facts["parameters"] == {"offset": 0}
    assert facts["schema"]["example"] == 1
    assert facts["duration"] >= 0
    assert facts["metrics"] == {"size": 2}


def test_metrics_of_one_run_do_not_reach_the_next():
    class Reports(Mean):
        def fit(self, values):
            super().fit(values)
            self.report(**{f"metric_{len(values)}": 1.0})

    op = Reports(MLMode.FIT)
    pipeline = fit_pipeline(op)
    run(pipeline, [1, 2])
    run(pipeline, [1])
    assert set(op.facts()["metrics"]) == {"size", "metric_1"}


def test_what_the_run_leaves_is_in_its_record():
    pipeline = fit_pipeline(Mean(MLMode.FIT))
    run(pipeline, [1, 3])
    (learned,) = pipeline.last_run.learned
    assert learned.fitted
    assert learned.facts["metrics"] == {"size": 2}
    assert isinstance(learned.version, Version)


def test_a_fingerprint_of_ones_own_decides_the_version():
    class Rounded(Mean):
        def fingerprint(self, model):
            return f"{model['mean']:.1f}"

    op = Rounded(MLMode.FIT)
    pipeline = fit_pipeline(op)
    versions = []
    for values in ([1.0], [1.0001], [2.0]):
        run(pipeline, values)
        versions.append(op.op_version)
    assert versions[0] == versions[1] != versions[2]


def test_predicting_changes_no_version_and_leaves_no_run():
    op = Mean(MLMode.PREDICT)
    op.load(Mean(MLMode.FIT).serializer_cls().serialize_object({"mean": 1}))
    pipeline = Pipeline([Node(op, [IN], OUT)], "pred")
    assert run(pipeline, [1]) == [2]
    assert pipeline.last_run is None


def test_importing_the_base_class_imports_no_numerics():
    code = (
        "import sys; from jupyter_chariots import BaseMLOp, MLMode, SKSupervisedOp, as_op;"
        "heavy = {'numpy', 'pandas', 'sklearn', 'cloudpickle', 'joblib', 'scipy'};"
        "print(sorted(heavy & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


class Table(BaseMLOp):
    """Learns a large array."""

    def _init_model(self):
        return np.zeros(20_000)

    def fit(self, value):
        self._model[:] = value

    def predict(self, value):
        self._model[0] += value  # as models with caches in their arrays do
        return self._model[:2].tolist()


class OwnFormat(Table):
    """Reads its state its own way, which need not know of memory maps."""

    def load(self, serialized_object):
        assert isinstance(serialized_object, (bytes, bytearray))
        super().load(serialized_object)


class AsText(Table):
    class serializer_cls(JSONSerializer):
        def serialize_object(self, target):
            return super().serialize_object(target.tolist())

        def deserialize_object(self, serialized_object):
            return np.array(json.loads(serialized_object))


@pytest.mark.parametrize(("kind", "mapped"), [(Table, True), (OwnFormat, False), (AsText, False)])
def test_large_states_are_mapped_where_the_op_and_its_serialiser_can(tmp_path, kind, mapped):
    with OpStore(tmp_path / "op_store.db", secret=b"secret of the test") as store:
        training = Pipeline([Node(kind(MLMode.FIT), IN)], "train")
        run(training, 3)
        training.save(store)
        for _ in range(2):  # what the first one writes is not stored
            using = Pipeline([Node(kind(MLMode.PREDICT), IN, OUT)], "use")
            using.load(store)
            (op,) = using.ops.values()
            assert isinstance(owner(op._model), mmap.mmap) is mapped
            assert run(using, 1) == [4, 3]


def owner(array):
    """What holds the memory of an array."""
    while isinstance(array, (np.ndarray, memoryview)):
        array = array.base if isinstance(array, np.ndarray) else array.obj
    return array


def test_what_is_unpickled_is_what_was_checked(tmp_path):
    op = Table(MLMode.FIT)
    good = {"table": np.ones(50_000), "names": ["good"] * 50_000}
    evil = {"table": np.ones(50_000), "names": ["evil"] * 50_000}
    payloads = []
    for state in (good, evil):
        op.adopt(state)
        payloads.append(op.serialize())
    assert len(payloads[0]) == len(payloads[1])
    file = tmp_path / "state"
    file.write_bytes(payloads[0])
    with file.open("r+b") as opened:
        mapping = mmap.mmap(opened.fileno(), 0, access=mmap.ACCESS_COPY)
        op.maps_state(mapping)
        assert mapping[:] == payloads[0]
        opened.write(payloads[1])
    op.load(mapping)
    assert set(op._model["names"]) == {"good"}
