"""Attempts at jobs: claimed, renewed, ended, lost, handed back."""

from __future__ import annotations

import threading

import pytest

from jupyter_chariots.errors import (
    JobCancelled,
    JobNotFound,
    LeaseLost,
    NameTaken,
    NodeFailed,
    from_payload,
)
from jupyter_chariots.op_store import Claim, Committed, Ending, Job, Lease, OpStore
from jupyter_chariots.op_store.blobs import SMALL
from jupyter_chariots.versioning.status import JobStatus

from .lab import PREDICT, TRAIN, fit, op, pipeline, submit

QUEUED, RUNNING = JobStatus.QUEUED, JobStatus.RUNNING
DONE, FAILED, CANCELLED = JobStatus.DONE, JobStatus.FAILED, JobStatus.CANCELLED


def claim(queue: OpStore, **given: object) -> Claim:
    found = queue.claim_job("worker 1", **given)  # type: ignore[arg-type]
    assert found is not None
    return found


def code(job: Job | None) -> str:
    assert job is not None
    return str((job.error or {})["code"])


def test_jobs_are_claimed_by_priority_then_in_order(queue: OpStore) -> None:
    names = [submit(queue, b"a").id, submit(queue, b"b", priority=-1).id]
    names += [queue.submit_job(PREDICT.name, b"c", priority=5).id, submit(queue, b"d").id]
    order = [claim(queue).job.id for _ in names]
    assert order == [names[2], names[0], names[3], names[1]]
    assert queue.claim_job("w") is None


def test_a_pool_claims_what_it_can_run(queue: OpStore) -> None:
    train, predict = submit(queue), queue.submit_job(PREDICT.name, b"{}")
    assert queue.claim_job("w", []) is None
    assert queue.claim_job("w", ["other"]) is None
    assert claim(queue, pipelines=[PREDICT.name, "other"]).job.id == predict.id
    assert claim(queue, pipelines={PREDICT.name, TRAIN.name}).job.id == train.id


def test_a_claimed_job_runs(queue: OpStore) -> None:
    submit(queue)
    claimed = claim(queue, lease_s=3.0)
    job = queue.job(claimed.job.id)
    assert job == claimed.job
    assert (job.status, job.attempts, job.worker) == (RUNNING, 1, "worker 1")
    assert job.started is not None
    assert queue.leases() == [(claimed.lease, 0, 3.0)]
    assert queue.news()[-1].ref == job.id
    assert queue.job_counts()[RUNNING] == 1


def test_a_look_into_an_empty_queue_needs_no_lock(queue: OpStore) -> None:
    with queue._db.write():
        results: list[object] = []
        thread = threading.Thread(target=lambda: results.append(queue.claim_job("w")))
        thread.start()
        thread.join()
    assert results == [None]


@pytest.mark.parametrize("size", [0, SMALL, SMALL + 1])
def test_a_job_ends_with_its_result(queue: OpStore, size: int) -> None:
    submit(queue)
    claimed = claim(queue)
    header = {"content_type": "application/json", "versions": {"pca": "1.2.3"}}
    done = queue.finish_job(claimed.lease, b"x" * size, header)
    assert done == queue.job(done.id)
    assert (done.status, done.header, done.error, done.run_id) == (DONE, header, None, None)
    assert done.ended is not None
    assert queue.job_result(done.id) == b"x" * size
    assert queue.leases() == []
    sequence = queue.sequence()
    # The answer to the report was lost, so it comes again.
    assert queue.finish_job(claimed.lease, b"x" * size, header) == done
    assert queue.sequence() == sequence


def test_an_error_is_kept_with_its_traceback(queue: OpStore) -> None:
    submit(queue)
    claimed = claim(queue)
    error = NodeFailed("clf raised", traceback="Traceback …", node="clf", value=float("nan"))
    failed = queue.fail_job(claimed.lease, error)
    assert failed.status is FAILED
    kept = from_payload(failed.error or {})
    assert isinstance(kept, NodeFailed)
    assert (kept.traceback, kept.details) == ("Traceback …", {"node": "clf", "value": None})
    assert queue.fail_job(claimed.lease, error) == failed
    assert queue.claim_job("w") is None  # what the user's code does is not tried again
    with pytest.raises(LeaseLost):
        queue.finish_job(claimed.lease, b"", {})


def test_a_call_that_somebody_waits_for_begins_at_once(queue: OpStore) -> None:
    for index in range(3):
        submit(queue, b"%d" % index, priority=9)
    begun = queue.begin_job(TRAIN.name, b"now", {"a": 1}, worker="w", lease_s=2.0, who="ann")
    job = queue.job(begun.job.id)
    assert (job.status, job.attempts, job.max_attempts, job.save) == (RUNNING, 1, 1, False)
    assert (job.worker, job.who, job.form) == ("w", "ann", {"a": 1})
    assert queue.job_input(job.id) == b"now"
    assert queue.leases() == [(begun.lease, 0, 2.0)]
    assert queue.job_counts()[QUEUED] == 3
    assert code(queue.lose_job(begun.lease, "killed")) == "worker_lost"


