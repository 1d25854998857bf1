"""Rows of jobs, and looking at them."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from ..errors import JobCancelled, JobNotFound, PipelineNotFound
from ..versioning.names import shown
from ..versioning.status import JobStatus
from . import versions
from .database import Database
from .records import Job

__all__ = [
    "COLUMNS",
    "cancelled",
    "counts",
    "find",
    "job_of",
    "known",
    "news",
    "page",
    "recent",
    "retired",
]

COLUMNS = (
    "seq, id, pipeline, definition, revision, status, priority, save, form, submitted, who, "
    "started, ended, attempts, max_attempts, worker, waits_for, cancel, progress, log, run_id, "
    "header, error"
)
_SELECT = f"SELECT {COLUMNS} FROM jobs "


def job_of(row: tuple[Any, ...]) -> Job:
    """A :class:`Job` from the values of :data:`COLUMNS`."""
    return Job(
        seq=row[0],
        id=row[1],
        pipeline=row[2],
        definition=row[3],
        revision=row[4],
        status=JobStatus(row[5]),
        priority=row[6],
        save=bool(row[7]),
        form=json.loads(row[8]),
        submitted=datetime.fromisoformat(row[9]),
        who=row[10],
        started=_time(row[11]),
        ended=_time(row[12]),
        attempts=row[13],
        max_attempts=row[14],
        worker=row[15],
        after=tuple(json.loads(row[16])),
        cancelling=bool(row[17]) and row[5] == "running",
        progress=_json(row[18]),
        log=_json(row[19]),
        run_id=row[20],
        header=_json(row[21]),
        error=_json(row[22]),
    )


def _time(text: str | None) -> datetime | None:
    return None if text is None else datetime.fromisoformat(text)


def _json(text: str | None) -> Mapping[str, Any] | None:
    found: Mapping[str, Any] | None = None if text is None else json.loads(text)
    return found


def news(db: Database, job: Job, who: str | None = None) -> Job:
    """Say in the sequence that something happened to a job; gives the job."""
    versions.add_news(db, "job", job.pipeline, who, job.id)
    return job


def find(db: Database, job_id: str) -> Job:
    """The job with this id.

    Raises:
        JobNotFound: there is none.
    """
    row = db.execute(_SELECT + "WHERE id = ?", (job_id,)).fetchone()
    if row is None:
        raise JobNotFound(
            f"There is no job {shown(job_id)}.",
            hint="Jobs that ended long ago are removed.",
            job_id=job_id[:128],
        )
    return job_of(row)


def page(
    db: Database, limit: int, before: int | None, status: JobStatus | None, pipeline: str | None
) -> list[Job]:
    """The jobs, the latest submission first."""
    wanted = {"status": status and status.value, "pipeline": pipeline}
    given = {name: value for name, value in wanted.items() if value is not None}
    # With both, the jobs of one pipeline are the fewer; + keeps the other index out of it.
    plus = "+" if len(given) == 2 else ""
    terms = [f"{plus if name == 'status' else ''}{name} = ?" for name in given]
    where = " AND ".join([*terms, "seq < ?"])
    cursor = 2**63 - 1 if before is None else before
    rows = db.execute(
        f"{_SELECT} WHERE {where} ORDER BY seq DESC LIMIT ?", (*given.values(), cursor, limit)
    )
    return [job_of(row) for row in rows.fetchall()]


def recent(db: Database, waiting: int, ended: int) -> list[Job]:
    """See :meth:`OpStore.recent_jobs`."""
    found: list[Job] = []
    for status, limit in (("running", -1), ("queued", waiting), ("deferred", waiting)):
        rows = db.execute(f"{_SELECT} WHERE status = ? ORDER BY seq LIMIT ?", (status, limit))
        found += map(job_of, rows.fetchall())
    rows = db.execute(
        f"{_SELECT} WHERE ended IS NOT NULL ORDER BY ended DESC, seq DESC LIMIT ?", (ended,)
    )
    found += map(job_of, rows.fetchall())
    return sorted(found, key=lambda job: -job.seq)


def known(db: Database, ids: Sequence[str]) -> set[str]:
    """Those of these ids that are jobs."""
    rows = db.execute(
        "SELECT id FROM jobs WHERE id IN (SELECT value FROM json_each(?))",
        (json.dumps(list(ids)),),
    )
    return {job_id for (job_id,) in rows.fetchall()}


def counts(db: Database) -> dict[JobStatus, int]:
    """How many jobs there are of each status."""
    count = "SELECT count(*) FROM jobs WHERE status = ?"
    return {status: int(db.execute(count, (status.value,)).fetchone()[0]) for status in JobStatus}


def cancelled(job: Job, who: str | None) -> JobCancelled:
    """The error that a cancelled job ends with."""
    by = f" by {who}" if who else ""
    return JobCancelled(
        f"Job {job.id} of pipeline {job.pipeline!r} was cancelled{by}.",
        job_id=job.id,
        pipeline=job.pipeline,
    )


def retired(job: Job) -> PipelineNotFound:
    """The error of a job whose pipeline is served no more."""
    return PipelineNotFound(
        f"Job {job.id} was not run: pipeline {job.pipeline!r} is not served any more.",
        hint="Serve it again and submit the job again.",
        pipeline=job.pipeline,
        job_id=job.id,
    )
