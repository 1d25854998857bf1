"""Several processes answer the calls of one pipeline, all on the same set."""

from __future__ import annotations

import asyncio
import os
import signal

import pytest

from jupyter_chariots.errors import ChariotsError, Unavailable, WorkerLost
from jupyter_chariots.workers.warm import Warm

from .conftest import alive, children, until
from .served import Called

HOUR = 3600.0


async def ready(called, wanted):
    """Start them all."""
    await called.replicas.start()
    await until(lambda: len(called.replicas.pids) == wanted)


async def busy(called, word):
    """Start a call that lasts until ``word`` is marked, and wait until it runs."""
    call = asyncio.ensure_future(called.output(["wait", f"{word}.seen", word]))
    await called.workshop.seen(f"{word}.seen")
    return call


def test_calls_go_to_those_that_are_idle(workshop, run):
    async def work():
        async with Called(workshop, "play", wanted=3) as called:
            await ready(called, 3)
            first, second = await busy(called, "one"), await busy(called, "two")
            third = await called.output(["pid"])
            fourth = await asyncio.gather(*(called.output(["pid"]) for _ in range(10)))
            assert {*fourth} == {third}
            workshop.mark("one")
            workshop.mark("two")
            assert {await first, await second, third} == {*called.replicas.pids}
            assert called.replicas.restarts == 0

    run(work())


def test_calls_that_wait_go_to_the_one_that_is_free_first(workshop, run):
    async def work():
        async with Called(workshop, "play", wanted=2) as called:
            await ready(called, 2)
            long, short = await busy(called, "never"), await busy(called, "soon")
            waiting = asyncio.gather(*(called.output(["pid"]) for _ in range(20)))
            workshop.mark("soon")
            assert {*await waiting} == {await short}
            workshop.mark("never")
            assert await long != await short

    run(work())


def test_the_first_answers_before_the_others_are_there(workshop, run):
    async def work():
        async with Called(workshop, "play", wanted=2) as called:
            pid = await called.output(["pid"])
            assert called.replicas.pids == [pid]
            await until(lambda: len(called.replicas.pids) == 2)
            assert (called.replicas.state, called.replicas.reason) == ("ready", None)

    run(work())


def test_one_that_is_killed_fails_its_call_only_and_is_replaced(workshop, run):
    async def work():
        async with Called(workshop, "play", wanted=2) as called:
            await ready(called, 2)
            before = called.replicas.pids
            lost = await busy(called, "never")
            free = await called.output(["pid"])
            (victim,) = {*before} - {free}
            other = await busy(called, "go")
            waiting = asyncio.gather(*(called.output(["pid"]) for _ in range(10)))
            await asyncio.sleep(0)
            os.kill(victim, signal.SIGKILL)
            with pytest.raises(WorkerLost, match="SIGKILL") as told:
                await lost
            assert told.value.details["retry_after"] == 0
            assert called.replicas.state == "ready"
            assert "SIGKILL" in called.replicas.reason
            (new,) = {*await waiting}  # by the one that was started in its place
            assert new not in before
            workshop.mark("go")
            assert await other == free
            assert (called.replicas.restarts, called.replicas.reason) == (1, None)
            assert {*called.replicas.pids} == {free, new}

    run(work())


def noted_starts(replicas):
    """When processes are started from now on, and the last trouble that was known then."""
    processes, starts = replicas._processes, []
    load = processes.load

    def noted(served):
        starts.append((asyncio.get_running_loop().time(), replicas.reason))
        return load(served)

    processes.load = noted
    return starts


def test_a_storm_of_crashes_starts_few_processes(workshop, run):
    async def work():
        async with Called(workshop, "play", wanted=2) as called:
            await ready(called, 2)
            stay = await busy(called, "go")

            async def crash():
                with pytest.raises(ChariotsError, match="exit code 3"):
                    await called.call(["exit", 3])

            starts = noted_starts(called.replicas)
            storm = [asyncio.ensure_future(crash()) for _ in range(50)]
            await until(lambda: called.replicas.restarts == 2)
            assert called.replicas._back_off.left <= 2.0
            await until(lambda: called.replicas.restarts == 3)
            first, second, third = (time for time, _ in starts[:3])
            # each waits longer after what it replaces has died, and that was after its own start
            assert second - first > 0.49
            assert third - second > 0.99
            for task in storm:
                task.cancel()
            await asyncio.wait(storm)
            workshop.mark("go")
            assert await stay in called.replicas.pids
            await until(lambda: len(called.replicas.pids) == 2)

    run(work())


def test_one_that_dies_is_replaced_when_that_is_known(workshop, run):
    """Else what dies as soon as it answers calls would be started again without any pause."""

    async def work():
        async with Called(workshop, "play", wanted=2) as called:
            await ready(called, 2)
            starts = noted_starts(called.replicas)
            dying = called.replicas._processes.alive[0]
            dying._transport.abort()
            await until(lambda: not dying.alive)
            assert not called.replicas.reason
            called.replicas.scale(2)
            await until(lambda: called.replicas.restarts == 1)
            ((_, reason),) = starts
            assert reason.startswith("The process of pipeline 'play' ")

    run(work())


