"""Lost workers are found by looks, not by clocks."""

from __future__ import annotations

import pytest

from jupyter_chariots.op_store import Claim, OpStore, Sweeper
from jupyter_chariots.versioning.status import JobStatus

from .lab import TRAIN


class Clock:
    """A clock that goes when it is told to."""

    def __init__(self) -> None:
        self.now = 5000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def claimed(store: OpStore) -> Claim:
    store.register(TRAIN, owner="m", source={})
    store.submit_job(TRAIN.name, b"{}")
    found = store.claim_job("w", lease_s=10.0)
    assert found is not None
    return found


def looks(sweeper: Sweeper, clock: Clock, *gaps: float) -> list[str]:
    """Look after each gap; the ids of the jobs that were taken."""
    taken = []
    for gap in gaps:
        clock.now += gap
        taken += [job.id for job in sweeper.sweep()]
    return taken


def test_a_silent_worker_is_lost_after_its_lease(
    store: OpStore, claimed: Claim, clock: Clock
) -> None:
    sweeper = Sweeper(store, clock)
    assert looks(sweeper, clock, 1, *[2] * 4) == []
    assert looks(sweeper, clock, 2) == [claimed.job.id]
    assert store.job(claimed.job.id).status is JobStatus.QUEUED
    assert looks(sweeper, clock, 2, 2) == []


def test_a_worker_that_renews_is_not(store: OpStore, claimed: Claim, clock: Clock) -> None:
    sweeper = Sweeper(store, clock)
    for _ in range(10):
        assert looks(sweeper, clock, 2, 2, 2, 2) == []
        store.renew_jobs([claimed.lease])
    assert looks(sweeper, clock, *[2] * 5) == []
    assert looks(sweeper, clock, 2) == [claimed.job.id]


def test_a_renewal_between_the_look_and_the_taking_counts(
    store: OpStore, claimed: Claim, clock: Clock
) -> None:
    store.renew_jobs([claimed.lease])
    assert store.lose_job(claimed.lease, "silent", renewals=0) is None
    assert store.job(claimed.job.id).status is JobStatus.RUNNING


def test_a_clock_that_jumps_takes_no_job(store: OpStore, claimed: Claim, clock: Clock) -> None:
    """A machine was suspended, or the thread that looks was late: one look is one look."""
    sweeper = Sweeper(store, clock)
    assert looks(sweeper, clock, 2, 1e6, 1e6, 1e6, 1e6) == []
    store.renew_jobs([claimed.lease])
    assert looks(sweeper, clock, 2, 1e6) == []


def test_each_attempt_is_watched_anew(store: OpStore, claimed: Claim, clock: Clock) -> None:
    sweeper = Sweeper(store, clock)
    looks(sweeper, clock, *[2] * 5)
    store.lose_job(claimed.lease, "its process ended")
    again = store.claim_job("w", lease_s=10.0)
    assert again is not None
    assert looks(sweeper, clock, *[2] * 5) == []
    assert looks(sweeper, clock, 2) == [claimed.job.id]
    assert store.job(claimed.job.id).status is JobStatus.FAILED


def test_two_sweepers_take_a_job_once(store: OpStore, claimed: Claim, clock: Clock) -> None:
    sweepers = [Sweeper(store, clock) for _ in range(2)]
    taken = []
    for _ in range(8):
        clock.now += 2
        for sweeper in sweepers:
            taken += sweeper.sweep()
    assert [job.id for job in taken] == [claimed.job.id]
