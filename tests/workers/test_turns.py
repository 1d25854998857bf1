"""Turns of runs that carry state on."""

from __future__ import annotations

import asyncio

from jupyter_chariots.workers.turns import Turns


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
