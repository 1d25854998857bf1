from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import cloudpickle

from jupyter_chariots.ml import MLMode
from jupyter_chariots.pipelines import Node, Pipeline, SequentialRunner
from jupyter_chariots.versioning import PipelineSpec, combine

from .samples import CountOp, Mean, Vocabulary, add, double, one, pair

OUT = "__pipeline_output__"
IN = "__pipeline_input__"


def training() -> Pipeline:
    inner = Pipeline([Node(double, IN, OUT)], "inner")
    return Pipeline(
        [
            Node(lambda: [1.0, 2.0], output_nodes="values", name="load"),
            Node(inner, "values", "doubled"),
            Node(Mean(MLMode.FIT_PREDICT), "doubled", "mean"),
            Node(CountOp(), "mean", OUT),
        ],
        "train",
        use_worker=True,
        batchable=True,
    )


def test_spec_of_the_graph() -> None:
    spec = training().spec
    assert [node.name for node in spec.nodes] == ["load", "inner", "mean", "countop"]
    assert [node.pipeline for node in spec.nodes] == [None, "inner", None, None]
    assert [node.mode for node in spec.nodes] == [None, None, "fit-predict", None]
    assert spec.nodes[1].inputs == ("values",)
    assert spec.nodes[3].outputs == (OUT,)
    assert (spec.takes_input, spec.gives_output) == (False, True)
    assert (spec.use_worker, spec.batchable, spec.auto_load) == (True, True, False)
    assert spec.python == "{}.{}".format(*sys.version_info)


def test_spec_of_the_ops() -> None:
    spec = training().spec
    ops = {op.name: op for op in spec.ops}
    assert list(ops) == ["lambda", "double", "mean", "countop"]
    assert set(spec.stateful) == {"mean", "countop"}
    mean, count = ops["mean"], ops["countop"]
    assert (mean.fits, mean.changes, mean.carries, mean.needs_state) == (True, True, False, False)
    assert (count.fits, count.changes, count.carries) == (False, True, True)
    assert mean.upstream == ("lambda", "double")
    assert count.upstream == ("lambda", "double", "mean")
    assert spec.changes
    assert spec.carries
    assert ops["double"].origin == "tests.pipelines.samples"
    assert "return 2 * x" in (ops["double"].source or "")


def test_spec_through_json() -> None:
    spec = training().spec
    assert PipelineSpec.from_json(spec.to_json()).digest == spec.digest
    assert training().spec.digest == spec.digest


def test_stateless_ops_of_one_name_stand_once_for_each_version() -> None:
    nodes = [Node(lambda: n, name=f"n{i}") for i, n in enumerate((1, 2, 1))]  # noqa: B023
    pipeline = Pipeline([Node(one), Node(one), Node(lambda: 1), Node(lambda: 2), *nodes], "p")
    names = [op.name for op in pipeline.spec.ops]
    assert names.count("one") == 1
    assert names.count("lambda") >= 2


def test_an_op_that_is_fitted_here_needs_no_state_and_has_the_upstream_of_its_fit() -> None:
    fit, predict = Mean(MLMode.FIT), Mean(MLMode.PREDICT)
    pipeline = Pipeline(
        [
            Node(pair, output_nodes=["a", "b"]),
            Node(lambda a: [a], "a", "data", name="left"),
            Node(double, "b", "rows", name="right"),
            Node(fit, "data"),
            Node(predict, "rows", OUT),
        ],
        "p",
    )
    mean = pipeline.spec.stateful["mean"]
    assert (mean.fits, mean.needs_state) == (True, False)
    assert mean.upstream == ("pair", "lambda")
    assert Pipeline([Node(Mean(MLMode.PREDICT), IN)], "q").spec.ops[0].needs_state


def test_settings_may_change_until_it_is_served() -> None:
    pipeline = Pipeline([Node(one)], "p")
    assert pipeline.spec.use_worker is None
    pipeline.use_worker = False
    assert pipeline.spec.use_worker is False
    assert (pipeline.batchable, pipeline.auto_load) == (False, False)


