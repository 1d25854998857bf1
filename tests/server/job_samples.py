"""Pipelines whose jobs wait, fail, hang and print as they are told."""

from __future__ import annotations

import contextlib
import os
import sys
import time
from pathlib import Path

import numpy as np

from jupyter_chariots import BaseMLOp, LoadableOp, MLMode, Node, Pipeline

IN, OUT = "__pipeline_input__", "__pipeline_output__"


def obey(order):
    """Do what an order says: ``print``, ``began`` (a file that gets the process id), ``until`` (a
    file to wait for), ``last`` (so many seconds), ``hang``, ``stubborn``, ``fail``, ``exit``; gives
    ``value``.
    """
    print(*order.get("print", ()), sep="\n", flush=True)
    if "warn" in order:
        print(order["warn"], file=sys.stderr)
    if "began" in order:
        with open(order["began"], "a") as file:
            file.write(f"{os.getpid()}\n")
    while "until" in order and not Path(order["until"]).exists():
        time.sleep(0.01)
    time.sleep(order.get("last", 0))
    while "hang" in order:
        time.sleep(0.01)
    while "stubborn" in order:
        with contextlib.suppress(KeyboardInterrupt):
            time.sleep(1000)
    if "fail" in order:
        raise RuntimeError(order["fail"])
    if "exit" in order:
        os._exit(order["exit"])
    return order.get("value")


class Learned(BaseMLOp):
    """Learns the value of an order."""

    def _init_model(self):
        return {}

    def fit(self, order):
        self._model["value"] = obey(order)

    def predict(self, number):
        return [number, self._model["value"]]


class Other(Learned):
    """The same, under another name."""


class Refined(BaseMLOp):
    """Learns from what the first one gives."""

    def _init_model(self):
        return {}

    def fit(self, pair):
        self._model["pair"] = pair

    def predict(self, pair):
        return [*pair, *self._model["pair"]]


class Tally(LoadableOp):
    """Counts its runs."""

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


def square(rows):
    return np.asarray(rows) ** 2


def whoami():
    return os.getpid()


do = Pipeline([Node(obey, [IN], OUT, name="obeys")], "do")
train = Pipeline([Node(Learned(MLMode.FIT), [IN])], "train")
predict = Pipeline([Node(Learned(MLMode.PREDICT), [IN], OUT)], "predict")
never = Pipeline([Node(Other(MLMode.PREDICT), [IN], OUT)], "never")
tally = Pipeline([Node(Tally(), output_nodes=OUT)], "tally")
squares = Pipeline([Node(square, [IN], OUT)], "squares")
process = Pipeline([Node(whoami, output_nodes=OUT)], "process", use_worker=True)
inline = Pipeline([Node(whoami, output_nodes=OUT)], "inline", use_worker=False)
refine = Pipeline(
    [Node(Learned(MLMode.PREDICT), [IN], "pair"), Node(Refined(MLMode.FIT), ["pair"])], "refine"
)
both = Pipeline(
    [Node(Learned(MLMode.PREDICT), [IN], "pair"), Node(Refined(MLMode.PREDICT), ["pair"], OUT)],
    "both",
    auto_load=True,
)
follow = Pipeline([Node(Learned(MLMode.PREDICT), [IN], OUT)], "follow", auto_load=True)
