from __future__ import annotations

import contextvars
import threading
import weakref
from typing import Any

import pytest

from jupyter_chariots.errors import InvalidInput, NodeFailed, NotLoaded, SerializationError
from jupyter_chariots.ml import MLMode
from jupyter_chariots.pipelines import (
    BaseOp,
    BaseRunner,
    Node,
    OpCallBack,
    Pipeline,
    PipelineCallback,
    SequentialRunner,
    ThreadRunner,
)

from .samples import CountOp, Log, Mean, add, double, fail, one, pair

OUT = "__pipeline_output__"
IN = "__pipeline_input__"


@pytest.fixture(params=[SequentialRunner, ThreadRunner])
def runner(request: pytest.FixtureRequest) -> BaseRunner:
    made: BaseRunner = request.param()
    return made


def test_a_diamond(runner: BaseRunner) -> None:
    pipeline = Pipeline(
        [
            Node(one, output_nodes="x"),
            Node(double, "x", "left"),
            Node(lambda x: x + 10, "x", "right"),
            Node(add, ["left", "right"], OUT),
        ],
        "diamond",
    )
    assert runner.run(pipeline) == 13


def test_input_and_output(runner: BaseRunner) -> None:
    assert runner.run(Pipeline([Node(double, IN, OUT)], "p"), 4) == 8
    assert runner.run(Pipeline([Node(double, IN, OUT)], "p"), 0) == 0
    assert runner.run(Pipeline([Node(double, IN)], "p"), 4) is None


def test_wrong_inputs(runner: BaseRunner) -> None:
    with pytest.raises(InvalidInput, match="'p' takes an input, and was given none") as caught:
        runner.run(Pipeline([Node(double, IN)], "p"))
    assert caught.value.status == 400
    with pytest.raises(InvalidInput, match="'p' takes no input, and was given one"):
        runner.run(Pipeline([Node(one)], "p"), 0)


def test_one_output_takes_the_whole_value(runner: BaseRunner) -> None:
    assert runner.run(Pipeline([Node(pair, output_nodes="x"), Node(double, "x", OUT)], "p")) == (
        1,
        2,
        1,
        2,
    )
    assert runner.run(Pipeline([Node(pair, output_nodes=OUT)], "p")) == (1, 2)


def test_several_outputs_unpack(runner: BaseRunner) -> None:
    nodes = [Node(pair, output_nodes=["a", OUT]), Node(double, "a")]
    assert runner.run(Pipeline(nodes, "p")) == 2
    nodes = [Node(lambda: [1, 2], output_nodes=["a", OUT])]
    assert runner.run(Pipeline(nodes, "p")) == 2


@pytest.mark.parametrize("value", [3, (1, 2, 3), "ab", {"a": 1, "b": 2}, None])
def test_what_cannot_be_unpacked(runner: BaseRunner, value: Any) -> None:
    pipeline = Pipeline([Node(lambda: value, output_nodes=["a", "b"], name="n")], "p")
    with pytest.raises(NodeFailed, match=r"Node 'n' has 2 outputs \(a, b\)"):
        runner.run(pipeline)


def test_an_op_that_raises(runner: BaseRunner) -> None:
    pipeline = Pipeline([Node(one, output_nodes="x"), Node(fail, "x", name="bad one")], "p")
    with pytest.raises(NodeFailed, match="broken") as caught:
        runner.run(pipeline)
    error = caught.value
    assert isinstance(error, ValueError)
    assert isinstance(error.__cause__, RuntimeError)
    assert error.details == {"pipeline": "p", "node": "bad one", "op": "fail"}
    assert error.traceback is not None
    assert "in fail" in error.traceback
    assert "runners.py" not in error.traceback.split("in fail")[1]
    assert error.traceback.strip().endswith("RuntimeError: broken")


def test_an_op_that_ends_the_program_has_failed(runner: BaseRunner) -> None:
    def leave(x: Any) -> None:
        raise SystemExit(3)

    pipeline = Pipeline([Node(one, output_nodes="x"), Node(leave, "x", name="last")], "p")
    with pytest.raises(NodeFailed, match="SystemExit: 3") as caught:
        runner.run(pipeline)
    assert caught.value.details == {"pipeline": "p", "node": "last", "op": "leave"}


