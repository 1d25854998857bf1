"""Pipelines for workers elsewhere: they wait for files, so that tests can act while they run."""

from __future__ import annotations

import os
import time
from pathlib import Path

from jupyter_chariots import BaseMLOp, MLMode, Node, Pipeline

IN, OUT = "__pipeline_input__", "__pipeline_output__"


def wait(asked):
    """Say that it runs, and wait until the gate is there."""
    with open(asked["log"], "a") as log:
        log.write(f"{os.getpid()}\n")
    while not Path(asked["gate"]).exists():
        time.sleep(0.02)
    return asked


class Learned(BaseMLOp):
    """Its state has as many bytes as is asked for."""

    op_name = "far"

    def _init_model(self):
        return {}

    def fit(self, asked):
        self._model["seed"] = asked.get("seed", 0)
        self._model["bytes"] = os.urandom(asked.get("size", 10))

    def predict(self, asked):
        return [self._model["seed"], len(self._model["bytes"])]


def talk(text):
    print(f"heard {text}")
    return os.environ.get("CHARIOTS_TOKEN")


def answer(asked):
    return "x" * asked["size"]


far_train = Pipeline(
    [Node(wait, [IN], "asked"), Node(Learned(MLMode.FIT_PREDICT), ["asked"], OUT)], "far_train"
)
far_apply = Pipeline([Node(Learned(MLMode.PREDICT), [IN], OUT)], "far_apply")
far_talk = Pipeline([Node(talk, [IN], OUT)], "far_talk")
far_answer = Pipeline([Node(answer, [IN], OUT)], "far_answer")
