"""Pipelines of a user module, and the replicas of one of them."""

from __future__ import annotations

import asyncio
import json

from jupyter_chariots.op_store import OpStore
from jupyter_chariots.workers.replicas import Replicas
from jupyter_chariots.workers.trainers import Trainers

from .conftest import alive

SERVED = """
import ctypes, os, signal, sys, time
import numpy as np
from pathlib import Path
from jupyter_chariots import BaseMLOp, MLMode, Node, Pipeline, PipelineCallback, SequentialRunner
from jupyter_chariots.errors import InvalidInput
from jupyter_chariots.workers.logs import LIMIT

class Mean(BaseMLOp):
    def _init_model(self):
        return [0.0]

    def fit(self, values):
        self._model[0] = float(np.mean(values))

    def predict(self, values):
        return np.asarray(values) - self._model[0]

train = Pipeline([Node(Mean(MLMode.FIT), ["__pipeline_input__"])], "train")
centre = Pipeline(
    [Node(Mean(MLMode.PREDICT), ["__pipeline_input__"], "__pipeline_output__")], "centre"
)
follow = Pipeline(
    [Node(Mean(MLMode.PREDICT), ["__pipeline_input__"], "__pipeline_output__")],
    "follow",
    auto_load=True,
)

def obey(order):
    match order:
        case ["wait", seen, go]:
            Path(seen).touch()
            while not Path(go).exists():
                time.sleep(0.005)
        case ["exit", code]:
            os._exit(code)
        case ["segfault"]:
            ctypes.string_at(0)
        case ["loop"]:
            while True:
                pass
        case ["stubborn"]:
            while True:
                try:
                    time.sleep(1000)
                except KeyboardInterrupt:
                    pass
        case ["leave"]:
            sys.exit("gone")
        case ["raise", text]:
            raise RuntimeError(text)
        case ["complain", length]:
            raise RuntimeError("?" + "!" * length)
        case ["object"]:
            raise InvalidInput("odd", table={(1, 2): 3})
        case ["print", text]:
            print(text)
            print(text, file=sys.stderr)
        case ["fill"]:
            print("x" * LIMIT)
        case ["strange"]:
            return {"a": [object()]}
        case ["nan"]:
            return [float("nan"), np.float32(1.5)]
    return os.getpid()

play = Pipeline(
    [Node(obey, ["__pipeline_input__"], "__pipeline_output__", name="obeys")], "play"
)
alone = Pipeline([Node(lambda: 1, output_nodes="__pipeline_output__")], "alone")

class Loud(PipelineCallback):
    def before_execution(self, pipeline, args):
        print("before", pipeline.name)

class Runner(SequentialRunner):
    def run(self, pipeline, pipeline_input=None):
        return "by the runner"
"""


class Nothing:
    """The set of a pipeline without state."""

    versions: dict = {}
    states: dict = {}


def body(value=None, **fields):
    return json.dumps({"pipeline_input": value, **fields}).encode()


class Called:
    """Replicas of one pipeline of the module above."""

    def __init__(self, workshop, name, served=Nothing, *, wanted=1, warm=None, **options):
        self.workshop, self.name, self.served, self.options = workshop, name, served, options
        self.wanted, self.warm = wanted, warm

    async def __aenter__(self):
        definitions = await self.workshop.define(SERVED)
        self.definition = definitions[self.name]
        self.states = []
        self.replicas = Replicas(
            self.definition,
            self.served,
            self.workshop.launch(**self.options),
            lambda replicas: self.states.append(replicas.state),
            wanted=self.wanted,
            warm=self.warm,
        )
        self.trainers = Trainers(self.workshop.launcher, self.workshop.in_thread)
        self.train = lambda values: self.trainers.run(definitions["train"], body(values, save=True))
        return self

    async def __aexit__(self, *_):
        pids = self.replicas.pids
        await asyncio.gather(self.replicas.stop(), self.trainers.stop())
        assert not any(map(alive, pids))

    async def call(self, value=None, **fields):
        _, answer = await self.replicas.call(body(value, **fields))
        return json.loads(answer)

    async def output(self, value=None):
        return (await self.call(value))["pipeline_output"]

    def choose(self):
        return self.workshop.in_thread(OpStore.choose, self.definition.spec, None)
