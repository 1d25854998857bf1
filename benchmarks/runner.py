"""What a runner costs a node: ours, and those of scikit-learn, Hamilton and Kedro.

A chain of a hundred additions. The floor calls the same functions by hand.
"""

from __future__ import annotations

import statistics
from contextlib import ExitStack
from functools import partial

from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.pipeline import Pipeline as SklearnPipeline

from jupyter_chariots import BaseOp, Node, Pipeline, SequentialRunner

from .measure import Clock, Result, Verdict, compare, interleave, stopwatch
from .peers import Missing, Program, wanted, without

NODES, ROUNDS, REPEAT = 100, 31, 200
BOUND_S = 2e-6
FLOOR, OURS = "plain calls (floor)", "ours, SequentialRunner"
PEERS = {"Hamilton, Driver": ("hamilton_chain", 20), "Kedro, SequentialRunner": ("kedro_chain", 1)}
"""Program, and runs in a round."""


class AddOne(BaseOp):
    """The least that an op can do."""

    def execute(self, x: int) -> int:
        return x + 1


class Add(TransformerMixin, BaseEstimator):
    """The same for scikit-learn."""

    def fit(self, x: int, y: object = None) -> Add:
        return self

    def transform(self, x: int) -> int:
        return x + 1

    def __sklearn_is_fitted__(self) -> bool:
        return True


def _contestants() -> dict[str, Clock]:
    ops = [AddOne() for _ in range(NODES)]
    names = ["__pipeline_input__", *(f"x{i}" for i in range(1, NODES)), "__pipeline_output__"]
    nodes = [Node(op, [names[i]], names[i + 1], name=f"add_{i}") for i, op in enumerate(ops)]
    pipeline, runner = Pipeline(nodes, "chain"), SequentialRunner()
    sklearn = SklearnPipeline([(f"add_{i}", Add()) for i in range(NODES)])

    def by_hand() -> int:
        x = 0
        for op in ops:
            x = op.execute(x)
        return x

    assert runner.run(pipeline, 0) == sklearn.transform(0) == by_hand() == NODES
    return {
        FLOOR: stopwatch(by_hand, REPEAT),
        OURS: stopwatch(lambda: runner.run(pipeline, 0), REPEAT),
        "scikit-learn, Pipeline": stopwatch(lambda: sklearn.transform(0), REPEAT // 10),
    }


def _peers(stack: ExitStack) -> dict[str, Clock]:
    if not wanted():
        without("Hamilton and Kedro", "PEERS=1 adds them")
        return {}
    found: dict[str, Clock] = {}
    for name, (module, repeat) in PEERS.items():
        try:
            program = Program("graphs", module, str(NODES))
        except Missing as why:
            without(name, why)
            continue
        stack.callback(program.close)
        found[name] = partial(program.ask, "run", repeat=repeat)
    return found


def run() -> list[Result]:
    """All of them in turn."""
    with ExitStack() as stack:
        times = interleave({**_contestants(), **_peers(stack)}, rounds=ROUNDS)
    series = {name: [t / NODES for t in taken] for name, taken in times.items()}
    over = statistics.median(a - b for a, b in zip(series[OURS], series[FLOOR], strict=True))
    verdicts = {OURS: Verdict(f"≤ 2 µs more than the floor: {over * 1e6:.2f}", over <= BOUND_S)}
    return compare("a node", series, floor=FLOOR, ours=OURS, unit="s/node", verdicts=verdicts)
