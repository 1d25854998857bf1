"""Calls whose callers cancel them: just these end, and the process lives on."""

from __future__ import annotations

import asyncio
import json

import pytest

from jupyter_chariots.errors import Cancelled
from jupyter_chariots.workers.replicas import Replicas

from .conftest import until
from .served import Nothing, body

MODULE = """
import itertools, os, time
from pathlib import Path
from jupyter_chariots import Node, Pipeline

DONE = []

def obey(rows):
    for row in rows:
        match row[0]:
            case "wait":
                Path("seen").touch()
                while not Path(row[1]).exists():
                    time.sleep(0.005)
            case "sleep":
                Path("seen").touch()
                time.sleep(1000)
            case "loop":
                Path("seen").touch()
                while True:
                    pass
            case "hang":
                Path("seen").touch()
                sum(itertools.repeat(0))  # no signal handler has its turn in there
            case "catch":
                Path("seen").touch()
                try:
                    time.sleep(1000)
                finally:
                    Path("cleaned").touch()
    DONE.extend(rows)
    return [[os.getpid(), [row[0] for row in DONE]] for row in rows]

def pipeline(name, batchable):
    return Pipeline(
        [Node(obey, ["__pipeline_input__"], "__pipeline_output__")], name, batchable=batchable
    )

single, joined = pipeline("single", False), pipeline("joined", True)
"""


class Called:
    def __init__(self, workshop, name):
        self.workshop, self.name = workshop, name

    async def __aenter__(self):
        definitions = await self.workshop.define(MODULE)
        launcher = self.workshop.launch()
        self.replicas = Replicas(definitions[self.name], Nothing, launcher)
        return self

    async def __aexit__(self, *_):
        await self.replicas.stop()

    def start(self, *row):
        return asyncio.ensure_future(self.replicas.call(body([row])))

    async def done(self):
        _, answer = await self.replicas.call(body([["done"]]))
        return json.loads(answer)["pipeline_output"][0]


@pytest.mark.usefixtures("patient")
@pytest.mark.parametrize("name", ["single", "joined"])
@pytest.mark.parametrize("what", ["wait", "sleep", "loop", "catch"])
def test_a_call_that_runs(workshop, run, name, what):
    async def work():
        async with Called(workshop, name) as called:
            running = called.start(what, "never")
            await workshop.seen("seen")
            pids = called.replicas.pids
            running.cancel()
            with pytest.raises(Cancelled, match="nothing was saved"):
                await running
            assert (await called.done()) == [*pids, ["done"]]
            assert (workshop.folder / "cleaned").exists() == (what == "catch")

    run(work())


def test_a_call_in_c_code_that_does_not_listen(workshop, run):
    async def work():
        async with Called(workshop, "single") as called:
            running = called.start("hang")
            await workshop.seen("seen")
            innocent = called.start("done")
            pids = called.replicas.pids
            running.cancel()
            with pytest.raises(Cancelled):
                await running
            _, answer = await innocent  # it had not begun, and goes to the next one
            assert json.loads(answer)["pipeline_output"][0][0] not in pids

    run(work())


@pytest.mark.parametrize("name", ["single", "joined"])
def test_a_call_that_waits_is_not_run(workshop, run, name):
    async def work():
        async with Called(workshop, name) as called:
            first = called.start("wait", "go")
            await workshop.seen("seen")
            waiting, other = called.start("cancelled"), called.start("other")
            await asyncio.sleep(0)
            waiting.cancel()
            workshop.mark("go")
            for cancelled in [waiting]:
                with pytest.raises((Cancelled, asyncio.CancelledError)):
                    await cancelled
            await asyncio.gather(first, other)
            assert (await called.done())[1] == ["wait", "other", "done"]

    run(work())


@pytest.mark.usefixtures("patient")
def test_a_batch_ends_when_all_have_left(workshop, run):
    async def work():
        async with Called(workshop, "joined") as called:
            first = called.start("wait", "go")
            await workshop.seen("seen")
            (workshop.folder / "seen").unlink()
            batch = [called.start("loop"), called.start("loop")]
            await asyncio.sleep(0)
            workshop.mark("go")
            await first
            await workshop.seen("seen")
            pids = called.replicas.pids
            batch[0].cancel()
            await until(batch[0].done)
            (child,) = called.replicas._dispatcher.children
            assert child.busy
            batch[1].cancel()
            await until(batch[1].done)
            assert (await called.done()) == [*pids, ["wait", "done"]]

    run(work())


@pytest.mark.usefixtures("patient")
def test_many_calls_of_which_some_are_cancelled_at_any_time(workshop, run):
    """No call ends that is not meant, and the process survives all of it."""

    async def work():
        async with Called(workshop, "single") as called:
            await called.done()
            pids = called.replicas.pids
            calls = []
            for number in range(300):
                calls.append(called.start(f"{number}"))
                if number % 3 == 0:
                    await asyncio.sleep(0.0005 * (number % 7))
                    calls[number].cancel()
            ended = await asyncio.gather(*calls, return_exceptions=True)
            for number, one in enumerate(ended):
                if number % 3:
                    assert not isinstance(one, BaseException), one
                elif isinstance(one, BaseException):
                    assert isinstance(one, (Cancelled, asyncio.CancelledError))
            assert called.replicas.pids == pids

    run(work())
