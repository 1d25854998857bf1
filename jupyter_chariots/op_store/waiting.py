"""Jobs that no worker has: submitting and cancelling them, and jobs that wait for others."""

from __future__ import annotations

import json
import uuid
from collections.abc import Mapping, Sequence
from typing import Any

from .. import faults
from ..errors import BadRequest, ChariotsError, Conflict, PrerequisiteFailed
from ..versioning.names import shown
from ..versioning.status import JobStatus
from . import definitions, versions
from .blobs import Blobs, Prepared, digest_of
from .database import Database
from .jobs import COLUMNS, cancelled, find, job_of, news, retired
from .records import Job

__all__ = ["cancel", "retire", "submit", "tell_dependents"]

_HIGHEST = 2**31
_COLUMNS_J = ", ".join("j." + name for name in COLUMNS.split(", "))


def submit(
    db: Database,
    blobs: Blobs,
    pipeline: str,
    prepared: Prepared,
    form: Mapping[str, Any] | None,
    *,
    save: bool,
    max_attempts: int,
    who: str | None,
    priority: int = 0,
    after: Sequence[str] = (),
    idempotency_key: str | None = None,
) -> Job:
    """Record a job; see :meth:`OpStore.submit_job`. ``prepared`` is its input."""
    if not -_HIGHEST <= priority < _HIGHEST or max_attempts < 1:
        raise BadRequest(
            f"A job has a priority of 32 bits and at least one attempt, not {priority} and "
            f"{max_attempts}."
        )
    after = list(dict.fromkeys(after))
    form_text = json.dumps(form or {}, sort_keys=True)
    request = json.dumps([form_text, prepared.digest, bool(save), after, priority])
    request = digest_of(request.encode())
    if idempotency_key is not None:
        row = db.execute(
            f"SELECT request, {COLUMNS} FROM jobs WHERE pipeline = ? AND idempotency = ?",
            (pipeline, idempotency_key),
        ).fetchone()
        if row is not None:
            if row[0] != request:
                raise Conflict(
                    f"Job {row[2]} of pipeline {pipeline!r} was submitted under the idempotency "
                    f"key {shown(idempotency_key)} with another body.",
                    hint="Give each submission a key of its own; repeat only equal ones.",
                    pipeline=pipeline,
                    job_id=row[2],
                )
            return job_of(row[1:])
    job_id = uuid.uuid4().hex
    registered = definitions.registered(db, pipeline)
    needed = [find(db, other) for other in after]
    blobs.insert(db, prepared)
    waits = any(not other.status.ended for other in needed)
    row = db.execute(
        "INSERT INTO jobs (seq, id, pipeline, definition, revision, status, priority, save, form, "
        "input, waits_for, idempotency, request, submitted, who, max_attempts) "
        f"VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) RETURNING {COLUMNS}",
        (
            versions.add_news(db, "job", pipeline, who, job_id),
            job_id,
            pipeline,
            *registered,
            (JobStatus.DEFERRED if waits else JobStatus.QUEUED).value,
            priority,
            int(save),
            form_text,
            prepared.digest,
            json.dumps(after),
            idempotency_key,
            request,
            versions.timestamp(),
            who,
            max_attempts,
        ),
    ).fetchall()[0]
    job = job_of(row)
    for other in needed:
        db.execute("INSERT INTO prerequisites (job, needs) VALUES (?, ?)", (job.seq, other.seq))
    faults.reached("job recorded")
    for other in needed:
        if other.status.ended and other.status is not JobStatus.DONE:
            return _end(db, job, JobStatus.FAILED, _prerequisite_failed(job, other))
    return job


def _end(
    db: Database, job: Job, status: JobStatus, error: ChariotsError, canceller: str | None = None
) -> Job:
    """End a job that waits, and those that wait for it."""
    ended = _set_ended(db, job, status, error, canceller)
    tell_dependents(db, ended)
    return ended


def _set_ended(
    db: Database, job: Job, status: JobStatus, error: ChariotsError, canceller: str | None = None
) -> Job:
    text = versions.to_json(error.payload())
    row = db.execute(
        "UPDATE jobs SET status = ?, ended = ?, error = ?, canceller = ? "
        f"WHERE seq = ? RETURNING {COLUMNS}",
        (status.value, versions.timestamp(), text, canceller, job.seq),
    ).fetchall()[0]
    return news(db, job_of(row), canceller)


def tell_dependents(db: Database, ended: Job) -> None:
    """A job has ended: those that wait for it are queued when it was the last one, or fail."""
    untold = [ended]
    while untold:
        other = untold.pop()
        rows = db.execute(
            f"SELECT {_COLUMNS_J} FROM prerequisites p JOIN jobs j ON j.seq = p.job "
            "WHERE p.needs = ?",
            (other.seq,),
        ).fetchall()
        for job in map(job_of, rows):
            if job.status is not JobStatus.DEFERRED:
                continue
            if other.status is JobStatus.DONE:
                _queue(db, job)
            else:
                error = _prerequisite_failed(job, other)
                untold.append(_set_ended(db, job, JobStatus.FAILED, error))
    faults.reached("dependents told")


def _queue(db: Database, job: Job) -> None:
    """Queue a deferred job, unless it waits for others still."""
    queued = db.execute(
        "UPDATE jobs SET status = 'queued' WHERE seq = ? AND NOT EXISTS ("
        "SELECT 1 FROM prerequisites p JOIN jobs n ON n.seq = p.needs "
        "WHERE p.job = ? AND n.status <> 'done')",
        (job.seq, job.seq),
    ).rowcount
    if queued:
        news(db, job)


def _prerequisite_failed(job: Job, other: Job) -> PrerequisiteFailed:
    error = other.error or {}
    reason = str(error.get("message", f"it is {other.status.value}"))
    return PrerequisiteFailed(
        f"Job {job.id} was not run: job {other.id} of pipeline {other.pipeline!r}, which it "
        f"waited for, {'was cancelled' if other.status is JobStatus.CANCELLED else 'failed'}: "
        f"{reason}",
        hint="Submit both again when the reason is gone.",
        job_id=job.id,
        prerequisite=other.id,
        reason=error.get("code"),
    )


def cancel(db: Database, job_id: str, who: str | None) -> Job:
    """Cancel a job that waits at once; ask for the end of a running one; else do nothing."""
    job = find(db, job_id)
    if job.status in (JobStatus.QUEUED, JobStatus.DEFERRED):
        return _end(db, job, JobStatus.CANCELLED, cancelled(job, who), who)
    if job.status is JobStatus.RUNNING and not job.cancelling:
        row = db.execute(
            f"UPDATE jobs SET cancel = 1, canceller = ? WHERE seq = ? RETURNING {COLUMNS}",
            (who, job.seq),
        ).fetchall()[0]
        return news(db, job_of(row), who)
    return job


def retire(db: Database, pipeline: str) -> None:
    """End the waiting jobs of a pipeline that is served no more: nobody would claim them."""
    for status in ("queued", "deferred"):
        rows = db.execute(
            f"SELECT seq FROM jobs WHERE pipeline = ? AND status = '{status}'", (pipeline,)
        ).fetchall()
        for (seq,) in rows:
            # One after the other: the end of one may have ended others of them.
            row = db.execute(
                f"SELECT {COLUMNS} FROM jobs WHERE seq = ? AND status = '{status}'", (seq,)
            ).fetchone()
            if row is not None:
                _end(db, job_of(row), JobStatus.FAILED, retired(job_of(row)))
