"""The part of the store for whoever submits jobs, and looks at them."""

from __future__ import annotations

import mmap
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

from ..versioning.status import JobStatus
from . import jobs, waiting
from .base import StoreBase
from .database import Database
from .records import Job

__all__ = ["Queue"]


class Queue(StoreBase):
    """A job is one row, from its submission to its end, whatever runs it.

    Each method that writes is one transaction, which outlives a power cut when it returns.
    """

    def submit_job(
        self,
        pipeline: str,
        body: bytes,
        form: Mapping[str, Any] | None = None,
        *,
        priority: int = 0,
        save: bool = True,
        after: Sequence[str] = (),
        idempotency_key: str | None = None,
        max_attempts: int = 2,
        who: str | None = None,
    ) -> Job:
        """Record a job: queued, or deferred until those that it waits for are done.

        Args:
            pipeline: its name.
            body: the input, as it came.
            form: what goes with it (its content type, …), as JSON values.
            priority: the higher, the sooner; jobs of one priority go in the order of submission.
            save: whether the result shall be promoted.
            after: ids of the jobs to wait for. If one fails or is cancelled, so does this one
                fail, with that reason.
            idempotency_key: a second submission of the pipeline under this key is no other job:
                the answer is the first one, wherever it stands.
            max_attempts: how often it is tried when workers are lost.
            who: the user.

        Raises:
            PipelineNotFound: no such pipeline is registered.
            JobNotFound: one of ``after`` is not there.
            Conflict: the key was used with another body.
            StoreError: the store or the saver failed; nothing was recorded.
        """
        change = self.submission(
            pipeline,
            body,
            form,
            priority=priority,
            save=save,
            after=after,
            idempotency_key=idempotency_key,
            max_attempts=max_attempts,
            who=who,
        )
        with self._db.write() as db:
            return change(db)

    def submission(
        self,
        pipeline: str,
        body: bytes,
        form: Mapping[str, Any] | None = None,
        *,
        priority: int = 0,
        save: bool = True,
        after: Sequence[str] = (),
        idempotency_key: str | None = None,
        max_attempts: int = 2,
        who: str | None = None,
    ) -> Callable[[Database], Job]:
        """:meth:`submit_job` as a change for :meth:`together`."""
        return partial(
            waiting.submit,
            blobs=self._blobs,
            pipeline=pipeline,
            prepared=self._blobs.prepare(body),
            form=form,
            priority=priority,
            save=save,
            after=after,
            idempotency_key=idempotency_key,
            max_attempts=max_attempts,
            who=who,
        )

    def cancel_job(self, job_id: str, who: str | None = None) -> Job:
        """Cancel a job: at once if no worker has it; one that runs is asked to stop
        (``cancelling``), and then cannot become done any more. One that has ended stays as it is.

        Raises:
            JobNotFound: there is no such job.
        """
        with self._db.write() as db:
            return waiting.cancel(db, job_id, who)

    def job(self, job_id: str) -> Job:
        """Where a job stands.

        Raises:
            JobNotFound: there is no such job.
        """
        with self._db.read() as db:
            return jobs.find(db, job_id)

    def jobs(
        self,
        limit: int = 100,
        before: int | None = None,
        *,
        status: JobStatus | None = None,
        pipeline: str | None = None,
    ) -> list[Job]:
        """The jobs, the latest submission first; ``before`` is the ``seq`` of the last one seen."""
        with self._db.read() as db:
            return jobs.page(db, limit, before, status, pipeline)

    def recent_jobs(self, waiting: int, ended: int) -> list[Job]:
        """All jobs that run, the first so many that wait, and so many that ended last; the latest
        submission first.
        """
        with self._db.read() as db:
            return jobs.recent(db, waiting, ended)

    def unfinished_jobs(self) -> int:
        """How many jobs are queued or running."""
        return self._db.value("SELECT count(*) FROM jobs WHERE status IN ('queued', 'running')")

    def known_jobs(self, ids: Sequence[str]) -> set[str]:
        """Those of these ids that are jobs."""
        with self._db.read() as db:
            return jobs.known(db, ids)

    def job_counts(self) -> dict[JobStatus, int]:
        """How many jobs there are of each status."""
        with self._db.read() as db:
            return jobs.counts(db)

    def job_input(self, job_id: str) -> bytes:
        """The body that a job was submitted with.

        Raises:
            JobNotFound: there is no such job.
            BlobMissing: its bytes are gone.
            NotTrusted: they were changed.
        """
        return self._job_bytes("input", job_id) or b""

    def job_result(self, job_id: str) -> bytes | None:
        """The bytes that a job ended with; ``None`` if it has no result.

        Raises:
            JobNotFound, BlobMissing, NotTrusted: as for :meth:`job_input`.
        """
        return self._job_bytes("result", job_id)

    def _job_bytes(self, column: str, job_id: str) -> bytes | None:
        with self._db.read() as db:
            jobs.find(db, job_id)
            (digest,) = db.execute(f"SELECT {column} FROM jobs WHERE id = ?", (job_id,)).fetchone()
            row = None if digest is None else self._blobs.row(db, digest)
        if row is None:
            return None
        found: bytes | bytearray | mmap.mmap = self._blobs.read(
            digest, row, f"the {column} of job {job_id}", False
        )
        return bytes(found)
