"""What is done to a store in a process that is cut off; also run as a program.

``python -m tests.acceptance.cut DATABASE ACT N`` says which named points of a write it passes, and
ends itself (exit status 9) at the Nth; it ends normally if there are fewer.
"""

from __future__ import annotations

import os
import statistics
import sys
from pathlib import Path

from jupyter_chariots import BaseMLOp, MLMode, Node, OpStore, Pipeline, SequentialRunner, faults

IN, OUT = "__pipeline_input__", "__pipeline_output__"
SECRET = b"a secret of thirty-two bytes ....."


class Mean(BaseMLOp):
    """Learns a mean, in a state that is too large for a row."""

    op_name = "mean"

    def _init_model(self):
        return {}

    def fit(self, numbers):
        self._model["mean"] = statistics.fmean(numbers)
        self._model["padding"] = str(numbers) * 20_000

    def predict(self, numbers):
        return [number - self._model["mean"] for number in numbers]


class Largest(Mean):
    """Learns the largest number, in a state that fits a row."""

    op_name = "largest"

    def fit(self, numbers):
        self._model["mean"] = max(numbers)


def training():
    return Pipeline(
        [Node(Mean(MLMode.FIT_PREDICT), [IN], "x"), Node(Largest(MLMode.FIT), ["x"])], "train"
    )


def prediction():
    return Pipeline(
        [Node(Mean(MLMode.PREDICT), [IN], "x"), Node(Largest(MLMode.PREDICT), ["x"], OUT)], "use"
    )


def open_store(path: Path) -> OpStore:
    return OpStore(path, secret=SECRET)


def run(store: OpStore, numbers: list[int], *, promote: bool = False) -> None:
    """Train and commit, as a worker does."""
    pipeline = training()
    SequentialRunner().run(pipeline, numbers)
    assert pipeline.last_run is not None
    store.commit(pipeline.spec, pipeline.last_run, promote=promote)


def serve(store: OpStore) -> None:
    """Load the newest versions, as a server does."""
    spec = prediction().spec
    store.commit_load(spec, store.choose(spec), cause="load")


ACTS = {
    "run": lambda store: run(store, [3, 9]),
    "run and promote": lambda store: run(store, [3, 9], promote=True),
    "save": lambda store: store.save("train"),
    "load": serve,
    "gc": lambda store: store.gc(keep=1),
}
"""Everything that writes, by name."""


def prepare(path: Path, act: str) -> None:
    """A store in which an act has something to do."""
    with open_store(path) as store:
        run(store, [1, 3], promote=True)
        serve(store)
        if act == "save":
            run(store, [3, 9])
        elif act == "load":
            run(store, [3, 9], promote=True)
        elif act == "gc":
            for numbers in ([3, 9], [5, 15]):
                run(store, numbers, promote=True)
            serve(store)


def main(database: str, act: str, wanted: str) -> None:
    passed = 0

    def reached(point: str) -> None:
        nonlocal passed
        print(point, flush=True)
        if passed == int(wanted):
            os._exit(9)
        passed += 1

    store = open_store(Path(database))
    faults.reached = reached
    ACTS[act](store)
    store.close()


if __name__ == "__main__":
    main(*sys.argv[1:])
