"""The processes of one pipeline come and go, all or none."""

from __future__ import annotations

import asyncio
import os
import signal

import pytest

from jupyter_chariots.errors import ChariotsError
from jupyter_chariots.workers.batching import CALL
from jupyter_chariots.workers.dispatch import Dispatcher
from jupyter_chariots.workers.process import Child
from jupyter_chariots.workers.processes import Processes

from .conftest import alive, children, until
from .served import SERVED, Nothing, body

# Once there is a crowd, one more process can import this, and then none.
CROWDED = """
if Path("crowd").exists():
    os.close(os.open("in", os.O_CREAT | os.O_EXCL))
"""


class Made:
    """The processes of a pipeline, and those that died while they were in use."""

    def __init__(self, workshop):
        self.workshop, self.died = workshop, []

    async def __aenter__(self):
        self.others = children()  # of tests before this one
        definitions = await self.workshop.define(SERVED + CROWDED)
        self.dispatcher = Dispatcher(60.0)
        self.processes = Processes(
            definitions["play"], self.workshop.launch(), self.dispatcher, self.died.append
        )
        return self

    async def __aexit__(self, *_):
        await self.processes.stop()
        assert not self.started

    @property
    def started(self):
        return children() - self.others

    def call(self, value):
        return asyncio.ensure_future(self.dispatcher.call(CALL, body(value)))


def test_one_gets_no_calls_before_it_is_added(workshop, run):
    async def work():
        async with Made(workshop) as made:
            child = await made.processes.load(Nothing)
            assert (made.processes.alive, made.dispatcher.ready) == ([], False)
            call = made.call(["pid"])
            made.processes.add(child)
            assert made.processes.alive == [child]
            assert str(child.pid).encode() in bytes((await call)[1])

    run(work())


def test_several_start_together_and_take_the_place_of_others(workshop, run):
    async def work():
        async with Made(workshop) as made:
            old = await made.processes.load(Nothing)
            made.processes.add(old)
            call = made.call(["wait", "seen", "go"])
            await workshop.seen("seen")
            async with made.processes.loaded(Nothing, 2) as new:
                assert made.processes.alive == [old]
            made.processes.use(new, drain=True)
            assert made.processes.alive == new
            workshop.mark("go")
            assert str(old.pid).encode() in bytes((await call)[1])
            await until(lambda: not alive(old.pid))
            assert made.started == {child.pid for child in new}
            assert not made.died

    run(work())


def test_all_start_or_none(workshop, run):
    async def work():
        async with Made(workshop) as made:
            workshop.mark("crowd")

            async def use():
                async with made.processes.loaded(Nothing, 3):
                    pytest.fail("one of them cannot start")

            with pytest.raises(ChariotsError, match="FileExistsError"):
                await use()
            assert (workshop.folder / "in").exists()
            assert not made.started

    run(work())


def test_one_that_ends_already_is_waited_for(workshop, run, monkeypatch):
    """Whoever cancels a start that has failed finds nothing left of it either."""
    stopping = asyncio.Event()
    stop = Child.stop

    def noted(child, *, drain=False):
        stopping.set()
        return stop(child, drain=drain)

    async def work():
        async with Made(workshop) as made:
            workshop.mark("crowd")
            workshop.mark("in")
            monkeypatch.setattr(Child, "stop", noted)
            loading = asyncio.ensure_future(made.processes.load(Nothing))
            await stopping.wait()
            loading.cancel()
            await asyncio.wait([loading])
            assert not made.started

    run(work())


def test_none_stays_if_they_cannot_be_used(workshop, run):
    async def work():
        async with Made(workshop) as made:

            async def use():
                async with made.processes.loaded(Nothing, 2) as new:
                    assert made.started == {child.pid for child in new}
                    raise RuntimeError("no")

            with pytest.raises(RuntimeError, match="no"):
                await use()
            assert not made.started

    run(work())


def test_one_that_dies_is_out_and_told_of(workshop, run):
    async def work():
        async with Made(workshop) as made:
            async with made.processes.loaded(Nothing, 2) as new:
                made.processes.use(new)
            first, second = new
            os.kill(first.pid, signal.SIGKILL)
            await until(lambda: made.died == [first])
            assert made.dispatcher.children == [second]
            made.processes.use([])
            await until(lambda: not made.started)
            assert made.died == [first]  # the other one was no longer in use

    run(work())


def test_the_end_waits_for_nothing(workshop, run):
    async def work():
        async with Made(workshop) as made:
            child = await made.processes.load(Nothing)
            made.processes.add(child)
            call = made.call(["stubborn"])
            await until(lambda: child.busy)
            await made.processes.stop()
            assert not made.started
            with pytest.raises(ChariotsError):
                await call

    run(work())