def test_an_error_in_a_nested_pipeline_names_its_place(runner: BaseRunner) -> None:
    inner = Pipeline([Node(fail, IN, OUT)], "inner")
    outer = Pipeline([Node(one, output_nodes="x"), Node(inner, "x", OUT, name="part")], "outer")
    with pytest.raises(NodeFailed) as caught:
        runner.run(outer)
    assert caught.value.details == {"pipeline": "outer", "node": "part.fail", "op": "fail"}
    assert "'part.fail' (op 'fail') of pipeline 'outer'" in caught.value.message


def test_invalid_input_found_by_an_op_passes_through(runner: BaseRunner) -> None:
    def check(x: Any) -> None:
        raise InvalidInput("Column 'a' is missing.", columns=["a"])

    with pytest.raises(InvalidInput) as caught:
        runner.run(Pipeline([Node(check, IN)], "p"), 1)
    assert caught.value.details == {
        "pipeline": "p",
        "node": "check",
        "op": "check",
        "columns": ["a"],
    }


def test_predicting_without_a_model_is_not_loaded(runner: BaseRunner) -> None:
    with pytest.raises(NotLoaded) as caught:
        runner.run(Pipeline([Node(Mean(MLMode.PREDICT), IN, OUT)], "p"), [1])
    assert caught.value.details["op"] == "mean"


def test_callbacks_in_order(runner: BaseRunner) -> None:
    log: list[Any] = []

    class OpLog(OpCallBack):
        def before_execution(self, op: Any, args: list[Any]) -> None:
            log.append(("op before", op.name, list(args)))

        def after_execution(self, op: Any, args: list[Any], output: Any) -> None:
            log.append(("op after", op.name, list(args), output))

    class Double(BaseOp):
        def before_execution(self, args: list[Any]) -> None:
            log.append(("own before", list(args)))

        def execute(self, x: int) -> int:
            log.append("execute")
            return 2 * x

        def after_execution(self, args: list[Any], output: Any) -> None:
            log.append(("own after", list(args), output))

    pipeline = Pipeline([Node(Double([OpLog()]), IN, OUT)], "p", [Log(log)])
    assert runner.run(pipeline, 3) == 6
    assert log == [
        ("before", "p", [3]),
        ("before node", "double", [3]),
        ("op before", "double", [3]),
        ("own before", [3]),
        "execute",
        ("own after", [3], 6),
        ("op after", "double", [3], 6),
        ("after node", "double", [3], 6),
        ("after", "p", [3], 6),
    ]


def test_callbacks_of_nested_pipelines(runner: BaseRunner) -> None:
    log: list[Any] = []
    inner = Pipeline([Node(double, IN, OUT)], "inner", [Log(log, "in ")])
    outer = Pipeline([Node(one, output_nodes="x"), Node(inner, "x", OUT)], "outer", [Log(log)])
    assert runner.run(outer) == 2
    assert log == [
        ("before", "outer", []),
        ("before node", "one", []),
        ("after node", "one", [], 1),
        ("before node", "inner", [1]),
        ("in before", "inner", [1]),
        ("in before node", "double", [1]),
        ("in after node", "double", [1], 2),
        ("in after", "inner", [1], 2),
        ("after node", "inner", [1], 2),
        ("after", "outer", [], 2),
    ]


def test_callbacks_may_change_arguments_in_place(runner: BaseRunner) -> None:
    class Tens(PipelineCallback):
        def before_execution(self, pipeline: Any, args: list[Any]) -> None:
            args[0] += 10

        def before_node_execution(self, pipeline: Any, node: Any, args: list[Any]) -> None:
            args[0] += 100

    pipeline = Pipeline([Node(double, IN, OUT)], "p", [Tens()])
    assert runner.run(pipeline, 1) == 222


