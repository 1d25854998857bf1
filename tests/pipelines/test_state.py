"""What runs leave, saving and loading in this process, on the real store."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from jupyter_chariots.errors import NameTaken, SerializationError, VersionError
from jupyter_chariots.ml import MLMode
from jupyter_chariots.op_store import OpStore
from jupyter_chariots.pipelines import Node, Pipeline, SequentialRunner
from jupyter_chariots.versioning import RunRecord, VersionedField, VersionType

from .samples import CountOp, Mean, Vocabulary, add, double

OUT = "__pipeline_output__"
IN = "__pipeline_input__"


class Scale(Mean):
    """A second model, downstream of the first."""

    training_update_version = VersionType.PATCH

    def fit(self, mean: float) -> None:
        self._model["scale"] = mean

    def predict(self, mean: float) -> float:
        return float(mean - self._model["scale"])


def train() -> Pipeline:
    return Pipeline(
        [
            Node(Mean(MLMode.FIT_PREDICT), IN, "mean"),
            Node(double, "mean", "doubled"),
            Node(Scale(MLMode.FIT), "doubled"),
        ],
        "train",
    )


def train_mean() -> Pipeline:
    return Pipeline([Node(Mean(MLMode.FIT), IN)], "train_mean")


def predict() -> Pipeline:
    return Pipeline(
        [
            Node(Mean(MLMode.PREDICT), IN, "mean"),
            Node(double, "mean", "doubled"),
            Node(Scale(MLMode.PREDICT), "doubled", OUT),
        ],
        "predict",
    )


def count() -> Pipeline:
    return Pipeline([Node(CountOp(), output_nodes=OUT)], "count")


def run(pipeline: Pipeline, pipeline_input: Any = None) -> Any:
    return SequentialRunner().run(pipeline, pipeline_input)


def left(pipeline: Pipeline) -> RunRecord:
    assert pipeline.last_run is not None
    return pipeline.last_run


@pytest.fixture
def store(tmp_path: Path) -> Iterator[OpStore]:
    with OpStore(tmp_path / "op_store.db", secret=b"0" * 32) as opened:
        yield opened


def test_what_a_fit_leaves() -> None:
    pipeline = train()
    before = pipeline.get_pipeline_versions()
    run(pipeline, [1, 3])
    record = left(pipeline)
    mean, scale = record.learned
    assert (mean.op, scale.op) == ("mean", "scale")
    assert mean.fitted
    assert mean.version.major != before["mean"].major
    assert scale.version.major == before["scale"].major
    assert scale.version.patch != before["scale"].patch
    assert mean.class_version == before["mean"]
    assert mean.version == mean.class_version.learned(VersionType.MAJOR, mean.fingerprint)
    assert mean.learned == mean.version.created
    assert record.after == {"mean": mean.version, "scale": scale.version}
    assert record.used == ()
    assert pipeline.get_pipeline_versions()["mean"] is mean.version


def test_lineage_sees_through_stateless_ops_and_nested_pipelines() -> None:
    inner = Pipeline([Node(double, IN, OUT)], "inner")
    pipeline = Pipeline(
        [
            Node(Mean(MLMode.FIT_PREDICT), IN, "mean"),
            Node(inner, "mean", "doubled"),
            Node(Scale(MLMode.FIT), "doubled"),
        ],
        "p",
    )
    run(pipeline, [1, 3])
    mean, scale = left(pipeline).learned
    assert mean.lineage == ()
    assert scale.lineage is not None
    links = {link.name: link for link in scale.lineage}
    assert set(links) == {"mean", "double"}
    assert links["mean"].version is mean.version
    assert links["mean"].stateful
    assert not links["double"].stateful


def test_facts() -> None:
    pipeline = train()
    run(pipeline, [1, 3])
    facts = left(pipeline).learned[0].facts
    assert facts["pipeline"] == "train"
    assert facts["origin"] == "tests.pipelines.samples"
    assert "class Mean" in facts["source"]
    assert facts["parameters"]["power"] == 1
    assert {"host", "python", "packages", "code"} <= set(facts)
    json.dumps(dict(facts))


def test_equal_training_gives_an_equal_version() -> None:
    one, other = train(), train()
    run(one, [1, 3])
    run(other, [1, 3])
    assert one.get_pipeline_versions() == other.get_pipeline_versions()
    run(other, [1, 4])
    assert one.get_pipeline_versions()["mean"] != other.get_pipeline_versions()["mean"]
    run(other, [1, 3])
    assert one.get_pipeline_versions() == other.get_pipeline_versions()


def test_a_run_that_changes_nothing_leaves_nothing() -> None:
    pipeline = Pipeline([Node(Vocabulary(), IN, OUT)], "p")
    assert run(pipeline, "b") == 1
    assert pipeline.last_run is None

    class Idle(CountOp):
        def execute(self, *args: Any) -> int:
            return self.count

    idle = Pipeline([Node(Idle())], "idle")
    run(idle)
    assert idle.last_run is None
    assert idle.ops["idle"].held_version is None


def test_state_that_is_carried_on() -> None:
    pipeline = count()
    run(pipeline)
    (first,) = left(pipeline).learned
    assert not first.fitted
    assert first.lineage is None
    assert first.payload == b"1"
    run(pipeline)
    (second,) = left(pipeline).learned
    assert second.payload == b"2"
    assert second.version > first.version


def test_unchanged_state_keeps_its_version() -> None:
    class Highest(CountOp):
        def execute(self, *args: Any) -> int:
            self.count = max(self.count, args[0])
            return self.count

    pipeline = Pipeline([Node(Highest(), IN)], "p")
    run(pipeline, 5)
    record, version = pipeline.last_run, pipeline.get_pipeline_versions()["highest"]
    run(pipeline, 3)
    assert pipeline.last_run is record
    assert pipeline.get_pipeline_versions()["highest"] is version


def test_save_and_load(store: OpStore) -> None:
    training = train()
    run(training, [1, 3])
    versions = training.get_pipeline_versions()
    training.save(store)
    assert training.last_run is None
    serving = predict()
    assert serving.load(store) == []
    assert run(serving, [0]) == 0
    loaded = serving.get_pipeline_versions()
    assert loaded["mean"] == versions["mean"]
    assert loaded["scale"] == versions["scale"]
    assert str(loaded["mean"]) == str(training.get_pipeline_versions()["mean"])


def test_a_name_that_belongs_to_another_module_may_be_shared(store: OpStore) -> None:
    first = train()
    run(first, [1, 3])
    first.save(store)
    other = type("Other", (Mean,), {"op_name": "mean", "own": 1, "__module__": "elsewhere"})
    second = Pipeline([Node(other(MLMode.FIT), IN)], "second")
    run(second, [5, 7])
    with pytest.raises(NameTaken, match="'mean'") as taken:
        second.save(store)
    assert "share=['mean']" in (taken.value.hint or "")
    assert second.save(store, share=["mean"]) is not None
    run(second, [9])
    assert second.save(store) is not None, "for good"


def test_saving_again_changes_nothing(store: OpStore) -> None:
    training = train()
    assert training.save(store) is None
    run(training, [1, 3])
    training.save(store)
    sequence = store.sequence()
    assert training.save(store) is None
    assert store.sequence() == sequence


def test_a_reloaded_model_saved_again_makes_no_version(store: OpStore) -> None:
    training = train()
    run(training, [1, 3])
    training.save(store)
    again = train()
    again.load(store)
    sequence = store.sequence()
    again.save(store)
    assert store.sequence() == sequence
    assert len(store.get_all_versions_of_op("mean")) == 1


def test_a_refused_load_changes_nothing(store: OpStore) -> None:
    training = train()
    run(training, [1, 3])
    training.save(store)
    serving = predict()
    serving.load(store)
    before = serving.get_pipeline_versions()
    other = train_mean()
    run(other, [10, 30])
    other.save(store)
    with pytest.raises(VersionError, match="train"):
        serving.load(store)
    assert serving.get_pipeline_versions() == before
    assert run(serving, [0]) == 0


def test_the_same_data_again_is_accepted(store: OpStore) -> None:
    training = train()
    run(training, [1, 3])
    training.save(store)
    other = train_mean()
    run(other, [1, 3])
    other.save(store)
    assert predict().load(store) == []


def test_a_count_goes_on(store: OpStore) -> None:
    pipeline = count()
    assert [run(pipeline) for _ in range(3)] == [1, 2, 3]
    pipeline.save(store)
    again = count()
    again.load(store)
    assert run(again) == 4


def test_an_op_that_was_only_used_is_committed_with_the_run(store: OpStore) -> None:
    mean = Mean(MLMode.FIT)
    run(Pipeline([Node(mean, IN)], "first"), [1, 3])
    user = Mean(MLMode.PREDICT)
    pipeline = Pipeline(
        [Node(user, IN, "mean"), Node(double, "mean", "d"), Node(Scale(MLMode.FIT), "d")], "second"
    )
    point = mean.restore_point()
    user._op_state = mean._op_state
    run(pipeline, [5])
    record = left(pipeline)
    assert [learned.op for learned in record.learned] == ["scale"]
    assert [learned.op for learned in record.used] == ["mean"]
    assert record.learned[0].lineage is not None
    assert record.learned[0].lineage[0].version == mean.op_version
    pipeline.save(store)
    assert user.learned is None
    mean.restore(point)


def test_a_load_that_fails_half_way_is_undone(store: OpStore) -> None:
    class Picky(Scale):
        op_name = "scale"
        broken = False

        def load(self, serialized_object: Any) -> None:
            super().load(serialized_object)
            if self.broken:
                raise RuntimeError("half loaded")

    def graph(mode: MLMode, name: str) -> Pipeline:
        first = MLMode.FIT_PREDICT if mode is MLMode.FIT else MLMode.PREDICT
        nodes = [Node(Mean(first), IN, "mean"), Node(Picky(mode), "mean", OUT)]
        return Pipeline(nodes, name)

    training = graph(MLMode.FIT, "t")
    run(training, [1, 3])
    training.save(store)
    serving = graph(MLMode.PREDICT, "p")
    serving.load(store)
    before = {name: str(version) for name, version in serving.get_pipeline_versions().items()}
    run(training, [5, 7])
    training.save(store)
    serving.ops["scale"].broken = True  # type: ignore[attr-defined]
    with pytest.raises(
        SerializationError, match=r"'scale' of pipeline .* cannot load .*half loaded"
    ):
        serving.load(store)
    after = {name: str(version) for name, version in serving.get_pipeline_versions().items()}
    assert after == before
    assert run(serving, [9]) == 0  # 2 - 2: both models are those of the first training


def test_roll_back(store: OpStore) -> None:
    training = train()
    for data in ([1, 3], [5, 7]):
        run(training, data)
        training.save(store)
    serving = predict()
    serving.load(store, {"mean": "1.0.0"})
    assert serving.ops["mean"].predict([]) == 2  # type: ignore[attr-defined]
    serving.load(store)
    assert serving.ops["mean"].predict([]) == 6  # type: ignore[attr-defined]


def test_loading_ends_what_was_not_saved(store: OpStore) -> None:
    training = train()
    run(training, [1, 3])
    training.save(store)
    run(training, [5, 7])
    training.load(store)
    assert training.last_run is None
    assert training.save(store) is None


def test_a_major_field_edited_and_never_retrained_is_refused(store: OpStore) -> None:
    training = train()
    run(training, [1, 3])
    training.save(store)
    edited = Mean(MLMode.PREDICT)
    edited.power = 2
    with pytest.raises(VersionError, match="mean"):
        Pipeline([Node(edited, IN, OUT)], "p").load(store)


def test_a_patch_edit_is_accepted_with_a_warning(store: OpStore) -> None:
    class Patched(Mean):
        op_name = "patched"
        note = VersionedField("a", VersionType.PATCH)

    training = Pipeline([Node(Patched(MLMode.FIT), IN)], "t")
    run(training, [1, 3])
    training.save(store)
    edited = Patched(MLMode.PREDICT)
    edited.note = "b"
    serving = Pipeline([Node(edited, IN, OUT)], "p")
    warnings = serving.load(store)
    assert any("patched" in warning for warning in warnings)
    assert serving.get_pipeline_versions()["patched"] in store.get_all_versions_of_op("patched")


def test_nothing_in_the_store(store: OpStore) -> None:
    with pytest.raises(VersionError):
        predict().load(store)
    assert Pipeline([Node(add, [IN, IN])], "stateless").load(store) == []
