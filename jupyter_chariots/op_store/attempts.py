"""The part of the store for whoever runs jobs: claiming, renewing, ending."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from typing import Any

from ..errors import ChariotsError, from_payload
from ..versioning.status import JobStatus
from . import claims, waiting
from .base import StoreBase
from .blobs import Prepared, digest_of
from .database import Database
from .records import Claim, Job, Lease

__all__ = ["Attempts"]


class Attempts(StoreBase):
    """An attempt runs a job under a lease, and what it reports is accepted as long as it holds it.

    Each method is one transaction. What has ended outlives a power cut when the method returns.
    What is claimed or renewed may not, though it outlives any process: the job is then in the
    queue again, and nobody holds the lease.
    """

    def claim_job(
        self,
        worker: str,
        pipelines: Collection[str] | None = None,
        lease_s: float = 10.0,
        *,
        token: str | None = None,
    ) -> Claim | None:
        """Take the first job of the queue, by priority and submission; ``None`` if there is none.

        Args:
            worker: who will run it, for people to read.
            pipelines: only jobs of these; by default of all that are registered.
            lease_s: after so many seconds without renewal the worker counts as lost.
            token: of the lease to come, where the answer may get lost on its way: to claim again
                with the same one gives the same job, as long as it is held. By default a new one.
        """
        if token is not None:
            with self._db.read() as db:
                if again := claims.claimed(db, token):
                    return again
        if not self.job_waits(pipelines):
            return None  # a look that finds nothing locks nobody out
        with self._db.write(durable=False) as db:
            if token is not None and (again := claims.claimed(db, token)):
                return again  # the same claim was under way a second time
            taken = claims.claim(db, worker, pipelines, lease_s, token=token)
            return taken[0] if taken else None

    def held_job(self, lease: Lease) -> Job:
        """The job that an attempt runs.

        Raises:
            LeaseLost: the job was taken from this attempt, or has ended.
            JobNotFound: there is no such job.
        """
        with self._db.read() as db:
            return claims.held(db, lease)

    def is_done_by(self, lease: Lease) -> bool:
        """Whether a job is done, and this attempt has ended it.

        Raises:
            JobNotFound: there is no such job.
        """
        with self._db.read() as db:
            return claims.is_done_by(db, lease)

    def job_waits(self, pipelines: Collection[str] | None = None) -> bool:
        """Whether there is a job to claim; locks nobody out."""
        with self._db.read() as db:
            return claims.waits(db, pipelines)

    def claiming(
        self, worker: str, most: int, pipelines: Collection[str], lease_s: float = 10.0
    ) -> Callable[[Database], list[tuple[Claim, bytes | None]]]:
        """:meth:`claim_job`, several times, as a change for :meth:`together`.

        Gives the claims, each with the input of the job, unless that is a large one: then
        :meth:`OpStore.job_input` reads it.
        """

        def change(db: Database) -> list[tuple[Claim, bytes | None]]:
            return [
                (claim, self._small_input(db, claim.job.seq))
                for claim in claims.claim(db, worker, pipelines, lease_s, most)
            ]

        return change

    def _small_input(self, db: Database, seq: int) -> bytes | None:
        digest, data = db.execute(
            "SELECT j.input, b.data FROM jobs j JOIN blobs b ON b.digest = j.input WHERE j.seq = ?",
            (seq,),
        ).fetchone()
        # what was changed is refused where it is read again
        return data if data is not None and digest_of(data) == digest else None

    def begin_job(
        self,
        pipeline: str,
        body: bytes,
        form: Mapping[str, Any] | None = None,
        *,
        worker: str,
        lease_s: float = 10.0,
        save: bool = False,
        who: str | None = None,
    ) -> Claim:
        """Record a job that runs at once and is tried once: a call that somebody waits for.

        Args, raises: as for :meth:`OpStore.submit_job` and :meth:`claim_job`.
        """
        change = self.beginning(
            pipeline, body, form, worker=worker, lease_s=lease_s, save=save, who=who
        )
        with self._db.write() as db:
            return change(db)

    def beginning(
        self,
        pipeline: str,
        body: bytes,
        form: Mapping[str, Any] | None = None,
        *,
        worker: str,
        lease_s: float = 10.0,
        save: bool = False,
        who: str | None = None,
    ) -> Callable[[Database], Claim]:
        """:meth:`begin_job` as a change for :meth:`together`."""
        prepared = self._blobs.prepare(body)

        def change(db: Database) -> Claim:
            job = waiting.submit(
                db, self._blobs, pipeline, prepared, form, save=save, max_attempts=1, who=who
            )
            return claims.begin(db, job, worker, lease_s)

        return change

    def renew_jobs(
        self, leases: Collection[Lease], progress: Mapping[str, Mapping[str, Any]] | None = None
    ) -> dict[Lease, bool]:
        """Keep leases, every fifth of their length; all of them in one write.

        Args:
            leases: of the jobs that run.
            progress: how far they are, by id of the job, where that is to be written down.

        Returns:
            The leases that are held, each with whether its job shall be cancelled. One that is
            missing was lost: its worker is to be ended.
        """
        with self._db.write(durable=False) as db:
            return claims.renew(db, leases, progress or {})

    def note_job(
        self,
        lease: Lease,
        *,
        progress: Mapping[str, Any] | None = None,
        log: Mapping[str, Any] | None = None,
    ) -> bool:
        """Write down how far a job is or where its log is; ``False`` if the lease was lost.

        One small write without news; :meth:`renew_jobs` carries progress for nothing.
        """
        with self._db.write(durable=False) as db:
            return claims.note(db, lease, progress, log)

    def finish_job(self, lease: Lease, body: bytes, header: Mapping[str, Any]) -> Job:
        """End a job whose run left no new state; for one that did see :meth:`OpStore.commit`.

        Reporting the same end again is no error.

        Args:
            lease: of the attempt.
            body: the result.
            header: what goes with it (its content type, versions, …), as JSON values.

        Raises:
            LeaseLost: the job was taken from this attempt; nothing was recorded.
            JobCancelled: the job was to be cancelled, and is.
            StoreError: the store or the saver failed; nothing was recorded.
        """
        change = self.finishing(lease, body, header)
        with self._db.write() as db:
            job = change(db)
        if job.status is JobStatus.CANCELLED:
            raise from_payload(job.error or {})
        return job

    def finishing(
        self, lease: Lease, body: bytes, header: Mapping[str, Any]
    ) -> Callable[[Database], Job]:
        """:meth:`finish_job` as a change for :meth:`together`; it gives the job, cancelled if that
        was asked for.
        """
        prepared = self._blobs.prepare(body)

        def change(db: Database) -> Job:
            job = claims.may_report(db, lease, JobStatus.DONE)
            if job.status is JobStatus.CANCELLED:
                return job
            return self._finish(db, job, prepared, header, None)

        return change

    def fail_job(self, lease: Lease, error: ChariotsError) -> Job:
        """End a job with an error, traceback included; it is not tried again.

        Returns:
            The job: failed, or cancelled if that was asked for.

        Raises:
            LeaseLost: the job was taken from this attempt; nothing was recorded.
        """
        with self._db.write() as db:
            return self.failing(lease, error)(db)

    def failing(self, lease: Lease, error: ChariotsError) -> Callable[[Database], Job]:
        """:meth:`fail_job` as a change for :meth:`together`."""
        return lambda db: claims.fail(db, claims.may_report(db, lease, JobStatus.FAILED), error)

    def lose_job(self, lease: Lease, why: str, *, renewals: int | None = None) -> Job | None:
        """Say that the worker of an attempt is gone: the job is queued again, or, if that was the
        last attempt, has failed; one that was to be cancelled is cancelled.

        Args:
            lease: of the attempt.
            why: what happened to the worker.
            renewals: only if the lease was renewed so many times and no more.

        Returns:
            The job; ``None`` if the attempt does not hold it (any more).
        """
        with self._db.write() as db:
            return claims.lose(db, lease, why, renewals)

    def hand_back_job(self, lease: Lease) -> Job | None:
        """Put a job back in the queue as if it had not been claimed, because the worker ends.

        Returns:
            The job: queued, or cancelled if that was asked for; ``None`` if the attempt does not
            hold it (any more).
        """
        with self._db.write() as db:
            return claims.hand_back(db, lease)

    def losing(self, lease: Lease, why: str) -> Callable[[Database], Job | None]:
        """:meth:`lose_job` as a change for :meth:`together`."""
        return lambda db: claims.lose(db, lease, why, None)

    def handing_back(self, lease: Lease) -> Callable[[Database], Job | None]:
        """:meth:`hand_back_job` as a change for :meth:`together`."""
        return lambda db: claims.hand_back(db, lease)

    def leases(self) -> list[tuple[Lease, int, float]]:
        """The leases of the running jobs, each with how often it was renewed and its seconds."""
        with self._db.read() as db:
            return claims.running(db)

    def _finish(
        self,
        db: Database,
        job: Job,
        result: Prepared,
        header: Mapping[str, Any],
        run_id: str | None,
    ) -> Job:
        self._blobs.insert(db, result)
        return claims.finish(db, job, header, result.digest, run_id)
