"""Calls are answered in a process of their own, on one set of versions at a time."""

from __future__ import annotations

import asyncio
import json
import os
import signal

import pytest

from jupyter_chariots.errors import (
    BadRequest,
    Conflict,
    InvalidInput,
    NodeFailed,
    NotLoaded,
    NotTrusted,
    SerializationError,
    TimedOut,
    Unavailable,
    WorkerLost,
)
from jupyter_chariots.op_store import OpStore
from jupyter_chariots.workers.replicas import Replicas
from jupyter_chariots.workers.trainers import Trainers

from .conftest import alive, until

SERVED = """
import ctypes, os, signal, sys, time
import numpy as np
from pathlib import Path
from jupyter_chariots import BaseMLOp, MLMode, Node, Pipeline, PipelineCallback, SequentialRunner
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

    def __init__(self, workshop, name, served=Nothing, **options):
        self.workshop, self.name, self.served, self.options = workshop, name, served, options

    async def __aenter__(self):
        definitions = await self.workshop.define(SERVED)
        self.definition = definitions[self.name]
        self.states = []
        self.replicas = Replicas(
            self.definition,
            self.served,
            self.workshop.launch(**self.options),
            lambda replicas: self.states.append(replicas.state),
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


def test_a_call_and_its_answer(workshop, run):
    async def work():
        async with Called(workshop, "play") as called:
            assert called.replicas.state == "cold"
            answer = await called.call(["pid"])
            assert called.states == ["starting", "ready"]
            assert called.replicas.pids == [answer["pipeline_output"]]
            version = called.definition.spec.ops[0].version
            assert answer == {
                "pipeline_output": answer["pipeline_output"],
                "versions": {"obeys": str(version)},
                "job_id": None,
                "job_status": "done",
            }
            assert await called.call(["pid"], use_worker=None) == answer
            assert await called.output(["nan"]) == [None, 1.5]

    run(work())


def test_many_calls_at_once_start_one_process(workshop, run):
    async def work():
        async with Called(workshop, "play") as called:
            answers = await asyncio.gather(*(called.output(["pid"]) for _ in range(50)))
            assert set(answers) == set(called.replicas.pids)
            assert called.replicas.restarts == 0

    run(work())


def test_bad_input(workshop, run):
    async def work():
        async with Called(workshop, "play") as called:
            for content, error in (
                (b"{", BadRequest),
                (b"[]", BadRequest),
                (body([1], use_worker="yes"), BadRequest),
                (b"", InvalidInput),
                (b"null", InvalidInput),
                (body(None), InvalidInput),
            ):
                with pytest.raises(error) as refused:
                    await called.replicas.call(content)
                assert refused.value.status == 400
        async with Called(workshop, "alone") as called:
            for content in (b"", b"null", b"{}", body(None)):
                _, answer = await called.replicas.call(content)
                assert json.loads(answer)["pipeline_output"] == 1
            with pytest.raises(InvalidInput, match="takes no input"):
                await called.call([1])

    run(work())


def test_an_op_that_fails(workshop, run):
    async def work():
        async with Called(workshop, "play") as called:
            with pytest.raises(NodeFailed, match="too hot") as failed:
                await called.call(["raise", "too hot"])
            payload = failed.value.payload()
            assert (payload["pipeline"], payload["node"], payload["op"]) == (
                "play",
                "obeys",
                "obey",
            )
            assert "raise RuntimeError(text)" in payload["traceback"]
            with pytest.raises(NodeFailed, match="SystemExit"):
                await called.call(["leave"])
            with pytest.raises(SerializationError) as failed:
                await called.call(["strange"])
            assert "type object" in failed.value.message
            assert failed.value.details["node"] == "obeys"
            assert await called.output(["pid"]) in called.replicas.pids
            assert called.replicas.restarts == 0

    run(work())


def test_prints_go_to_a_log_that_stays_small(workshop, run):
    async def work():
        async with Called(workshop, "play") as called:
            await called.call(["print", "hello"])
            log = workshop.launcher.logs / "play.log"
            assert log.read_text() == "hello\nhello\n"
            await called.call(["fill"])
            await called.call(["print", "again"])
            assert log.read_text() == "again\nagain\n"

    run(work())


def test_runner_and_callbacks_of_the_configuration(workshop, run):
    async def work():
        async with Called(workshop, "play") as called:
            module = called.definition.owner
        async with Called(workshop, "play", callbacks=(f"{module}.Loud",)) as called:
            await called.call(["print", "hello"])
            log = workshop.launcher.logs / "play.log"
            assert log.read_text().startswith("before play\nhello\n")
        async with Called(workshop, "play", runner=f"{module}.Runner") as called:
            assert await called.output(["pid"]) == "by the runner"

    run(work())


def test_nothing_is_loaded(workshop, run):
    async def work():
        async with Called(workshop, "centre", served=None) as called:
            with pytest.raises(NotLoaded, match="centre"):
                await called.call([1])
            assert called.replicas.state == "cold"

    run(work())


def test_a_switch_while_calls_run(workshop, run):
    async def work():
        async with Called(workshop, "centre", served=None) as called:
            await called.train([1, 1])
            await called.replicas.switch(await called.choose())
            assert await called.output([1, 3]) == [0, 2]
            (old,) = called.replicas.pids
            (before,) = (await called.call([1]))["versions"].values()
            await called.train([3, 3])
            os.kill(old, signal.SIGSTOP)
            waiting = asyncio.gather(*(called.call([3]) for _ in range(5)))
            await called.replicas.switch(await called.choose())
            assert await called.output([3]) == [0]
            (new,) = called.replicas.pids
            assert new != old
            os.kill(old, signal.SIGCONT)
            for answer in await waiting:
                assert answer["pipeline_output"] == [2]
                assert list(answer["versions"].values()) == [before]
            await until(lambda: not alive(old))

    run(work())


def test_a_switch_that_fails_leaves_the_old_set(workshop, run):
    async def work():
        async with Called(workshop, "centre", served=None) as called:
            await called.train([1, 1])
            await called.replicas.switch(await called.choose())
            pids = called.replicas.pids

            async def refuse():
                raise Unavailable("no")

            with pytest.raises(Unavailable):
                await called.replicas.switch(await called.choose(), refuse)
            assert await called.output([1]) == [0]
            await called.train([3, 3])
            choice = await called.choose()
            tamper(workshop.store_path)
            with pytest.raises(NotTrusted):
                await called.replicas.switch(choice)
            assert await called.output([1]) == [0]
            assert called.replicas.pids == pids
            assert called.replicas.state == "ready"

    run(work())


def tamper(path):
    import sqlite3

    with sqlite3.connect(path) as db:
        columns = [row[1] for row in db.execute("PRAGMA table_info(blobs)")]
        column = next(name for name in ("data", "content", "payload") if name in columns)
        db.execute(f"UPDATE blobs SET {column} = zeroblob(length({column}))")
    db.close()


@pytest.mark.parametrize(
    ("order", "reason"),
    [(["exit", 3], "exit code 3"), (["segfault"], "SIGSEGV")],
)
def test_a_process_that_dies_is_started_again(workshop, run, order, reason):
    async def work():
        async with Called(workshop, "play") as called:
            first = await called.output(["pid"])
            with pytest.raises(WorkerLost, match=reason):
                await called.call(order)
            assert called.replicas.state == "failed"
            assert reason in called.replicas.reason
            second = await called.output(["pid"])
            assert second != first
            assert called.replicas.restarts == 1

    run(work())


def test_calls_that_waited_for_one_that_died_get_the_reason(workshop, run):
    async def work():
        async with Called(workshop, "play") as called:
            await called.output(["pid"])
            calls = [called.call(["exit", 9]), *(called.call(["pid"]) for _ in range(3))]
            for error in await asyncio.gather(*calls, return_exceptions=True):
                assert isinstance(error, WorkerLost)
                assert "exit code 9" in error.message

    run(work())


def test_one_that_dies_again_and_again_is_left_alone_for_a_while(workshop, run):
    async def work():
        async with Called(workshop, "play") as called:
            for _ in range(2):
                with pytest.raises(WorkerLost):
                    await called.call(["exit", 3])
            with pytest.raises(Unavailable, match="exit code 3") as refused:
                await called.call(["pid"])
            assert 0 < refused.value.details["retry_after"] <= 0.5

            async def works():
                try:
                    return await called.output(["pid"])
                except Unavailable:
                    return None

            while not await works():
                await asyncio.sleep(0.01)

    run(work())


def test_a_call_that_takes_too_long_is_interrupted(workshop, run):
    async def work():
        async with Called(workshop, "play", call_timeout=0.3) as called:
            pid = await called.output(["pid"])
            late = asyncio.ensure_future(called.call(["loop"]))
            next_one = asyncio.ensure_future(called.output(["pid"]))
            with pytest.raises(TimedOut, match=r"0\.3 s"):
                await late
            assert await next_one == pid

    run(work())


def test_a_call_that_does_not_let_itself_be_interrupted_is_killed(workshop, run):
    async def work():
        async with Called(workshop, "play", call_timeout=0.1) as called:
            pid = await called.output(["pid"])
            with pytest.raises(TimedOut):
                await called.call(["stubborn"])
            assert not alive(pid)
            assert await called.output(["pid"]) != pid

    run(work())


def test_code_that_changed_since_it_was_served(workshop, run):
    async def work():
        async with Called(workshop, "play") as called:
            path = workshop.folder / f"{called.definition.owner}.py"
            path.write_text(path.read_text().replace("return os.getpid()", "return 'changed'"))
            for _ in range(3):
                with pytest.raises(Conflict, match="changed") as refused:
                    await called.call(["pid"])
            assert "Restart" in refused.value.hint
            assert called.replicas.state == "failed"

    run(work())


def test_after_the_end_calls_are_refused(workshop, run):
    async def work():
        async with Called(workshop, "play") as called:
            await called.output(["pid"])
            running = asyncio.ensure_future(called.call(["wait", "seen", "never"]))
            await workshop.seen("seen")
            await called.replicas.stop()
            for call in (running, called.call(["pid"])):
                with pytest.raises(Unavailable):
                    await call

    run(work())
