"""Jobs that no worker has: submitted, cancelled, waiting for others."""

from __future__ import annotations

import pytest

from jupyter_chariots.errors import (
    BadRequest,
    Conflict,
    JobNotFound,
    NodeFailed,
    PipelineNotFound,
    from_payload,
)
from jupyter_chariots.op_store import Job, OpStore
from jupyter_chariots.op_store.blobs import SMALL
from jupyter_chariots.versioning.status import JobStatus

from .lab import PREDICT, TRAIN, submit

QUEUED, DEFERRED, RUNNING = JobStatus.QUEUED, JobStatus.DEFERRED, JobStatus.RUNNING
DONE, FAILED, CANCELLED = JobStatus.DONE, JobStatus.FAILED, JobStatus.CANCELLED


def end(queue: OpStore, job: Job, error: NodeFailed | None = None) -> None:
    """Run a job that is the next."""
    claim = queue.claim_job("w")
    assert claim is not None
    assert claim.job.id == job.id
    if error is None:
        queue.finish_job(claim.lease, b"out", {})
    else:
        queue.fail_job(claim.lease, error)


def statuses(queue: OpStore, *jobs: Job) -> list[JobStatus]:
    return [queue.job(job.id).status for job in jobs]


def test_a_job_is_there_as_it_was_submitted(queue: OpStore) -> None:
    form = {"content_type": "application/x-npy", "rows": 3}
    job = submit(queue, b"\x93NUMPY", form=form, priority=3, save=False, who="ann")
    assert queue.job(job.id) == job
    assert queue.job_input(job.id) == b"\x93NUMPY"
    assert (job.status, job.form, job.priority, job.save) == (QUEUED, form, 3, False)
    assert (job.who, job.attempts, job.max_attempts) == ("ann", 0, 2)
    assert (job.started, job.ended, job.header, job.error) == (None, None, None, None)
    definition = queue.definition(TRAIN.name)
    assert (job.definition, job.revision) == (definition.digest, definition.revision)
    assert queue.job_result(job.id) is None
    (news,) = queue.news(since=job.seq - 1)
    assert (news.kind, news.ref, news.pipeline, news.who) == ("job", job.id, TRAIN.name, "ann")


@pytest.mark.parametrize("size", [0, SMALL, SMALL + 1])
def test_inputs_of_any_size_come_back(queue: OpStore, size: int) -> None:
    job = submit(queue, b"x" * size)
    assert queue.job_input(job.id) == b"x" * size


def test_what_is_submitted_must_be_there(queue: OpStore) -> None:
    before = queue.sequence()
    with pytest.raises(PipelineNotFound):
        queue.submit_job("nobody", b"{}")
    with pytest.raises(JobNotFound, match="'no such job'"):
        submit(queue, after=["no such job"])
    for given in ({"priority": 2**40}, {"max_attempts": 0}):
        with pytest.raises(BadRequest):
            submit(queue, **given)
    with pytest.raises(JobNotFound):
        queue.job("x" * 1000)
    with pytest.raises(JobNotFound):
        queue.job_result("x")
    assert queue.jobs() == []
    assert queue.sequence() == before


def test_jobs_are_listed_by_pages(queue: OpStore) -> None:
    jobs = [submit(queue) for _ in range(3)]
    other = queue.submit_job(PREDICT.name, b"{}")
    end(queue, jobs[0])
    page = queue.jobs(limit=2)
    assert [job.id for job in page] == [other.id, jobs[2].id]
    rest = queue.jobs(limit=9, before=page[-1].seq)
    assert [job.id for job in rest] == [jobs[1].id, jobs[0].id]
    assert [job.id for job in queue.jobs(pipeline=PREDICT.name)] == [other.id]
    assert [job.id for job in queue.jobs(status=DONE)] == [jobs[0].id]
    waiting = queue.jobs(status=QUEUED, pipeline=TRAIN.name)
    assert [job.id for job in waiting] == [jobs[2].id, jobs[1].id]
    counts = queue.job_counts()
    assert (counts[QUEUED], counts[DONE], counts[FAILED], sum(counts.values())) == (3, 1, 0, 4)


# -- idempotency -----------------------------------------------------------------------------


def test_the_same_key_twice_is_the_same_job(queue: OpStore) -> None:
    first = submit(queue, b"1", idempotency_key="k")
    assert submit(queue, b"1", idempotency_key="k") == first
    end(queue, first)
    assert submit(queue, b"1", idempotency_key="k").status is DONE
    assert queue.submit_job(PREDICT.name, b"1", idempotency_key="k").id != first.id
    assert submit(queue, b"1", idempotency_key="other").id != first.id
    assert len(queue.jobs()) == 3


@pytest.mark.parametrize("given", [{"body": b"2"}, {"save": False}, {"form": {"a": 1}}])
def test_the_same_key_with_another_body_is_refused(
    queue: OpStore, given: dict[str, object]
) -> None:
    first = submit(queue, b"1", idempotency_key="k")
    with pytest.raises(Conflict, match=first.id):
        submit(queue, **{"body": b"1", "idempotency_key": "k", **given})  # type: ignore[arg-type]
    assert len(queue.jobs()) == 1


# -- prerequisites ---------------------------------------------------------------------------


