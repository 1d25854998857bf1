"""How far a run is, as whoever watches it sees it."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest

from jupyter_chariots import Node, Pipeline, SequentialRunner, ThreadRunner, progress
from jupyter_chariots.pipelines import BaseRunner
from jupyter_chariots.pipelines.watching import Watcher, watch, watched

IN, OUT = ["__pipeline_input__"], "__pipeline_output__"
RUNNERS = [SequentialRunner(), ThreadRunner()]


@pytest.fixture
def watcher() -> Iterator[Watcher]:
    """Watches this process."""
    one = Watcher(lambda: None)
    watch(one)
    yield one
    watch(None)


def say(*told: Any) -> Callable[[Any], dict[str, Any]]:
    """An op that tells something, and gives what is known then."""

    def op(watcher: Watcher) -> Any:
        progress(*told)
        return watcher.note()

    return op


def test_without_a_watcher_nothing_happens() -> None:
    assert not watched()
    progress(1, 2, "anything")
    SequentialRunner().run(Pipeline([Node(lambda: progress(1, 2), name="n")], "p"))


@pytest.mark.parametrize("runner", RUNNERS)
def test_node_by_node_and_within_nodes(watcher: Watcher, runner: BaseRunner) -> None:
    seen = []

    def look(value: Any) -> Any:
        seen.append(watcher.note())
        progress(1, 4, "a quarter")
        seen.append(watcher.note())
        return value

    inner = Pipeline([Node(look, IN, "x", name="a"), Node(look, "x", OUT, name="b")], "inner")
    nodes = [Node(look, IN, "y", name="first"), Node(inner, "y", "z"), Node(look, "z", OUT, "last")]
    assert runner.run(Pipeline(nodes, "p"), 7) == 7

    names = ["first", "inner.a", "inner.b", "last"]
    assert [note["node"] for note in seen] == [name for name in names for _ in range(2)]
    assert [note["done"] for note in seen] == [0, 0, 1, 1, 2, 2, 3, 3]
    assert {note["total"] for note in seen} == {4}
    assert [note["message"] for note in seen] == [None, "a quarter"] * 4
    assert [note["fraction"] for note in seen[:4]] == [0.0, 0.0625, 0.25, 0.3125]
    assert (seen[1]["i"], seen[1]["n"]) == (1, 4)
    ended = watcher.note()
    assert (ended["done"], ended["node"], ended["fraction"]) == (4, None, 1.0)


def test_branches_side_by_side(watcher: Watcher) -> None:
    told = threading.Barrier(2, timeout=30)
    seen = []

    def half(value: Any) -> None:
        told.wait()
        progress(1, 2)
        told.wait()
        seen.append(watcher.note())
        told.wait()

    nodes = [Node(half, IN, name="a"), Node(half, IN, name="b")]
    ThreadRunner().run(Pipeline(nodes, "p"), 1)
    assert [note["fraction"] for note in seen] == [0.5, 0.5]
    assert {note["node"] for note in seen} <= {"a", "b"}


def test_several_threads_of_one_op(watcher: Watcher) -> None:
    def op() -> Any:
        counts = iter(range(1, 101))
        lock = threading.Lock()

        def work() -> None:
            for _ in range(25):
                with lock:
                    progress(next(counts), 100)

        threads = [threading.Thread(target=work) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        return watcher.note()

    note = SequentialRunner().run(Pipeline([Node(op, output_nodes=OUT, name="n")], "p"))
    assert (note["node"], note["i"], note["fraction"]) == ("n", 100, 1.0)


def test_a_pipeline_that_an_op_runs_is_part_of_its_node(watcher: Watcher) -> None:
    seen = []

    def inner_op() -> None:
        progress(3, 4)
        seen.append(watcher.note())

    inner = Pipeline([Node(inner_op, name="x"), Node(lambda: None, name="y")], "inner")
    outer = Pipeline([Node(lambda: SequentialRunner().run(inner), name="outer")], "p")
    SequentialRunner().run(outer)
    assert (seen[0]["node"], seen[0]["total"], seen[0]["fraction"]) == ("outer", 1, 0.75)


@pytest.mark.parametrize("runner", RUNNERS)
def test_where_it_failed_stays_known(watcher: Watcher, runner: BaseRunner) -> None:
    def fail(value: Any) -> None:
        progress(2, 5, "half way")
        raise RuntimeError("broken")

    nodes = [Node(lambda x: x, IN, "x", name="good"), Node(fail, "x", name="bad")]
    with pytest.raises(ValueError, match="broken"):
        runner.run(Pipeline(nodes, "p"), 1)
    note = watcher.note()
    assert (note["done"], note["node"], note["i"], note["message"]) == (1, "bad", 2, "half way")
    # and the next run begins anew
    SequentialRunner().run(Pipeline([Node(lambda: None, name="n")], "q"))
    assert (watcher.note()["total"], watcher.note()["done"]) == (1, 1)


class Loud:
    def __str__(self) -> str:
        raise RuntimeError("no text")


@pytest.mark.parametrize(
    ("told", "i", "n", "message", "fraction"),
    [
        ((np.int64(1), np.float32(2)), 1, 2, None, 0.5),
        ((3, 2), 3, 2, None, 1.0),
        ((-1, 2), -1, 2, None, 0.0),
        ((5, None, "so far"), 5, None, "so far", 0.0),
        ((1, 0), 1, 0, None, 0.0),
        ((float("nan"), float("inf")), None, None, None, 0.0),
        (("x", [], Loud()), None, None, None, 0.0),
        ((1, 4, "é\ud800" + "x" * 500), 1, 4, "é\\ud800" + "x" * 192 + "…", 0.25),
    ],
)
def test_whatever_is_told(
    watcher: Watcher, told: Any, i: Any, n: Any, message: Any, fraction: float
) -> None:
    pipeline = Pipeline([Node(say(*told), IN, OUT, name="n")], "p")
    note = SequentialRunner().run(pipeline, watcher)
    assert (note["i"], note["n"], note["message"], note["fraction"]) == (i, n, message, fraction)


def test_a_runner_of_the_users_own(watcher: Watcher) -> None:
    class Other(BaseRunner):
        def _execute(self, plan: Any, slots: list[Any]) -> None:
            for step in plan.steps:
                step.op.execute()

    Other().run(Pipeline([Node(lambda: None, name="n")], "p"))
    assert watcher.note()["fraction"] == 1.0


def test_every_change_is_announced() -> None:
    changes: list[int] = []
    watch(Watcher(lambda: changes.append(1)))
    try:
        SequentialRunner().run(Pipeline([Node(lambda: progress(1, 1), name="n")], "p"))
    finally:
        watch(None)
    assert len(changes) == 5  # begin, start, told, done, end
