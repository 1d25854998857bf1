"""Pipelines whose runs a test holds up: they wait for files in the server's folder."""

import time
from pathlib import Path

import numpy as np

from jupyter_chariots import BaseMLOp, MLMode, Node, Pipeline, op, progress


def wait_for(name):
    if not isinstance(name, str):
        raise TypeError(f"{name} is not a name")
    Path(f"{name}.there").touch()
    while not Path(name).exists():
        time.sleep(0.005)


@op
def slow(order):
    """Wait for each file of the order in turn, and say so."""
    for index, name in enumerate(order):
        progress(index, len(order), f"waiting for {name}")
        print(f"waiting for {name}")
        wait_for(name)
    print("that was all")
    return len(order)


@op
def double(number):
    return 2 * number


@op
def fail(text):
    print("about to fail")
    raise KeyError(text)


@op
def array(count):
    return np.arange(float(count))


class Model(BaseMLOp):
    """Learns a list; waits for its files meanwhile."""

    def _init_model(self):
        return []

    def fit(self, order):
        for name in order:
            print(f"learning {name}")
            wait_for(name)
        self._model = list(order)

    def predict(self, order):
        return self._model


IN, OUT = "__pipeline_input__", "__pipeline_output__"
slowly = Pipeline([Node(slow, [IN], "count"), Node(double, ["count"], OUT)], "slowly")
failing = Pipeline([Node(fail, [IN], OUT)], "failing")
counting = Pipeline([Node(array, [IN], OUT)], "counting")
learning = Pipeline([Node(Model(MLMode.FIT_PREDICT), [IN], OUT)], "learning")