def test_versions() -> None:
    pipeline = training()
    before = pipeline.get_pipeline_versions()
    assert list(before) == ["load", "inner", "mean", "countop"]
    double_op = next(op for op in pipeline.spec.ops if op.name == "double")
    assert before["inner"] == combine([("0.double", double_op.version)])
    SequentialRunner().run(pipeline)
    after = pipeline.get_pipeline_versions()
    changed = [name for name in before if before[name] != after[name]]
    assert changed == ["mean", "countop"]
    assert {n: str(v) for n, v in after.items()} == {
        n: str(v) for n, v in pipeline.get_pipeline_versions().items()
    }


def test_code_of_many_nodes_of_one_class_is_read_once() -> None:
    pipeline = Pipeline([Node(add, [IN, IN], name=f"n{i}") for i in range(300)], "p")
    assert len(pipeline.spec.ops) == 1
    assert len({id(step.op.code) for step in pipeline.plan.steps if step.op is not None}) == 1


def test_pickling_leaves_learned_state_behind() -> None:
    pipeline = training()
    SequentialRunner().run(pipeline)
    assert pipeline.last_run is not None
    sent: Pipeline = cloudpickle.loads(cloudpickle.dumps(pipeline))
    assert sent.last_run is None
    assert all(op.held_version is None for op in sent.ops.values())
    assert sent.spec == pipeline.spec
    assert str(sent.spec.ops[0].version) == str(pipeline.spec.ops[0].version)
    assert SequentialRunner().run(sent) == 1
    assert [v.digests for v in sent.get_pipeline_versions().values()] == [
        v.digests for v in pipeline.get_pipeline_versions().values()
    ]


def test_pickling_keeps_shared_state_shared() -> None:
    pipeline = Pipeline([Node(Mean(MLMode.FIT), IN), Node(Mean(MLMode.PREDICT), IN, OUT)], "p")
    sent: Any = cloudpickle.loads(cloudpickle.dumps(pipeline))
    assert SequentialRunner().run(sent, [2, 4]) == 3


def test_an_op_with_fixed_state() -> None:
    spec = Pipeline([Node(Vocabulary(), IN, OUT)], "p").spec
    assert not spec.changes
    assert not spec.carries
    assert spec.ops[0].stateful


DEFINE = """
import cloudpickle, sys
from jupyter_chariots import *

def helper(x):
    return x * FACTOR

FACTOR = 2

class Scale(BaseOp):
    by = VersionedField(3, VersionType.MINOR)
    options = VersionedFieldDict(VersionType.PATCH, {"offset": 1})

    def execute(self, x):
        return helper(x) * self.by + self.options["offset"]

class Count(LoadableOp):
    def __init__(self, start):
        super().__init__()
        self.count = start
    def execute(self, x):
        self.count += 1
        return x, self.count
    def serialize(self):
        return str(self.count).encode()
    def load(self, serialized_object):
        self.count = int(serialized_object)

scale = Scale()
scale.by = 5
scale.options["offset"] = 100
inner = Pipeline([Node(Count(10), "__pipeline_input__", "__pipeline_output__")], "inner")
p = Pipeline([Node(scale, "__pipeline_input__", "x"), Node(inner, "x", "__pipeline_output__")], "p")
"""

SEND = """
SequentialRunner().run(p, 1)
cloudpickle.dump(p, open(sys.argv[1], "wb"))
"""

TAKE = """
import pickle, sys
from jupyter_chariots import SequentialRunner
p = pickle.load(open(sys.argv[1], "rb"))
print(SequentialRunner().run(p, 1))
"""

SHOW = """
for version in p.get_pipeline_versions().values():
    print(*version.digests)
print(p.spec.digest, [op.source is not None for op in p.spec.ops], p.spec.ops[0].origin)
"""


def test_a_definition_travels_to_another_process(tmp_path: Path) -> None:
    def python(name: str, text: str) -> list[str]:
        file = tmp_path / name
        file.write_text(text)
        done = subprocess.run(
            [sys.executable, str(file), str(tmp_path / "definition")],
            capture_output=True,
            text=True,
            check=True,
        )
        return done.stdout.replace(str(tmp_path), "").splitlines()

    sent = python("define.py", DEFINE + SEND + SHOW)
    output, *taken = python("take.py", TAKE + SHOW)
    assert output == "(110, 11)", "the fields travel, what was learned does not"
    assert taken == sent
    assert taken[-1].endswith("[True, True] /define.py")