def test_callbacks_may_be_added_later(runner: BaseRunner) -> None:
    log: list[Any] = []
    pipeline = Pipeline([Node(one)], "p")
    pipeline.callbacks.append(Log(log))
    runner.run(pipeline)
    assert [entry[0] for entry in log] == ["before", "before node", "after node", "after"]


def test_callbacks_that_skip_super_init(runner: BaseRunner) -> None:
    class Mine(PipelineCallback):
        def __init__(self) -> None:
            self.called = False

        def after_execution(self, pipeline: Any, args: list[Any], output: Any) -> None:
            self.called = True

    callback = Mine()
    runner.run(Pipeline([Node(one)], "p", [callback]))
    assert callback.called


def test_an_error_in_a_callback_of_a_node_names_the_node(runner: BaseRunner) -> None:
    class Bad(PipelineCallback):
        def before_node_execution(self, pipeline: Any, node: Any, args: list[Any]) -> None:
            raise KeyError("callback")

    with pytest.raises(NodeFailed, match="KeyError: 'callback'"):
        runner.run(Pipeline([Node(one)], "p", [Bad()]))


def test_execute_with_all_callbacks_may_be_overridden(runner: BaseRunner) -> None:
    class Own(BaseOp):
        def execute(self) -> int:
            return 1

        def execute_with_all_callbacks(self, args: Any) -> Any:
            return super().execute_with_all_callbacks(args) + 1

    assert runner.run(Pipeline([Node(Own(), output_nodes=OUT)], "p")) == 2


class Big:
    pass


def test_results_are_dropped_after_their_last_consumer(runner: BaseRunner) -> None:
    alive: dict[str, weakref.ref[Big]] = {}

    def make() -> Big:
        made = Big()
        alive["big"] = weakref.ref(made)
        return made

    def use(big: Big) -> int:
        return 1

    def look(*args: Any) -> bool:
        return alive["big"]() is not None

    big = Node(make)
    used = Node(use, big, "u")
    early = Node(look, ["u"], "early")
    last = Node(lambda big, early: early, [big, early], "e")
    late = Node(lambda early: (early, look()), "e", OUT)
    assert runner.run(Pipeline([big, used, early, last, late], "p")) == (True, False)


def test_results_are_dropped_inside_nested_pipelines(runner: BaseRunner) -> None:
    alive: list[weakref.ref[Big]] = []

    def make() -> Big:
        made = Big()
        alive.append(weakref.ref(made))
        return made

    inner = Pipeline(
        [Node(lambda big: 1, IN, "x"), Node(lambda x: alive[0]() is None, "x", OUT)], "inner"
    )
    outer = Pipeline([Node(make, output_nodes="big"), Node(inner, "big", OUT)], "outer")
    assert runner.run(outer) is True


def test_nested_pipelines(runner: BaseRunner) -> None:
    inner = Pipeline([Node(double, IN, "x"), Node(lambda x: (x, -x), "x", OUT)], "same")
    middle = Pipeline([Node(inner, IN, ["a", "b"]), Node(add, ["a", "a"], OUT)], "same")
    outer = Pipeline(
        [
            Node(one, output_nodes="x"),
            Node(middle, "x", "y"),
            Node(middle, "y", "z"),
            Node(lambda *values: values, ["x", "y", "z"], OUT),
        ],
        "same",
    )
    assert runner.run(outer) == (1, 4, 16)
    assert set(outer.get_pipeline_versions()) == {"one", "same", "same_2", "lambda"}


def test_a_nested_pipeline_without_output(runner: BaseRunner) -> None:
    seen: list[int] = []
    inner = Pipeline([Node(seen.append, IN)], "inner")
    runner.run(Pipeline([Node(one, output_nodes="x"), Node(inner, "x")], "outer"))
    assert seen == [1]


def test_a_failed_run_leaves_what_it_fits_as_it_was(runner: BaseRunner) -> None:
    mean = Mean(MLMode.FIT_PREDICT)
    gate = {"open": True}

    def check(value: float) -> float:
        if not gate["open"]:
            raise RuntimeError("closed")
        return value

    pipeline = Pipeline([Node(mean, IN, "m"), Node(check, "m", OUT)], "p")
    assert runner.run(pipeline, [1, 2, 3]) == 2
    version, record = mean.op_version, pipeline.last_run
    gate["open"] = False
    with pytest.raises(NodeFailed):
        runner.run(pipeline, [10])
    assert mean.op_version is version
    assert mean.predict([]) == 2
    assert pipeline.last_run is record


