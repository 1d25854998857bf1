"""The replicas that nobody calls are ended when room is needed."""

from __future__ import annotations

import asyncio

from jupyter_chariots.workers.warm import Warm

from .conftest import until


class Replicas:
    """As many processes as are wanted, and when they were called last."""

    def __init__(self, used, wanted=1, *, warm=True, idle=True):
        self.used, self.wanted, self.warm, self.idle = used, wanted, warm, idle

    def cull(self):
        self.warm = False


def culled(most, *others):
    """Which are ended when another one starts."""
    warm = Warm(most, 0)
    for one in others:
        warm.add(one)
    started = Replicas(100)
    warm.add(started)
    before = [one.warm for one in others]
    warm.make_room(started)
    assert started.warm
    return [was and not one.warm for was, one in zip(before, others, strict=True)]


def test_nothing_ends_while_there_is_room():
    assert culled(3, Replicas(1), Replicas(2)) == [False, False]


def test_the_one_that_was_not_called_for_the_longest_time_ends():
    assert culled(3, Replicas(2), Replicas(1), Replicas(3)) == [False, True, False]


def test_as_many_end_as_are_needed():
    assert culled(3, Replicas(3, 2), Replicas(2), Replicas(1, 2)) == [False, True, True]


def test_those_that_have_calls_go_on():
    assert culled(1, Replicas(1, idle=False), Replicas(2)) == [False, True]


def test_those_that_are_cold_take_no_room():
    assert culled(2, Replicas(1, 8, warm=False), Replicas(2)) == [False, False]


def test_those_that_were_not_called_for_long_end_by_themselves(run):
    async def work():
        now = asyncio.get_running_loop().time()
        warm, idle, busy, used = Warm(8, 0.1), *(Replicas(now) for _ in range(3))
        busy.idle, used.used = False, now + 3600
        for one in (idle, busy, used):
            warm.add(one)
        await until(lambda: not idle.warm)
        assert busy.warm
        assert used.warm
        busy.idle = True
        await until(lambda: not busy.warm)  # it looks again and again
        for one in (idle, busy, used):
            warm.discard(one)

    run(work())
