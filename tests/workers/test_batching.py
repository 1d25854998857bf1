"""Calls that wait for a busy process go to it together."""

from __future__ import annotations

import asyncio
import json
import os
import signal
from collections import Counter

import pytest

from jupyter_chariots.errors import (
    BadRequest,
    ChariotsError,
    NodeFailed,
    TimedOut,
    Unavailable,
    WorkerLost,
)
from jupyter_chariots.workers.replicas import Replicas

from .conftest import until

MODULE = """
import os, time
from pathlib import Path
from jupyter_chariots import Node, Pipeline

RUNS = []

def wait(word):
    Path(f"{word}.seen").touch()
    while not Path(word).exists():
        time.sleep(0.005)

def obey(rows):
    RUNS.append(len(rows))
    for row in rows:
        match row[0]:
            case "wait":
                wait(row[1])
            case "hang":
                time.sleep(60)
            case "exit":
                os._exit(3)
            case "fail":
                raise ValueError(row[1])
    runs = list(RUNS)
    if rows[0][0] == "runs":
        RUNS.clear()
        return [runs]
    return [[row[1], os.getpid()] for row in rows]

def odd(rows):
    if rows[0][0] == "wait":
        wait(rows[0][1])
    return [[row[1] + len(rows)] if row[0] == "odd" else [0] for row in rows]

def pipeline(function, name, batchable):
    return Pipeline(
        [Node(function, ["__pipeline_input__"], "__pipeline_output__")], name, batchable=batchable
    )

play = pipeline(obey, "play", True)
plain = pipeline(obey, "plain", False)
strange = pipeline(odd, "strange", True)
"""


def body(value):
    return json.dumps({"pipeline_input": value}).encode()


class Nothing:
    """The served set of a pipeline without state."""

    versions: dict[str, str] = {}
    states: dict[str, str] = {}


class Called:
    """A replica, with the sizes of the batches that were sent to it."""

    def __init__(self, workshop, name, **options):
        self.workshop, self.name, self.options = workshop, name, options

    async def __aenter__(self):
        definitions = await self.workshop.define(MODULE)
        self.sizes, self.told = [], 0
        self.served = Nothing()
        self.replicas = Replicas(
            definitions[self.name],
            self.served,
            self.workshop.launch(**self.options),
            self.tell,
            self.sizes.append,
        )
        return self

    def tell(self, replicas):
        self.told += 1

    async def __aexit__(self, *_):
        await self.replicas.stop()

    async def output(self, *rows):
        _, answer = await self.replicas.call(body([list(row) for row in rows]))
        return json.loads(answer)["pipeline_output"]

    def call(self, *rows):
        return asyncio.ensure_future(self.output(*rows))

    async def busy(self, word):
        """Keep the process busy until ``word`` is marked."""
        task = self.call(("wait", word))
        await self.workshop.seen(f"{word}.seen")
        return task

    async def behind(self, word, calls):
        """Start the calls while the process is busy; give their results or errors."""
        first = await self.busy(word)
        tasks = [self.call(*rows) for rows in calls]
        await asyncio.sleep(0)  # so that all of them have been sent
        self.workshop.mark(word)
        results = await asyncio.gather(*tasks, return_exceptions=True)
        await first
        return results


def test_a_call_that_finds_the_process_idle_goes_at_once(workshop, run):
    async def work():
        async with Called(workshop, "play") as called:
            for number in range(3):
                assert (await called.output(("give", number)))[0][0] == number
            assert called.sizes == [1, 1, 1]

    run(work())


def test_calls_that_wait_go_together_and_each_gets_its_own_answer(workshop, run):
    async def work():
        async with Called(workshop, "play") as called:
            for turn in range(6):  # the first ones are compared with single runs
                calls = [[("give", n)] * (1 + n % 3) for n in range(20)]
                results = await called.behind(f"go{turn}", calls)
                for number, (rows, result) in enumerate(zip(calls, results, strict=True)):
                    assert [row[0] for row in result] == [number] * len(rows)
            assert Counter(called.sizes) == {1: 6, 20: 6}
            seen = (await called.output(("runs", 0)))[0]
            joined = sum(1 + n % 3 for n in range(20))
            assert seen.count(joined) == 6
            assert seen[-2:] == [joined, 1]  # the last join was run just once
            assert called.replicas.warning is None

    run(work())