def test_a_callback_that_fails_at_the_end_fails_the_run(runner: BaseRunner) -> None:
    class Bad(PipelineCallback):
        def after_execution(self, pipeline: Any, args: list[Any], output: Any) -> None:
            raise KeyError("end")

    mean = Mean(MLMode.FIT)
    pipeline = Pipeline([Node(mean, IN)], "p", [Bad()])
    with pytest.raises(KeyError):
        runner.run(pipeline, [1])
    assert mean.held_version is None
    assert pipeline.last_run is None


def test_a_state_that_cannot_be_serialised_fails_the_run(runner: BaseRunner) -> None:
    class Unserialisable(CountOp):
        def serialize(self) -> bytes:
            raise TypeError("a lock")

    pipeline = Pipeline([Node(Unserialisable())], "p")
    with pytest.raises(SerializationError, match=r"'unserialisable'.*a lock"):
        runner.run(pipeline)
    assert pipeline.last_run is None


def test_what_a_serialiser_says_comes_with_the_op(runner: BaseRunner) -> None:
    class Locked(Mean):
        def fit(self, values: list[float]) -> None:
            self._model["lock"] = threading.Lock()

    pipeline = Pipeline([Node(Locked(MLMode.FIT), IN)], "p")
    with pytest.raises(SerializationError, match=r"op 'locked' of pipeline 'p'.*lock") as caught:
        runner.run(pipeline, [1.0])
    assert "serializer_cls" in (caught.value.hint or "")
    assert caught.value.details == {"pipeline": "p", "op": "locked"}


def test_branches_run_side_by_side() -> None:
    barrier = threading.Barrier(2, timeout=30)

    def meet(*args: Any) -> int:
        return barrier.wait() * 0 + 1

    pipeline = Pipeline(
        [
            Node(one, output_nodes="x"),
            Node(meet, "x", "a", name="left"),
            Node(meet, "x", "b", name="right"),
            Node(add, ["a", "b"], OUT),
        ],
        "p",
    )
    assert ThreadRunner(2).run(pipeline) == 2


def test_runs_of_one_changing_op_do_not_overlap() -> None:
    counter = CountOp()
    nodes = [Node(counter, output_nodes=f"x{i}") for i in range(20)]
    last = Node(lambda *values: sorted(values), [f"x{i}" for i in range(20)], OUT)
    assert ThreadRunner(8).run(Pipeline([*nodes, last], "p")) == list(range(1, 21))


def test_the_first_error_in_the_plan_is_raised_and_nothing_new_starts() -> None:
    barrier = threading.Barrier(2, timeout=30)
    started: list[str] = []

    def first() -> None:
        barrier.wait()
        raise RuntimeError("first")

    def second() -> None:
        barrier.wait()
        raise RuntimeError("second")

    pipeline = Pipeline(
        [
            Node(first, output_nodes="a"),
            Node(second, output_nodes="b"),
            Node(lambda a, b: started.append("late"), ["a", "b"]),
        ],
        "p",
    )
    with pytest.raises(NodeFailed, match=r"first|second"):
        ThreadRunner().run(pipeline)
    assert started == []


def test_context_variables_reach_the_threads() -> None:
    variable = contextvars.ContextVar[str]("variable")
    variable.set("seen")
    pipeline = Pipeline(
        [
            Node(variable.get, output_nodes="a", name="a"),
            Node(variable.get, output_nodes="b", name="b"),
            Node(add, ["a", "b"], OUT),
        ],
        "p",
    )
    assert ThreadRunner().run(pipeline) == "seenseen"


def test_a_bare_runner_cannot_be_made() -> None:
    with pytest.raises(TypeError):
        BaseRunner()  # type: ignore[abstract]
