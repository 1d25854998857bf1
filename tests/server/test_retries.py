"""What the background does again when it could not be done."""

from __future__ import annotations

import asyncio
import logging

import pytest

from jupyter_chariots.errors import NotTrusted, Unavailable, VersionError
from jupyter_chariots.server.retries import Retries


class Work:
    """Fails with these errors, one after the other, and then no more."""

    def __init__(self, *errors):
        self.errors = list(errors)
        self.tried = asyncio.Semaphore(0)
        self.times = 0

    async def __call__(self):
        self.times += 1
        self.tried.release()
        if self.errors:
            raise self.errors.pop(0)


def retries(first_s, longest_s=300.0):
    made = Retries("It cannot be done", logging.getLogger(__name__))
    made.first_s, made.longest_s = first_s, longest_s
    return made


def test_what_fails_is_tried_again_until_it_succeeds(run, caplog):
    async def work():
        tried = Work(Unavailable("one"), Unavailable("two"), Unavailable("three"))
        await retries(0.001, 0.002).run(tried)
        assert tried.times == 4

    run(work())
    ours = [record for record in caplog.records if record.name == __name__]
    assert [record.getMessage() for record in ours] == [
        "It cannot be done: one Again in 0.001 s.",
        "It cannot be done: two Again in 0.002 s.",
        "It cannot be done: three Again in 0.002 s.",
    ]


@pytest.mark.parametrize(
    "error", [VersionError("they do not fit"), NotTrusted("unsigned"), RuntimeError("a defect")]
)
def test_what_would_fail_again_is_left(run, caplog, error):
    async def work():
        tried = Work(error)
        await retries(0.001).run(tried)
        assert tried.times == 1

    run(work())
    assert "It cannot be done" in caplog.text
    assert str(error) in caplog.text


def test_news_is_not_waited_for_by_what_waits_to_be_tried_again(run):
    async def work():
        waiting, tried = retries(3600.0), Work(Unavailable("busy"))
        running = asyncio.ensure_future(waiting.run(tried))
        await tried.tried.acquire()
        waiting.hurry()
        await running
        assert tried.times == 2

    run(work())


def test_news_that_come_during_the_work_have_it_done_once_more(run):
    async def work():
        waiting = retries(3600.0)
        times = 0

        async def once():
            nonlocal times
            times += 1
            if times == 1:
                waiting.hurry()

        await waiting.run(once)
        assert times == 2

    run(work())