def test_calls_of_a_pipeline_that_is_not_batchable_never_go_together(workshop, run):
    async def work():
        async with Called(workshop, "plain") as called:
            results = await called.behind("go", [[("give", n)] for n in range(10)])
            assert [result[0][0] for result in results] == list(range(10))
            assert set((await called.output(("runs", 0)))[0]) == {1}

    run(work())


def test_an_error_belongs_to_the_call_that_made_it(workshop, run):
    async def work():
        async with Called(workshop, "play") as called:
            first = await called.busy("go")
            tasks = [called.call(("give", 1)), called.call(("fail", "bad luck"))]
            tasks.append(asyncio.ensure_future(called.replicas.call(b"{")))
            tasks.append(called.call(("give", 2)))
            await asyncio.sleep(0)
            workshop.mark("go")
            one, failed, malformed, two = await asyncio.gather(*tasks, return_exceptions=True)
            assert [one[0][0], two[0][0]] == [1, 2]
            assert isinstance(failed, NodeFailed)
            assert "bad luck" in failed.message
            assert "bad luck" in failed.traceback
            assert isinstance(malformed, BadRequest)
            assert called.sizes == [1, 4]
            await first

    run(work())


def test_a_pipeline_that_is_not_batchable_after_all_is_found_out(workshop, run):
    async def work():
        async with Called(workshop, "strange") as called:
            results = await called.behind("go", [[("odd", n)] for n in range(5)])
            assert results == [[[n + 1]] for n in range(5)]
            assert "'strange' is not batchable" in called.replicas.warning
            told = called.told
            sizes = len(called.sizes)
            results = await called.behind("on", [[("odd", n)] for n in range(5)])
            assert results == [[[n + 1]] for n in range(5)]
            assert called.sizes[sizes:] == [1] * 6
            assert called.told == told

    run(work())


@pytest.mark.usefixtures("patient")
def test_a_call_that_hangs_does_not_take_others_with_it(workshop, run):
    async def work():
        async with Called(workshop, "play", call_timeout=2.0) as called:
            calls = [[("give", 1)], [("hang", 0)], [("give", 2)]]
            one, hung, two = await called.behind("go", calls)
            assert [one[0][0], two[0][0]] == [1, 2]
            assert isinstance(hung, TimedOut)
            assert called.replicas.restarts == 0

    run(work())


def test_a_process_that_dies_fails_the_calls_that_it_had(workshop, run):
    async def work():
        async with Called(workshop, "play") as called:
            results = await called.behind("go", [[("give", 1)], [("exit", 0)], [("give", 2)]])
            assert all(isinstance(result, WorkerLost) for result in results)
            first = await called.busy("never")
            waiting = [called.call(("give", n)) for n in range(3)]
            await asyncio.sleep(0)
            os.kill(called.replicas.pids[0], signal.SIGKILL)
            with pytest.raises(WorkerLost, match="SIGKILL"):
                await first
            for task in waiting:  # for the second one in a row there is no new one at once
                with pytest.raises(Unavailable, match="SIGKILL") as refused:
                    await task
                assert refused.value.details["retry_after"] > 0

    run(work())


def test_calls_that_nobody_waits_for_any_more_are_not_sent(workshop, run):
    async def work():
        async with Called(workshop, "play") as called:
            first = await called.busy("go")
            tasks = [called.call(("give", n)) for n in range(4)]
            await asyncio.sleep(0)
            tasks[1].cancel()
            tasks[2].cancel()
            await asyncio.wait(tasks[1:3])
            workshop.mark("go")
            await first
            assert [(await tasks[n])[0][0] for n in (0, 3)] == [0, 3]
            assert called.sizes == [1, 2]

    run(work())


def test_calls_that_wait_go_to_the_process_of_another_load(workshop, run):
    async def work():
        async with Called(workshop, "play") as called:
            first = await called.busy("go")
            old = called.replicas.pids
            tasks = [called.call(("give", n)) for n in range(3)]
            await asyncio.sleep(0)
            await called.replicas.switch(called.served)
            results = await asyncio.gather(*tasks)
            assert [result[0] for result in results] == [
                [n, called.replicas.pids[0]] for n in range(3)
            ]
            workshop.mark("go")
            assert (await first)[0][1:] == old

    run(work())


def test_calls_that_wait_are_told_when_the_server_stops(workshop, run):
    async def work():
        async with Called(workshop, "play") as called:
            first = await called.busy("never")
            task = called.call(("give", 1))
            await asyncio.sleep(0)
            await called.replicas.stop()
            for waiting in (first, task):
                with pytest.raises(ChariotsError):
                    await waiting
            await until(lambda: not called.replicas.pids)

    run(work())
