"""The guard keeps leases as the store does, and gives them up when the server is gone."""

from __future__ import annotations

import json
import os
import queue
import signal
import sqlite3
import subprocess
import sys

import pytest

from jupyter_chariots.op_store import Lease, OpStore, Sweeper
from jupyter_chariots.workers.guard_process import GuardProcess
from jupyter_chariots.workers.leases import _RENEW, Leases

from ..live import wait_for
from ..op_store.lab import TRAIN, open_store


@pytest.fixture
def store(tmp_path):
    store = open_store(tmp_path)
    store.register(TRAIN, owner="here", source={"kind": "module", "ref": "m:p"})
    yield store
    store.close()


@pytest.fixture
def claims(store):
    for _ in range(5):
        store.submit_job("train_iris", b"")
    return [store.claim_job("w") for _ in range(4)]


def rows(store):
    with sqlite3.connect(store.path) as db:
        found = db.execute("SELECT * FROM jobs ORDER BY seq").fetchall()
    db.close()
    return found


def test_it_writes_what_the_store_writes(store, claims, tmp_path):
    """Held, to be cancelled, lost, ended, of another attempt, unknown: the same comes of each."""
    _, cancelled, lost, ended = claims
    store.finish_job(ended.lease, b"", {})
    store.cancel_job(cancelled.job.id)
    store.lose_job(lost.lease, "gone")
    again = store.claim_job("w")
    asked = {claim.lease.job: claim.lease.token for claim in claims} | {"x": "y"}
    assert again.job.id == lost.job.id

    copy = tmp_path / "copy.db"
    with sqlite3.connect(store.path) as db, sqlite3.connect(copy) as to:
        db.backup(to)
    db.close()
    to.close()
    leases = Leases(json.dumps(str(copy)), print)
    told = leases._write(_RENEW, asked)
    kept = store.renew_jobs([Lease(job, token) for job, token in asked.items()])
    assert {job: bool(found[0][0]) for job, found in told.items() if found} == {
        lease.job: cancel for lease, cancel in kept.items()
    }
    with OpStore(copy, secret=b"x" * 32) as other:
        assert rows(other) == rows(store)


@pytest.fixture
def guard(store):
    guard = GuardProcess()
    guard.store_path = str(store.path)
    guard.words = queue.SimpleQueue()
    guard.on_word = lambda word, job, token: guard.words.put((word, Lease(job, token)))
    yield guard
    guard.close()


def renewals(store, claim):
    return next((n for lease, n, _ in store.leases() if lease == claim.lease), None)


def test_a_lease_is_renewed_until_it_is_released(store, claims, guard):
    first, second, third, _ = claims
    for claim in (first, second):
        guard.renew(claim.lease.job, claim.lease.token)
    wait_for(lambda: renewals(store, first) and renewals(store, second), "a renewal")
    guard.release(first.lease.job, first.lease.token)
    guard.renew(third.lease.job, third.lease.token)
    wait_for(lambda: renewals(store, third), "a renewal after the release")
    last, then = renewals(store, first), renewals(store, second)
    wait_for(lambda: renewals(store, second) > then + 1, "two more")
    assert renewals(store, first) == last


def test_what_comes_while_others_are_renewed_does_not_wait(store, claims, monkeypatch):
    first, second, *_ = claims
    leases = Leases(json.dumps(str(store.path)), print)
    monkeypatch.setattr("jupyter_chariots.workers.leases.EVERY_S", 3600.0)
    rounds = queue.SimpleQueue()
    renew = leases._renew

    def renew_and_get_one_more(held):
        renew(held)
        if len(held) == 1:
            leases.hold(second.lease.job, second.lease.token)
        rounds.put(set(held))

    monkeypatch.setattr(leases, "_renew", renew_and_get_one_more)
    leases.hold(first.lease.job, first.lease.token)
    assert rounds.get(timeout=60) == {first.job.id}
    assert rounds.get(timeout=60) == {first.job.id, second.job.id}
    assert renewals(store, second) == 1


def test_the_end_of_a_late_attempt_leaves_its_successor_the_lease(store, claims, guard):
    late = claims[0]
    guard.renew(late.lease.job, late.lease.token)
    wait_for(lambda: renewals(store, late), "a renewal")
    store.lose_job(late.lease, "late")
    again = store.claim_job("w")
    assert again.job.id == late.job.id
    guard.renew(again.lease.job, again.lease.token)
    guard.release(late.lease.job, late.lease.token)
    wait_for(lambda: renewals(store, again) > 1, "two renewals")


def test_what_is_cancelled_or_lost_is_told_once(store, claims, guard):
    first, second, third, ended = claims
    for claim in claims:
        guard.renew(claim.lease.job, claim.lease.token)
    wait_for(lambda: all(renewals(store, claim) for claim in claims), "a renewal")
    store.finish_job(ended.lease, b"", {})  # by itself, which is no loss
    store.cancel_job(first.job.id)
    store.lose_job(second.lease, "gone")
    told = {guard.words.get(timeout=30), guard.words.get(timeout=30)}
    assert told == {("cancel", first.lease), ("lost", second.lease)}
    then = renewals(store, third)
    wait_for(lambda: renewals(store, third) > then + 1, "two more")
    assert guard.words.empty()


def test_another_guard_goes_on(store, claims, guard):
    guard.renew(claims[0].lease.job, claims[0].lease.token)
    wait_for(lambda: renewals(store, claims[0]), "a renewal")
    first = guard.pid
    os.kill(first, signal.SIGKILL)
    wait_for(lambda: guard.pid != first, "another guard")
    then = renewals(store, claims[0])
    wait_for(lambda: renewals(store, claims[0]) > then, "a renewal by it")


def test_a_locked_store_does_not_end_it(store, claims, guard):
    guard.renew(claims[0].lease.job, claims[0].lease.token)
    wait_for(lambda: renewals(store, claims[0]), "a renewal")
    db = sqlite3.connect(store.path, isolation_level=None)
    db.execute("BEGIN IMMEDIATE")
    then = renewals(store, claims[0])
    with pytest.raises(AssertionError):
        wait_for(lambda: renewals(store, claims[0]) > then, "nothing", deadline=5)
    db.execute("ROLLBACK")
    db.close()
    wait_for(lambda: renewals(store, claims[0]) > then, "a renewal after that")


SERVER = """
import os, sys, time
from jupyter_chariots.workers.guard_process import GuardProcess
guard = GuardProcess()
guard.store_path, job, token = sys.argv[1:]
guard.renew(job, token)
time.sleep(1000)
"""


def test_leases_are_given_up_when_the_server_is_gone(store, claims):
    lease = claims[0].lease
    arguments = [sys.executable, "-c", SERVER, str(store.path), lease.job, lease.token]
    with subprocess.Popen(arguments) as server:
        wait_for(lambda: renewals(store, claims[0]), "a renewal")
        server.kill()
    wait_for(
        lambda: {held.job: seconds for held, _, seconds in store.leases()}[lease.job] == 0,
        "the lease to be given up",
    )
    other = next(seconds for held, _, seconds in store.leases() if held != lease)
    assert other == 10.0
    (taken,) = Sweeper(store).sweep()
    assert taken.id == lease.job
