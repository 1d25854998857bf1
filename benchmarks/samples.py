"""Pipelines that the benchmarks serve."""

import time

from jupyter_chariots import Node, Pipeline

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


echo = Pipeline([Node(same, [IN], OUT)], "echo")
busy = Pipeline([Node(spin, [IN], OUT)], "busy")
began = Pipeline([Node(begin, [IN], OUT)], "began")