# -- a run and the end of its job are one ----------------------------------------------------


def commit(queue: OpStore, lease: Lease, state: bytes = b"p1", body: bytes = b"out") -> Committed:
    record = fit(TRAIN, {"pca": state, "clf": b"c"})
    ending = Ending(lease, body, lambda committed: {"run": committed.run_id})
    return queue.commit(TRAIN, record, promote=True, who="ann", ending=ending)


@pytest.mark.parametrize("size", [3, SMALL + 1])
def test_a_run_ends_its_job(queue: OpStore, size: int) -> None:
    submit(queue)
    claimed = claim(queue)
    committed = commit(queue, claimed.lease, body=b"x" * size)
    job = queue.job(claimed.job.id)
    assert (job.status, job.run_id, committed.saved) == (DONE, committed.run_id, True)
    assert job.header == {"run": committed.run_id}
    assert queue.job_result(job.id) == b"x" * size
    assert queue.choose(PREDICT).numbers == {"pca": "1.0.0", "clf": "1.0.0"}


def test_a_run_that_learned_nothing_ends_its_job(queue: OpStore) -> None:
    submit(queue)
    claimed = claim(queue)
    ending = Ending(claimed.lease, b"out", lambda committed: {"saved": committed.saved})
    queue.commit(TRAIN, fit(TRAIN, {}), ending=ending)
    job = queue.job(claimed.job.id)
    assert (job.status, job.run_id, job.header) == (DONE, None, {"saved": False})


def test_the_same_run_reported_twice_is_saved_once(queue: OpStore) -> None:
    submit(queue)
    claimed = claim(queue)
    record = fit(TRAIN, {"pca": b"p", "clf": b"c"})
    ending = Ending(claimed.lease, b"out", lambda committed: {})
    first = queue.commit(TRAIN, record, promote=True, ending=ending)
    sequence = queue.sequence()
    assert queue.commit(TRAIN, record, promote=True, ending=ending) == first
    assert queue.sequence() == sequence


def test_a_late_result_is_refused_and_saves_nothing(queue: OpStore) -> None:
    submit(queue)
    late = claim(queue)
    queue.lose_job(late.lease, "silent")
    again = claim(queue)
    for report in (
        lambda: commit(queue, late.lease, b"late"),
        lambda: queue.finish_job(late.lease, b"late", {}),
        lambda: queue.fail_job(late.lease, NodeFailed("late")),
    ):
        with pytest.raises(LeaseLost, match="does not hold it any more") as refused:
            report()
        assert refused.value.status == 409
    assert queue.renew_jobs([late.lease, again.lease]) == {again.lease: False}
    assert not queue.note_job(late.lease, progress={"i": 1})
    assert queue.lose_job(late.lease, "silent") is None
    assert queue.hand_back_job(late.lease) is None
    assert queue.unsaved(TRAIN) is None
    commit(queue, again.lease, b"again")
    assert queue.read("pca", "1.0.0") == b"again"
    assert len(queue.history("pca")) == 1
    with pytest.raises(LeaseLost, match="The job is done"):
        commit(queue, late.lease, b"late")


def test_a_refused_commit_leaves_the_job_running(queue: OpStore) -> None:
    other = pipeline("other", op("pca", ("2",), fits=True, origin="elsewhere.ipynb"))
    submit(queue)
    claimed = claim(queue)
    ending = Ending(claimed.lease, b"out", lambda committed: {})
    with pytest.raises(NameTaken):
        queue.commit(other, fit(other, {"pca": b"p"}), ending=ending)
    assert queue.job(claimed.job.id).status is RUNNING
    assert queue.fail_job(claimed.lease, NameTaken("taken")).status is FAILED


@pytest.mark.parametrize("fails", [False, True])
def test_a_lease_is_not_lost_by_the_end_of_its_own_job(queue: OpStore, fails: bool) -> None:
    """A renewal may come between the end and its answer; who is told "lost" stops the run."""
    submit(queue)
    claimed = claim(queue)
    queue.renew_jobs([claimed.lease], {claimed.job.id: {"i": 1}})
    if fails:
        queue.fail_job(claimed.lease, NodeFailed("no"))
    else:
        queue.finish_job(claimed.lease, b"out", {})
    assert queue.renew_jobs([claimed.lease], {claimed.job.id: {"i": 0}}) == {claimed.lease: False}
    assert queue.job(claimed.job.id).progress == {"i": 1}


def test_a_lease_of_no_job(queue: OpStore) -> None:
    lease = Lease("x", "y")
    with pytest.raises(JobNotFound):
        queue.finish_job(lease, b"", {})
    assert queue.renew_jobs([lease]) == {}
    assert queue.lose_job(lease, "why") is None


# -- lost and handed back --------------------------------------------------------------------


