"""Pipelines that the servers of these tests serve; nothing heavy is imported."""

from __future__ import annotations

import os
import statistics
import time

from jupyter_chariots import (
    BaseMLOp,
    LoadableOp,
    MLMode,
    Node,
    Pipeline,
)


class Mean(BaseMLOp):
    """Learns the mean of numbers, and subtracts it."""

    op_name = "mean"

    def _init_model(self):
        return {}

    def fit(self, numbers):
        self._model["mean"] = statistics.fmean(numbers)

    def predict(self, numbers):
        return [number - self._model["mean"] for number in numbers]


class Scale(BaseMLOp):
    """Learns the largest of numbers, and divides by it."""

    op_name = "scale"

    def _init_model(self):
        return {}

    def fit(self, numbers):
        self._model["largest"] = max(numbers)

    def predict(self, numbers):
        return [number / self._model["largest"] for number in numbers]


class Counter(LoadableOp):
    """Counts its runs."""

    op_name = "counter"

    def __init__(self):
        super().__init__()
        self.count = 0

    def execute(self):
        self.count += 1
        return self.count

    def serialize(self):
        return str(self.count).encode()

    def load(self, serialized_object):
        self.count = int(bytes(serialized_object))


def double(number):
    return 2 * number


def fail(text):
    raise RuntimeError(f"cannot digest {text}")


def slow(seconds):
    time.sleep(seconds)
    return seconds


def die(_):
    os._exit(3)


def triple(rows):
    time.sleep(0.01)
    return [[3 * number for number in row] for row in rows]


def count_rows(rows):
    time.sleep(0.01)
    return [len(rows) for _ in rows]


def whoami():
    return os.getpid()


IN, OUT = "__pipeline_input__", "__pipeline_output__"

learn = Pipeline(
    [
        Node(Mean(MLMode.FIT_PREDICT), [IN], "centred"),
        Node(Scale(MLMode.FIT), ["centred"]),
    ],
    "learn",
)
learn_mean = Pipeline([Node(Mean(MLMode.FIT), [IN])], "learn_mean")
apply = Pipeline(
    [
        Node(Mean(MLMode.PREDICT), [IN], "centred"),
        Node(Scale(MLMode.PREDICT), ["centred"], OUT),
    ],
    "apply",
)
count = Pipeline([Node(Counter(), output_nodes=OUT)], "count")
doubled = Pipeline([Node(double, [IN], OUT)], "doubled")
failing = Pipeline([Node(fail, [IN], OUT, name="digest")], "failing")
sleeper = Pipeline([Node(slow, [IN], OUT)], "sleeper")
dying = Pipeline([Node(die, [IN], OUT)], "dying")
process = Pipeline([Node(whoami, output_nodes=OUT)], "process")
batched = Pipeline([Node(triple, [IN], OUT)], "batched", batchable=True)
not_batchable = Pipeline([Node(count_rows, [IN], OUT)], "not_batchable", batchable=True)
