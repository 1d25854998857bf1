"""Calls are answered in a process of their own, on one set of versions at a time."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal

import pytest

from jupyter_chariots.errors import (
    Conflict,
    NotLoaded,
    NotTrusted,
    TimedOut,
    Unavailable,
    WorkerLost,
)

from .conftest import alive, until
from .served import Called


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
            running = asyncio.ensure_future(called.call([3]))
            waiting = asyncio.gather(*(called.call([3]) for _ in range(5)))
            await called.replicas.switch(await called.choose())
            assert await called.output([3]) == [0]
            (new,) = called.replicas.pids
            assert new != old
            os.kill(old, signal.SIGCONT)
            answers = [await running, *await waiting]
            assert answers[0]["pipeline_output"] == [2]
            for answer in answers:
                was_before = list(answer["versions"].values()) == [before]
                assert answer["pipeline_output"] == ([2] if was_before else [0])
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


def test_calls_that_waited_for_one_that_died_go_to_the_next(workshop, run):
    async def work():
        async with Called(workshop, "play") as called:
            first = await called.output(["pid"])
            calls = [called.call(["exit", 9]), *(called.output(["pid"]) for _ in range(5))]
            lost, *others = await asyncio.gather(*calls, return_exceptions=True)
            assert isinstance(lost, WorkerLost)
            assert "exit code 9" in lost.message
            assert lost.details == {"pipeline": "play", "retry_after": 0.0}
            assert set(others) == set(called.replicas.pids) != {first}

    run(work())


def test_quick_calls_wait_in_the_only_process_and_are_not_lost_with_it(workshop, run, monkeypatch):
    monkeypatch.setattr("jupyter_chariots.workers.dispatch._SHORT_S", 3600.0)

    async def work():
        async with Called(workshop, "play") as called:
            first = await called.output(["pid"])
            (child,) = called.replicas._dispatcher.children
            os.kill(first, signal.SIGSTOP)
            calls = [asyncio.ensure_future(called.output(["pid"])) for _ in range(12)]
            await until(lambda: len(child.outstanding) > 1)
            assert len(child.outstanding) == 8
            os.kill(first, signal.SIGKILL)
            lost, *others = await asyncio.gather(*calls, return_exceptions=True)
            assert isinstance(lost, WorkerLost)
            assert set(others) == set(called.replicas.pids) != {first}

    run(work())


def test_one_that_dies_again_and_again_is_left_alone_for_a_while(workshop, run):
    async def work():
        async with Called(workshop, "play") as called:

            async def die():
                while True:
                    with contextlib.suppress(WorkerLost):
                        await called.call(["exit", 3])

            with pytest.raises(Unavailable, match="exit code 3") as refused:
                await die()
            assert refused.value.details["retry_after"] > 0

            async def works():
                try:
                    return await called.output(["pid"])
                except Unavailable:
                    return None

            while not await works():
                await asyncio.sleep(0.01)

    run(work())


@pytest.mark.usefixtures("patient")
def test_a_call_that_takes_too_long_is_interrupted(workshop, run):
    async def work():
        async with Called(workshop, "play", call_timeout=2.0) as called:
            pid = await called.output(["pid"])
            late = asyncio.ensure_future(called.call(["loop"]))
            next_one = asyncio.ensure_future(called.output(["pid"]))
            with pytest.raises(TimedOut, match="2 s"):
                await late
            assert await next_one == pid

    run(work())


def test_a_call_that_does_not_let_itself_be_interrupted_is_killed(workshop, run):
    async def work():
        async with Called(workshop, "play", call_timeout=2.0) as called:
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


def test_the_end_does_not_wait_for_calls_on_an_old_set(workshop, run):
    async def work():
        async with Called(workshop, "play") as called:
            old = await called.output(["pid"])
            running = asyncio.ensure_future(called.call(["wait", "seen", "never"]))
            await workshop.seen("seen")
            await called.replicas.switch(called.served)
            assert await called.output(["pid"]) != old
            await called.replicas.stop()
            with pytest.raises(Unavailable):
                await running
            assert not alive(old)

    run(work())
