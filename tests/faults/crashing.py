"""Pipelines that end their process whenever they run, and one that does not."""

from __future__ import annotations

import ctypes
import os
from pathlib import Path

from jupyter_chariots import BaseMLOp, MLMode, Node, Pipeline

IN, OUT = "__pipeline_input__", "__pipeline_output__"
MOST = 12

with open(Path(os.environ["FAULTS_FOLDER"]) / "starts", "a") as starts:
    starts.write(f"{os.getpid()}\n")


def leave(way):
    ctypes.string_at(0) if way == "segfault" else os._exit(3)


def fine(value):
    return value


class Doomed(BaseMLOp):
    def _init_model(self):
        return {}

    def fit(self, way):
        leave(way)

    def predict(self, way):
        return way


well = Pipeline([Node(fine, [IN], OUT)], "well")
doomed = Pipeline([Node(Doomed(MLMode.FIT), [IN])], "doomed")
crashes = [Pipeline([Node(leave, [IN], OUT)], f"crash_{i}") for i in range(MOST)]
for pipeline in crashes:
    globals()[pipeline.name] = pipeline