def test_all_switch_at_once(workshop, run):
    async def work():
        async with Called(workshop, "centre", served=None, wanted=3) as called:
            await called.train([1, 1])
            await called.replicas.switch(await called.choose())
            old = called.replicas.pids
            assert len(old) == 3
            (before,) = (await called.call([1]))["versions"].values()
            await called.train([3, 3])
            done = asyncio.Event()
            answers = []

            async def call():
                while not done.is_set():
                    answers.append(await called.call([3]))

            callers = [asyncio.ensure_future(call()) for _ in range(6)]
            await called.replicas.switch(await called.choose())
            switched = len(answers)
            after = [await called.call([3]) for _ in range(10)]
            done.set()
            await asyncio.gather(*callers)
            for answer in answers:
                was_before = [*answer["versions"].values()] == [before]
                assert answer["pipeline_output"] == ([2] if was_before else [0])
            assert switched < len(answers)
            assert {answer["pipeline_output"][0] for answer in after} == {0}
            assert not {*called.replicas.pids} & {*old}
            await until(lambda: not any(map(alive, old)))
            assert called.replicas.restarts == 0

    run(work())


def test_a_switch_that_fails_leaves_no_process_behind(workshop, run):
    async def work():
        others = children()  # of tests before this one
        async with Called(workshop, "play", wanted=2) as called:
            await ready(called, 2)
            pids = called.replicas.pids

            async def refuse():
                raise Unavailable("no")

            with pytest.raises(Unavailable, match="no"):
                await called.replicas.switch(called.served, refuse)
            assert called.replicas.pids == pids
            await until(lambda: children() - others == {*pids})

    run(work())


def test_more_and_fewer(workshop, run):
    async def work():
        async with Called(workshop, "play") as called:
            called.replicas.scale(2)
            assert called.replicas.state == "cold"
            first = await called.output(["pid"])
            await until(lambda: len(called.replicas.pids) == 2)
            called.replicas.scale(3)
            await until(lambda: len(called.replicas.pids) == 3)
            calls = [await busy(called, word) for word in ("one", "two", "three")]
            called.replicas.scale(1)
            await until(lambda: called.replicas.pids == [first])
            for word in ("one", "two", "three"):
                workshop.mark(word)
            assert len({*await asyncio.gather(*calls)}) == 3  # they were let end
            assert await called.output(["pid"]) == first
            assert called.replicas.restarts == 0

    run(work())


@pytest.mark.usefixtures("patient")
def test_a_call_that_is_cancelled_is_interrupted_if_it_runs(workshop, run):
    async def work():
        async with Called(workshop, "play", wanted=1) as called:
            pid = await called.output(["pid"])
            endless = await busy(called, "never")
            unsent = asyncio.ensure_future(called.call(["exit", 3]))
            waiting = asyncio.ensure_future(called.output(["pid"]))
            await asyncio.sleep(0)
            unsent.cancel()
            endless.cancel()
            assert await waiting == pid
            assert called.replicas.idle

    run(work())


def test_the_end_in_the_middle_of_a_start(workshop, run):
    async def work():
        async with Called(workshop, "play", wanted=2) as called:
            calls = [asyncio.ensure_future(called.call(["pid"])) for _ in range(5)]
            await until(lambda: called.replicas.state == "starting")
            await called.replicas.stop()
            for call in calls:
                with pytest.raises(Unavailable, match="stopped"):
                    await call
            assert called.replicas.pids == []

    run(work())


def test_the_end_lets_calls_end_when_asked_to(workshop, run):
    async def work():
        async with Called(workshop, "play", wanted=2) as called:
            await ready(called, 2)
            calls = [await busy(called, "one"), await busy(called, "two")]
            calls.append(asyncio.ensure_future(called.output(["pid"])))
            await asyncio.sleep(0)
            stopping = asyncio.ensure_future(called.replicas.stop(drain=True))
            workshop.mark("one")
            workshop.mark("two")
            one, two, three = await asyncio.gather(*calls)
            assert three in (one, two)
            await stopping

    run(work())


def test_what_is_not_called_for_long_is_ended_and_started_again(workshop, run):
    async def work():
        warm = Warm(8, HOUR)
        async with Called(workshop, "play", wanted=2, warm=warm) as called:
            await ready(called, 2)
            call = await busy(called, "go")
            old = called.replicas.pids
            called.replicas.used -= 2 * HOUR
            warm.look()  # longer than it may be idle; but it is not
            assert called.replicas.pids == old
            workshop.mark("go")
            await call
            warm.look()
            assert called.replicas.pids == old
            called.replicas.used -= 2 * HOUR
            warm.look()
            assert called.replicas.state == "cold"
            await until(lambda: not any(map(alive, old)))
            assert await called.output(["pid"]) not in old
            assert called.replicas.restarts == 0

    run(work())


def test_starts_that_take_longer_than_they_may_be_idle(workshop, run):
    async def work():
        warm = Warm(8, HOUR)
        async with Called(workshop, "play", warm=warm) as called:
            replicas = called.replicas

            async def while_it_takes_long(condition):
                replicas.used -= 2 * HOUR
                await until(condition)
                warm.look()
                return replicas.pids

            starting = asyncio.ensure_future(replicas.start())
            await until(lambda: replicas.state == "starting")
            assert len(await while_it_takes_long(starting.done)) == 1
            replicas.scale(2)
            await until(lambda: not replicas.idle)
            two = await while_it_takes_long(lambda: len(replicas.pids) == 2)
            assert len(two) == 2
            switching = asyncio.ensure_future(replicas.switch(called.served))
            await until(lambda: not replicas.idle)
            others = await while_it_takes_long(switching.done)
            assert len({*two, *others}) == 4

    run(work())
