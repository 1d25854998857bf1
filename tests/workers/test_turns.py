"""Turns of runs that carry state on."""

from __future__ import annotations

import asyncio
import sqlite3
from contextlib import closing

import pytest

from jupyter_chariots.errors import StoreBusy
from jupyter_chariots.op_store import OpStore
from jupyter_chariots.workers.turns import Turns

from .conftest import until


def test_one_at_a_time_here_and_elsewhere(workshop, run):
    async def work():
        inside, most, order = 0, 0, []

        async def enter(turns, number):
            nonlocal inside, most
            async with turns.turn("count", on_lost=order.clear):
                inside += 1
                most = max(most, inside)
                await workshop.in_thread(lambda store: store.sequence())
                order.append(number)
                inside -= 1

        here, elsewhere = Turns(workshop.in_thread), Turns(workshop.in_thread)
        await asyncio.gather(*(enter((here, elsewhere)[n % 2], n) for n in range(8)))
        assert most == 1
        assert sorted(order) == list(range(8))
        assert [n for n in order if n % 2 == 0] == [0, 2, 4, 6]

    run(work())


def test_turns_of_two_pipelines_are_two(workshop, run):
    async def work():
        turns = Turns(workshop.in_thread)
        async with turns.turn("a", on_lost=list), turns.turn("b", on_lost=list):
            pass

    run(work())


def test_a_turn_is_given_back_after_an_error(workshop, run):
    async def work():
        for _ in range(2):
            try:
                async with Turns(workshop.in_thread).turn("a", on_lost=list):
                    raise RuntimeError
            except RuntimeError:
                pass

    run(work())


class Impatient:
    """A store that does not wait for locks, and what became of the calls to it."""

    def __init__(self, workshop):
        self.store = OpStore(workshop.store_path, busy_timeout=0.01)
        self.results = []

    async def __call__(self, method, *args):
        try:
            result = await asyncio.to_thread(method, self.store, *args)
        except StoreBusy as error:
            result = error
        self.results.append((method.__name__, type(result)))
        if isinstance(result, StoreBusy):
            raise result
        return result


@pytest.fixture
def impatient(workshop):
    made = Impatient(workshop)
    yield made
    made.store.close()


def test_a_store_that_is_locked_for_a_while_costs_no_turn(workshop, run, impatient):
    async def work():
        lost = []
        other = sqlite3.connect(workshop.store_path, isolation_level=None)
        with closing(other):
            async with Turns(impatient, lease=0.5).turn("a", on_lost=lambda: lost.append(1)):
                other.execute("BEGIN IMMEDIATE")
                await until(lambda: ("renew_turn", StoreBusy) in impatient.results)
                other.execute("ROLLBACK")
                await until(lambda: ("renew_turn", bool) in impatient.results)
        assert not lost

    run(work())


def test_a_turn_that_cannot_be_given_back_spoils_nothing(workshop, run, impatient):
    async def work():
        other = sqlite3.connect(workshop.store_path, isolation_level=None)
        with closing(other):
            async with Turns(impatient).turn("a", on_lost=list):
                other.execute("BEGIN IMMEDIATE")
        assert impatient.results[-1] == ("release_turn", StoreBusy)

    run(work())
