"""Ended jobs go after a while, and their bytes with them."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from jupyter_chariots.errors import JobNotFound, NodeFailed
from jupyter_chariots.op_store import Job, OpStore, retention
from jupyter_chariots.versioning.status import JobStatus

from .lab import TRAIN, open_store, run

BIG = b"x" * 70_000


@pytest.fixture
def queue(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[OpStore]:
    """A store whose ended jobs are old at once, all but the last two."""
    monkeypatch.setattr(retention, "LATEST", 2)
    with open_store(tmp_path, job_retention=timedelta(0)) as store:
        store.register(TRAIN, owner="m", source={})
        yield store


def ended(queue: OpStore, index: int) -> Job:
    queue.submit_job(TRAIN.name, b"in%d" % index + BIG, idempotency_key=f"{index}")
    claim = queue.claim_job("w")
    assert claim is not None
    return queue.finish_job(claim.lease, b"out%d" % index + BIG, {})


def files(queue: OpStore) -> list[Path]:
    return [path for path in queue.path.with_suffix(".blobs").rglob("*") if path.is_file()]


def test_old_ended_jobs_go_with_their_bytes(queue: OpStore) -> None:
    jobs = [ended(queue, index) for index in range(4)]
    assert len(files(queue)) == 8
    collected = queue.gc()
    assert (collected.jobs, collected.blobs, collected.files) == (2, 4, 4)
    assert [job.id for job in queue.jobs()] == [jobs[3].id, jobs[2].id]
    assert queue.job_result(jobs[2].id) == b"out2" + BIG
    with pytest.raises(JobNotFound):
        queue.job(jobs[0].id)
    assert ended(queue, 0).id != jobs[0].id  # its key is free again


def test_what_waits_and_runs_stays_with_its_bytes(queue: OpStore) -> None:
    running = queue.submit_job(TRAIN.name, b"running" + BIG)
    claim = queue.claim_job("w")
    assert claim is not None
    for index in range(3):
        ended(queue, index)
    waiting = queue.submit_job(TRAIN.name, b"small")
    then = queue.submit_job(TRAIN.name, b"then" + BIG, after=[waiting.id, running.id])
    assert queue.gc().jobs == 1
    for job, body in ((running, b"running" + BIG), (waiting, b"small"), (then, b"then" + BIG)):
        assert queue.job_input(job.id) == body


def test_a_prerequisite_may_go_before_what_waits_for_another(queue: OpStore) -> None:
    first = ended(queue, 0)
    slow = queue.submit_job(TRAIN.name, b"slow")
    claim = queue.claim_job("w")
    assert claim is not None
    then = queue.submit_job(TRAIN.name, b"then", after=[first.id, slow.id])
    for index in range(1, 4):
        ended(queue, index)
    assert queue.gc().jobs == 2
    queue.finish_job(claim.lease, b"out", {})
    assert queue.job(then.id).status is JobStatus.QUEUED
    assert queue.job(then.id).after == (first.id, slow.id)


def test_bytes_that_a_version_has_too_stay(queue: OpStore) -> None:
    run(queue, TRAIN, save=True, pca="x" * 70_000, clf="c")
    queue.submit_job(TRAIN.name, BIG)
    claim = queue.claim_job("w")
    assert claim is not None
    queue.fail_job(claim.lease, NodeFailed("x"))
    for index in range(2):
        ended(queue, index)
    assert queue.gc().jobs == 1
    assert queue.read("pca", "1.0.0") == BIG


def test_the_news_of_removed_jobs_go_and_no_others(queue: OpStore) -> None:
    run(queue, TRAIN, save=True, pca="p", clf="c")
    for index in range(4):
        ended(queue, index)
    run(queue, TRAIN, save=True, pca="p2", clf="c")
    sequence, told = queue.sequence(), queue.news()
    queue.gc()
    assert queue.sequence() == sequence
    kept = {job.id for job in queue.jobs()}
    expected = [news for news in told if news.kind != "job" or news.ref in kept]
    assert queue.news() == expected


def test_the_sequence_never_goes_back(queue: OpStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retention, "LATEST", 0)
    ended(queue, 0)
    sequence = queue.sequence()
    assert queue.gc().jobs == 1
    assert queue.sequence() == sequence


def test_jobs_are_kept_for_a_week_by_default(tmp_path: Path, queue: OpStore) -> None:
    for index in range(4):
        ended(queue, index)
    with open_store(tmp_path) as store:
        assert store.gc().jobs == 0
    with open_store(tmp_path, job_retention=None) as store:
        assert store.gc().jobs == 0
