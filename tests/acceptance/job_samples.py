"""Pipelines whose jobs do as they are told, and write down when they began and ended."""

from __future__ import annotations

import ctypes
import os
import time
from pathlib import Path

from jupyter_chariots import BaseMLOp, MLMode, Node, Pipeline

IN, OUT = "__pipeline_input__", "__pipeline_output__"


def note(order, event):
    """One line of the ledger; lines that are appended at once do not mix."""
    with open(order["ledger"], "a") as ledger:
        ledger.write(f"{order['name']} {event} {os.getpid()} {time.monotonic()}\n")


def wait(order):
    while not Path(order["gate"]).exists():
        time.sleep(0.005)


def freeze(order):
    """Stay in C code with the GIL, so that no thread of this process does anything."""
    # who opens a pipe for reading waits until somebody opens it for writing; no signal ends that
    ctypes.PyDLL(None).system(f": < '{order['gate']}'".encode())


def hang(order):
    while True:
        time.sleep(1000)


def defy(order):
    while True:
        try:
            time.sleep(1000)
        except KeyboardInterrupt:
            note(order, "interrupted")


def refuse(order):
    raise RuntimeError(f"{order['name']} does not want to")


def nothing(order):
    """Nothing."""


DEEDS = {deed.__name__: deed for deed in (wait, freeze, hang, defy, refuse, nothing)}


def play(order):
    note(order, "begin")
    try:
        DEEDS[order["do"]](order)
        note(order, "end")
    except KeyboardInterrupt:
        note(order, "interrupted")
        raise
    return order["name"] + "." * order.get("size", 0)


class Learner(BaseMLOp):
    """Learns who has run in which process: no two attempts learn the same."""

    op_name = "learner"

    def _init_model(self):
        return {}

    def fit(self, order):
        self._model["learned"] = play(order), os.getpid()

    def predict(self, order):
        return self._model["learned"][0]


played = Pipeline([Node(play, [IN], OUT)], "played")
taught = Pipeline([Node(Learner(MLMode.FIT_PREDICT), [IN], OUT)], "taught")
# to be served no more
fleeting = Pipeline([Node(Learner(MLMode.FIT_PREDICT), [IN], OUT)], "fleeting")
crowded = Pipeline([Node(play, [IN], OUT)], "crowded")
