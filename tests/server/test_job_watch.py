"""Leases where there is no guard, and attempts that lose theirs."""

from __future__ import annotations

import asyncio
import logging

import pytest

from jupyter_chariots.errors import ChariotsError, Unavailable
from jupyter_chariots.op_store import OpStore
from jupyter_chariots.server.attempts import Attempts
from jupyter_chariots.server.job_watch import LeaseWatch
from jupyter_chariots.server.threads import StoreThreads
from jupyter_chariots.server.together import Together
from jupyter_chariots.versioning.status import JobStatus

from ..op_store.lab import SECRET, TRAIN

LOG = logging.getLogger(__name__)


class Watched:
    """Attempts of a server that has no guard; their work is to wait."""

    def __init__(self, folder):
        self.path = folder / "store.db"

    async def __aenter__(self):
        self.threads = StoreThreads(lambda: OpStore(self.path, secret=SECRET))
        self.store = await self.threads.run(self.threads.opened)
        self.store.register(TRAIN, owner="here", source={"kind": "module", "ref": "m:p"})
        self.go, self.lost, self.ended = asyncio.Event(), [], []
        write = Together(self.threads, lambda: None)
        self.attempts = Attempts(write, None, self.ended.append, lambda job, line: None, LOG)
        taken = lambda: self.lost.append(1)  # noqa: E731
        self.watch = LeaseWatch(self.threads, self.attempts, None, taken, lambda: None, LOG)
        self.watch.start()
        return self

    async def __aexit__(self, *_):
        self.go.set()
        await self.watch.stop()
        await self.attempts.stop(1)
        await self.threads.close()

    def begin(self, lease_s=10.0, **given):
        self.store.submit_job("train_iris", b"", **given)
        claim = self.store.claim_job("w", lease_s=lease_s)
        return self.attempts.begin(claim, self.work())

    async def work(self):
        await self.go.wait()
        return {"ended": False, "about": {"versions": {}}}, b"1"

    def job(self, attempt):
        return self.store.job(attempt.job.id)


async def until(condition):
    async def wait():
        while not (found := condition()):
            await asyncio.sleep(0.01)
        return found

    return await asyncio.wait_for(wait(), 30)


@pytest.fixture
def run(tmp_path):
    def finish(test):
        async def whole():
            async with Watched(tmp_path) as watched:
                await test(watched)

        asyncio.run(whole())

    return finish


def test_leases_are_renewed_and_results_written(run):
    async def test(watched):
        attempt = watched.begin(lease_s=2.0)
        renewals = lambda: watched.store.leases()[0][1]  # noqa: E731
        await until(lambda: renewals() >= 4)  # twice the length of its lease
        assert watched.job(attempt).status is JobStatus.RUNNING
        watched.go.set()
        await until(lambda: watched.ended)
        assert watched.job(attempt).status is JobStatus.DONE
        assert watched.store.job_result(attempt.job.id) == b"1"
        assert not watched.lost

    run(test)


def test_what_others_have_cancelled_is_ended(run):
    async def test(watched):
        attempt = watched.begin()
        watched.store.cancel_job(attempt.job.id, "ann")
        await until(lambda: watched.ended)
        assert watched.job(attempt).status is JobStatus.CANCELLED

    run(test)


def test_what_was_taken_is_ended_and_nothing_written(run):
    async def test(watched):
        attempt = watched.begin()
        watched.store.lose_job(attempt.lease, "silent")
        other = watched.store.claim_job("another")
        await until(lambda: watched.ended)
        with pytest.raises(Unavailable, match="lease was lost"):
            await attempt.answered
        assert watched.job(attempt).status is JobStatus.RUNNING
        assert watched.store.leases()[0][0] == other.lease

    run(test)


def test_a_job_whose_worker_is_silent_is_queued_again(run):
    async def test(watched):
        watched.store.submit_job("train_iris", b"")
        claim = watched.store.claim_job("elsewhere", lease_s=2.0)
        await until(lambda: watched.lost)
        assert watched.store.job(claim.job.id).status is JobStatus.QUEUED

    run(test)


@pytest.mark.parametrize(("max_attempts", "status"), [(2, "queued"), (1, "failed")])
def test_at_the_end_of_the_server_jobs_are_handed_back(run, max_attempts, status):
    async def test(watched):
        attempt = watched.begin(max_attempts=max_attempts)
        await watched.attempts.stop(0.05)
        assert watched.job(attempt).status.value == status
        with pytest.raises(ChariotsError, match="server stops"):
            await attempt.answered

    run(test)