def test_a_lost_job_is_tried_again_and_then_has_failed(queue: OpStore) -> None:
    first, second = submit(queue, b"1"), submit(queue, b"2")
    lost = queue.lose_job(claim(queue).lease, "it was killed by signal 9")
    assert lost is not None
    assert (lost.id, lost.status, lost.attempts, lost.started) == (first.id, QUEUED, 1, None)
    claimed = claim(queue)  # it has not lost its place
    assert (claimed.job.id, claimed.job.attempts) == (first.id, 2)
    lost = queue.lose_job(claimed.lease, "it was killed by signal 9")
    assert lost is not None
    assert (lost.status, code(lost)) == (FAILED, "worker_lost")
    message = (lost.error or {})["message"]
    assert message.startswith("Worker lost: it was killed by signal 9.")
    assert "attempt 2 of 2" in message
    assert claim(queue).job.id == second.id


def test_a_synchronous_run_is_tried_once(queue: OpStore) -> None:
    submit(queue, max_attempts=1)
    lost = queue.lose_job(claim(queue).lease, "killed")
    assert code(lost) == "worker_lost"


def test_a_job_that_is_handed_back_has_lost_no_attempt(queue: OpStore) -> None:
    submit(queue, max_attempts=1)
    for _ in range(3):
        claimed = claim(queue)
        queue.note_job(claimed.lease, progress={"i": 1}, log={"path": "a"})
        back = queue.hand_back_job(claimed.lease)
        assert back is not None
        assert (back.status, back.attempts, back.progress) == (QUEUED, 0, None)
        assert back.started is None
    with pytest.raises(LeaseLost):
        queue.finish_job(claimed.lease, b"", {})


def test_what_waits_for_a_lost_job_goes_on_waiting_until_it_has_failed(queue: OpStore) -> None:
    first = submit(queue, b"1")
    then = submit(queue, b"2", after=[first.id])
    queue.lose_job(claim(queue).lease, "killed")
    assert queue.job(then.id).status is JobStatus.DEFERRED
    queue.lose_job(claim(queue).lease, "killed")
    assert code(queue.job(then.id)) == "prerequisite_failed"


# -- cancelling what runs --------------------------------------------------------------------


def test_a_running_job_is_asked_to_stop(queue: OpStore) -> None:
    submit(queue)
    claimed = claim(queue)
    assert queue.renew_jobs([claimed.lease]) == {claimed.lease: False}
    asked = queue.cancel_job(claimed.job.id, "ann")
    assert (asked.status, asked.cancelling) == (RUNNING, True)
    sequence = queue.sequence()
    assert queue.cancel_job(claimed.job.id, "bob") == asked
    assert queue.sequence() == sequence
    assert queue.renew_jobs([claimed.lease]) == {claimed.lease: True}
    ended = queue.fail_job(claimed.lease, NodeFailed("interrupted"))
    assert (ended.status, ended.cancelling, code(ended)) == (CANCELLED, False, "job_cancelled")
    assert "by ann" in (ended.error or {})["message"]


@pytest.mark.parametrize("how", ["lose", "hand back"])
def test_a_job_that_was_to_stop_is_not_tried_again(queue: OpStore, how: str) -> None:
    submit(queue)
    claimed = claim(queue)
    queue.cancel_job(claimed.job.id)
    if how == "lose":
        ended = queue.lose_job(claimed.lease, "killed")
    else:
        ended = queue.hand_back_job(claimed.lease)
    assert ended is not None
    assert ended.status is CANCELLED


def test_a_cancelled_job_saves_nothing_though_it_comes_through(queue: OpStore) -> None:
    submit(queue, b"1")
    submit(queue, b"2")
    for report in (
        lambda lease: commit(queue, lease),
        lambda lease: queue.finish_job(lease, b"out", {}),
    ):
        claimed = claim(queue)
        queue.cancel_job(claimed.job.id)
        for _ in range(2):
            with pytest.raises(JobCancelled):
                report(claimed.lease)
        assert queue.job(claimed.job.id).status is CANCELLED
        assert queue.job_result(claimed.job.id) is None
    assert queue.unsaved(TRAIN) is None
    assert queue.history("pca") == []


# -- progress --------------------------------------------------------------------------------


def test_progress_is_written_without_news(queue: OpStore) -> None:
    submit(queue)
    claimed = claim(queue)
    sequence = queue.sequence()
    step = {"node": "clf", "i": 3, "n": 10, "message": "third"}
    assert queue.note_job(claimed.lease, progress=step, log={"path": "a.log", "size": 10})
    assert queue.note_job(claimed.lease, log={"path": "a.log", "size": 20})
    job = queue.job(claimed.job.id)
    assert (job.progress, job.log) == (step, {"path": "a.log", "size": 20})
    queue.renew_jobs([claimed.lease], {claimed.job.id: {"i": 4}})
    queue.renew_jobs([claimed.lease])
    assert queue.job(claimed.job.id).progress == {"i": 4}
    assert queue.sequence() == sequence
    assert queue.leases()[0][1] == 2
