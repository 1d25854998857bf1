"""Pipelines that the benchmarks serve."""

import time

from jupyter_chariots import LoadableOp, Node, Pipeline

from .queues.task import begin

IN, OUT = "__pipeline_input__", "__pipeline_output__"


def same(value):
    return value


def spin(seconds):
    """Keep a processor busy with pure Python."""
    end = time.monotonic() + seconds
    turns = 0
    while time.monotonic() < end:
        turns += sum(range(100))
    return turns


class Began(LoadableOp):
    """Training that takes no time: says when it began, on the clock of this machine."""

    def __init__(self):
        super().__init__()
        self.at = 0.0

    def execute(self):
        self.at = time.monotonic()
        return self.at

    def serialize(self):
        return repr(self.at).encode()

    def load(self, serialized_object):
        self.at = float(serialized_object)


echo = Pipeline([Node(same, [IN], OUT)], "echo")
busy = Pipeline([Node(spin, [IN], OUT)], "busy")
began = Pipeline([Node(begin, [IN], OUT)], "began")
trains = Pipeline([Node(Began(), output_nodes=OUT)], "trains")
