"""What the runner costs a node, over calling the same functions by hand."""

from __future__ import annotations

import statistics

from jupyter_chariots import BaseOp, Node, Pipeline, SequentialRunner

from .measure import Result, interleave, stopwatch

NODES = 100
BOUND_S = 2e-6


class AddOne(BaseOp):
    """The least that an op can do."""

    def execute(self, x: int) -> int:
        return x + 1


def run() -> list[Result]:
    """A chain of a hundred additions."""
    ops = [AddOne() for _ in range(NODES)]
    names = ["__pipeline_input__", *(f"x{i}" for i in range(1, NODES)), "__pipeline_output__"]
    nodes = [Node(op, [names[i]], names[i + 1], name=f"add_{i}") for i, op in enumerate(ops)]
    pipeline = Pipeline(nodes, "chain")
    runner = SequentialRunner()

    def by_hand() -> int:
        x = 0
        for op in ops:
            x = op.execute(x)
        return x

    assert runner.run(pipeline, 0) == by_hand() == NODES
    times = interleave(
        {
            "floor": stopwatch(by_hand, 200),
            "runner": stopwatch(lambda: runner.run(pipeline, 0), 200),
        },
        rounds=31,
    )
    floor = statistics.median(times["floor"]) / NODES
    over = statistics.median(
        (a - b) / NODES for a, b in zip(times["runner"], times["floor"], strict=True)
    )
    return [
        Result("runner", "plain calls (floor)", floor, unit="s/node"),
        Result(
            "runner",
            "SequentialRunner, over the floor",
            over,
            unit="s/node",
            target="≤ 2 µs",
            met=over <= BOUND_S,
        ),
    ]