def test_the_last_prerequisite_queues_a_job(queue: OpStore) -> None:
    one, two = submit(queue, b"1"), submit(queue, b"2")
    then = submit(queue, b"3", after=[one.id, two.id, one.id])
    assert (then.status, then.after) == (DEFERRED, (one.id, two.id))
    end(queue, one)
    assert statuses(queue, then) == [DEFERRED]
    end(queue, two)
    assert statuses(queue, then) == [QUEUED]
    assert [news.ref for news in queue.news(since=queue.sequence() - 2)] == [two.id, then.id]
    end(queue, then)


def test_a_job_after_one_that_is_done_is_queued_at_once(queue: OpStore) -> None:
    one = submit(queue)
    end(queue, one)
    assert submit(queue, after=[one.id]).status is QUEUED


def test_the_failure_of_a_prerequisite_fails_what_waits_for_it(queue: OpStore) -> None:
    one, free = submit(queue, b"1", priority=1), submit(queue, b"free")
    two = submit(queue, b"2", after=[one.id, free.id])
    three = submit(queue, b"3", after=[two.id])
    end(queue, one, NodeFailed("no such column", traceback="Traceback …"))
    assert statuses(queue, free, two, three) == [QUEUED, FAILED, FAILED]
    second, third = (queue.job(job.id).error or {} for job in (two, three))
    assert (second["code"], second["prerequisite"]) == ("prerequisite_failed", one.id)
    assert second["reason"] == "node_failed"
    assert "no such column" in second["message"]
    assert third["prerequisite"] == two.id
    assert "no such column" in third["message"]
    assert queue.job(two.id).ended is not None
    end(queue, free)  # it waits for nobody, and nobody waits for it any more
    late = submit(queue, b"late", after=[one.id])
    assert (late.status, (late.error or {})["prerequisite"]) == (FAILED, one.id)


def test_cancelling_a_prerequisite_fails_what_waits_for_it(queue: OpStore) -> None:
    one = submit(queue)
    two = submit(queue, after=[one.id])
    queue.cancel_job(one.id, "ann")
    assert statuses(queue, one, two) == [CANCELLED, FAILED]
    assert "cancelled by ann" in (queue.job(two.id).error or {})["message"]


# -- cancelling ------------------------------------------------------------------------------


def test_a_queued_job_is_cancelled_at_once(queue: OpStore) -> None:
    job = submit(queue)
    cancelled = queue.cancel_job(job.id, "ann")
    assert cancelled.status is CANCELLED
    assert cancelled.ended is not None
    error = from_payload(cancelled.error or {})
    assert (error.code, error.status) == ("job_cancelled", 409)
    assert queue.claim_job("w") is None
    assert queue.cancel_job(job.id) == cancelled
    assert queue.news(since=cancelled.seq)[-1].who == "ann"


def test_a_deferred_job_is_cancelled_at_once(queue: OpStore) -> None:
    one = submit(queue)
    two = submit(queue, after=[one.id])
    assert queue.cancel_job(two.id).status is CANCELLED
    end(queue, one)
    assert statuses(queue, two) == [CANCELLED]


def test_what_has_ended_is_not_cancelled(queue: OpStore) -> None:
    job = submit(queue)
    end(queue, job)
    assert queue.cancel_job(job.id).status is DONE
    with pytest.raises(JobNotFound):
        queue.cancel_job("x")


# -- the pipeline ----------------------------------------------------------------------------


def test_the_end_of_a_pipeline_ends_its_jobs_that_wait(queue: OpStore) -> None:
    running = submit(queue, b"0")
    claim = queue.claim_job("w")
    assert claim is not None
    one = submit(queue, b"1")
    two = submit(queue, b"2", after=[one.id])
    other = queue.submit_job(PREDICT.name, b"3", after=[two.id])
    queue.unregister(TRAIN.name)
    assert statuses(queue, running, one, two, other) == [RUNNING, FAILED, FAILED, FAILED]
    assert (queue.job(one.id).error or {})["code"] == "pipeline_not_found"
    # What runs may come to its end, but is not tried again.
    lost = queue.lose_job(claim.lease, "killed")
    assert lost is not None
    assert (lost.status, (lost.error or {})["code"]) == (FAILED, "pipeline_not_found")


def test_a_job_runs_under_a_definition_that_has_changed(queue: OpStore) -> None:
    job = submit(queue)
    queue.register(TRAIN, owner="elsewhere", source={"a": 1}, replace=True)
    claim = queue.claim_job("w")
    assert claim is not None
    assert claim.job.id == job.id


def test_ending_a_pipeline_costs_the_same_for_each_job_however_many_wait(queue: OpStore) -> None:
    """It would keep the store locked for a minute where it cost more with each."""
    conn = queue._db.get().conn
    costs = []
    for count in (100, 1000):
        queue.register(TRAIN, owner="m", source={})
        queue.together([queue.submission(TRAIN.name, b"{}") for _ in range(count)])
        steps: list[None] = []
        conn.set_progress_handler(lambda steps=steps: steps.append(None), 100)
        queue.unregister(TRAIN.name)
        conn.set_progress_handler(None, 0)
        costs.append(len(steps) / count)
    assert queue.job_counts()[FAILED] == 1100
    assert costs[1] < 2 * costs[0]
