"""The attempts of jobs: claiming one, keeping its lease, and how an attempt ends.

No clock of the wall decides anything here. A lease holds until someone has watched it go without
renewal for its length (:class:`Sweeper`); every report bears the token of its attempt,
and is refused once the job was taken from it.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Collection, Mapping
from typing import Any

from .. import faults
from ..errors import ChariotsError, LeaseLost, WorkerLost
from ..versioning.status import JobStatus
from . import versions
from .database import Database
from .jobs import COLUMNS, cancelled, find, job_of, news, retired
from .records import Claim, Job, Lease
from .waiting import tell_dependents

__all__ = [
    "begin",
    "claim",
    "claimed",
    "fail",
    "finish",
    "hand_back",
    "held",
    "is_done_by",
    "lose",
    "may_report",
    "note",
    "renew",
    "running",
    "waits",
]

# The first of each pipeline, and of these the first: each step is one look into an index.
_NEXT = (
    "SELECT j.seq FROM {pipelines} w JOIN jobs j ON j.seq = (SELECT seq FROM jobs "
    "WHERE status = 'queued' AND pipeline = w.name ORDER BY priority DESC, seq LIMIT 1) "
    "ORDER BY j.priority DESC, j.seq LIMIT 1"
)
_ALL = _NEXT.format(pipelines="(SELECT name FROM definitions WHERE retired = 0)")
_SOME = _NEXT.format(pipelines="(SELECT value AS name FROM json_each(?))")
_HELD = "WHERE id = ? AND token = ? AND status = 'running' "


def _next(pipelines: Collection[str] | None) -> tuple[str, tuple[str, ...]]:
    return (_ALL, ()) if pipelines is None else (_SOME, (json.dumps(sorted(pipelines)),))


def waits(db: Database, pipelines: Collection[str] | None) -> bool:
    """Whether there is a job to claim."""
    return db.execute(*_next(pipelines)).fetchone() is not None


def claim(
    db: Database,
    worker: str,
    pipelines: Collection[str] | None,
    lease_s: float,
    most: int = 1,
    token: str | None = None,
) -> list[Claim]:
    """Take the first jobs of the queue; see :meth:`OpStore.claim_job`."""
    first, given = _next(pipelines)
    taken: list[Claim] = []
    while len(taken) < most:
        found = _claim(db, worker, lease_s, first, given, token)
        if found is None:
            break
        taken.append(found)
    return taken


def claimed(db: Database, token: str) -> Claim | None:
    """The job that was claimed with this token and runs."""
    row = db.execute(
        f"SELECT {COLUMNS} FROM jobs WHERE status = 'running' AND token = ?", (token,)
    ).fetchone()
    return None if row is None else Claim(job_of(row), Lease(row[1], token))


def begin(db: Database, job: Job, worker: str, lease_s: float) -> Claim:
    """Take a job that was recorded in this transaction."""
    begun = _claim(db, worker, lease_s, "?", (job.seq,))
    assert begun is not None
    return begun


def _claim(
    db: Database,
    worker: str,
    lease_s: float,
    first: str,
    given: tuple[str | int, ...],
    token: str | None = None,
) -> Claim | None:
    token = token or secrets.token_hex(16)
    rows = db.execute(
        "UPDATE jobs SET status = 'running', attempts = attempts + 1, worker = ?, token = ?, "
        "renewals = 0, lease_s = ?, started = ?, progress = NULL, log = NULL "
        f"WHERE seq = ({first}) RETURNING {COLUMNS}",
        (worker, token, lease_s, versions.timestamp(), *given),
    ).fetchall()
    if not rows:
        return None
    job = news(db, job_of(rows[0]))
    faults.reached("job claimed")
    return Claim(job, Lease(job.id, token))


def renew(
    db: Database, leases: Collection[Lease], progress: Mapping[str, Mapping[str, Any]]
) -> dict[Lease, bool]:
    """Renew leases; gives those that are held, each with whether the job shall be cancelled.

    An attempt that has ended its job, which who runs it may not know yet, has not lost it.
    """
    held: dict[Lease, bool] = {}
    for lease in leases:
        rows = db.execute(
            "UPDATE jobs SET renewals = renewals + 1, "
            "progress = iif(status = 'running', coalesce(?, progress), progress) "
            "WHERE id = ? AND token = ? RETURNING cancel AND status = 'running'",
            (_text(progress.get(lease.job)), lease.job, lease.token),
        ).fetchall()
        for (cancel,) in rows:
            held[lease] = bool(cancel)
    return held


def note(
    db: Database, lease: Lease, progress: Mapping[str, Any] | None, log: Mapping[str, Any] | None
) -> bool:
    """Write down how far a job is; ``False`` if the lease was lost."""
    noted = db.execute(
        f"UPDATE jobs SET progress = coalesce(?, progress), log = coalesce(?, log) {_HELD}",
        (_text(progress), _text(log), lease.job, lease.token),
    ).rowcount
    return bool(noted == 1)


def _text(value: Mapping[str, Any] | None) -> str | None:
    return None if value is None else versions.to_json(value)


def running(db: Database) -> list[tuple[Lease, int, float]]:
    """The leases that jobs run under, with their numbers of renewals and lengths in seconds."""
    rows = db.execute("SELECT id, token, renewals, lease_s FROM jobs WHERE status = 'running'")
    return [(Lease(job, token), renewals, lease_s) for job, token, renewals, lease_s in rows]


def held(db: Database, lease: Lease) -> Job:
    """The job of an attempt that holds it.

    Raises:
        LeaseLost: the job was taken from this attempt, or has ended.
        JobNotFound: there is no such job.
    """
    row = db.execute(f"SELECT {COLUMNS} FROM jobs {_HELD}", (lease.job, lease.token)).fetchone()
    if row is None:
        raise _lease_lost(find(db, lease.job))
    return job_of(row)


def is_done_by(db: Database, lease: Lease) -> bool:
    """Whether this attempt has ended the job with its result."""
    find(db, lease.job)
    row = db.execute(
        "SELECT 1 FROM jobs WHERE id = ? AND token = ? AND status = 'done'",
        (lease.job, lease.token),
    ).fetchone()
    return row is not None


def may_report(db: Database, lease: Lease, end: JobStatus) -> Job:
    """The job, if this attempt may report that it has come to this end.

    That is so while it holds the lease; and a report whose answer was lost may come again. A job
    that was to be cancelled is cancelled by this.

    Raises:
        LeaseLost: the job was taken from this attempt, or it came to another end.
        JobNotFound: there is no such job.
    """
    row = db.execute(
        f"SELECT canceller, token, {COLUMNS} FROM jobs WHERE id = ?", (lease.job,)
    ).fetchone()
    job = find(db, lease.job) if row is None else job_of(row[2:])
    ends = (JobStatus.RUNNING, JobStatus.CANCELLED, end)
    if row[1] != lease.token or job.status not in ends:
        raise _lease_lost(job)
    if job.cancelling:
        return _end(db, job, JobStatus.CANCELLED, error=cancelled(job, row[0]))
    return job


def _lease_lost(job: Job) -> LeaseLost:
    return LeaseLost(
        f"An attempt at job {job.id} of pipeline {job.pipeline!r} does not hold it any more; "
        f"what it reported was refused. The job is {job.status.value}.",
        hint="A worker that is silent for longer than its lease counts as lost.",
        job_id=job.id,
        pipeline=job.pipeline,
    )


def finish(
    db: Database, job: Job, header: Mapping[str, Any], result: str, run_id: str | None
) -> Job:
    """End a job with its result, the digest of a blob that is recorded."""
    if job.status.ended:
        return job
    return _end(db, job, JobStatus.DONE, header=header, result=result, run_id=run_id)


def fail(db: Database, job: Job, error: ChariotsError) -> Job:
    """End a job with an error."""
    return job if job.status.ended else _end(db, job, JobStatus.FAILED, error=error)


def _end(
    db: Database,
    job: Job,
    status: JobStatus,
    *,
    header: Mapping[str, Any] | None = None,
    result: str | None = None,
    run_id: str | None = None,
    error: ChariotsError | None = None,
    forget: bool = False,
) -> Job:
    row = db.execute(
        "UPDATE jobs SET status = ?, ended = ?, header = ?, result = ?, run_id = ?, error = ?, "
        f"token = iif(?, NULL, token) WHERE seq = ? RETURNING {COLUMNS}",
        (
            status.value,
            versions.timestamp(),
            _text(header),
            result,
            run_id,
            None if error is None else _text(error.payload()),
            forget,
            job.seq,
        ),
    ).fetchall()[0]
    ended = news(db, job_of(row))
    faults.reached("job ended")
    tell_dependents(db, ended)
    return ended


def lose(db: Database, lease: Lease, why: str, renewals: int | None) -> Job | None:
    """Take a job from an attempt whose worker is lost; see :meth:`OpStore.lose_job`."""
    return _take(db, lease, renewals, why)


def hand_back(db: Database, lease: Lease) -> Job | None:
    """Queue a job as if it had not been claimed; see :meth:`OpStore.hand_back_job`."""
    return _take(db, lease, None, None)


def _take(db: Database, lease: Lease, renewals: int | None, lost: str | None) -> Job | None:
    row = db.execute(
        f"SELECT renewals, canceller, {COLUMNS} FROM jobs {_HELD}", (lease.job, lease.token)
    ).fetchone()
    if row is None or renewals not in (None, row[0]):
        return None
    job = job_of(row[2:])
    if job.cancelling:
        return _end(db, job, JobStatus.CANCELLED, error=cancelled(job, row[1]), forget=True)
    if lost is not None and job.attempts >= job.max_attempts:
        return _end(db, job, JobStatus.FAILED, error=_worker_lost(job, lost), forget=True)
    served = db.execute(
        "SELECT 1 FROM definitions WHERE name = ? AND retired = 0", (job.pipeline,)
    ).fetchone()
    if served is None:
        return _end(db, job, JobStatus.FAILED, error=retired(job), forget=True)
    back = db.execute(
        "UPDATE jobs SET status = 'queued', token = NULL, started = NULL, progress = NULL, "
        "attempts = attempts - ? "
        f"WHERE seq = ? RETURNING {COLUMNS}",
        (int(lost is None), job.seq),
    ).fetchall()[0]
    return news(db, job_of(back))


def _worker_lost(job: Job, why: str) -> WorkerLost:
    return WorkerLost(
        f"Worker lost: {why}. This was attempt {job.attempts} of {job.max_attempts} at job "
        f"{job.id} of pipeline {job.pipeline!r}; none came to its end.",
        hint="A run commits at its very end, so it left nothing. If it was killed for want of "
        "memory, give it less data; the log of the job may say more.",
        job_id=job.id,
        pipeline=job.pipeline,
        worker=job.worker,
    )
