"""Pipelines that show the defects of Chariots 0.2 to be gone; beside ``tests.server.samples``."""

from __future__ import annotations

import math

import numpy as np

from jupyter_chariots import BaseMLOp, BaseOp, LoadableOp, MLMode, Node, Pipeline

IN, OUT = "__pipeline_input__", "__pipeline_output__"
LONGEST = "n" * 128


class Learn(BaseMLOp):
    """Learns a number."""

    def _init_model(self):
        return {}

    def fit(self, number):
        self._model["number"] = number

    def predict(self, number):
        return number - self._model["number"]


class Never(Learn):
    """Is never trained by these tests."""


class Waiting(Learn):
    """Is trained for a save and a load at the right moment."""


class Asked(Learn):
    """Is trained by calls that ask for a worker."""


class Tally(LoadableOp):
    """Counts its runs; no lock would let it count too little."""

    def __init__(self):
        super().__init__()
        self.count = 0

    def execute(self):
        before = self.count
        for _ in range(1000):
            pass
        self.count = before + 1
        return self.count

    def serialize(self):
        return str(self.count).encode()

    def load(self, serialized_object):
        self.count = int(bytes(serialized_object))


class Unpack(BaseOp):
    """Takes rows of two numbers."""

    def execute(self, rows):
        return [first + second for first, second in rows]


class Step(BaseOp):
    """One of two classes whose names differ by case only."""

    def execute(self, number):
        return number + 1


class STEP(BaseOp):
    def execute(self, number):
        return number * 10


def numerics():
    return {
        "array": np.arange(6, dtype="float32").reshape(2, 3),
        "scalar": np.int64(7),
        "holes": [math.nan, math.inf, -math.inf, np.float32("nan"), 1.5],
    }


def secret():
    return object()


never_learn = Pipeline([Node(Never(MLMode.FIT), [IN])], "never_learn")
never = Pipeline([Node(Never(MLMode.PREDICT), [IN], OUT)], "never")
waiting_learn = Pipeline([Node(Waiting(MLMode.FIT), [IN])], "waiting_learn")
waiting = Pipeline([Node(Waiting(MLMode.PREDICT), [IN], OUT)], "waiting")
asked_learn = Pipeline([Node(Asked(MLMode.FIT), [IN])], "asked_learn")
asked = Pipeline([Node(Asked(MLMode.PREDICT), [IN], OUT)], "asked")
tally = Pipeline([Node(Tally(), output_nodes=OUT)], "tally")
sums = Pipeline([Node(Unpack(), [IN], OUT, name="adding")], "sums")
steps = Pipeline([Node(Step(), [IN], "x"), Node(STEP(), ["x"], OUT)], "steps")
numbers = Pipeline([Node(numerics, output_nodes=OUT)], "numbers")
opaque = Pipeline([Node(secret, output_nodes=OUT)], "opaque")
longest = Pipeline([Node(Step(), [IN], OUT)], LONGEST)
