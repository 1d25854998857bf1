"""The server as its pool of workers sees it: jobs come in, are claimed, and run."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from logging import Logger
from typing import Any

from ..errors import ChariotsError, PipelineNotFound
from ..op_store import OpStore
from ..op_store.records import Claim, Definition, Job, Served
from ..versioning.status import JobStatus
from ..workers.envelope import answer_of
from ..workers.frames import Frame
from ..workers.outstanding import Hear
from ..workers.pools.base import BaseWorkerPool
from ..workers.tasks import Tasks
from ..workers.trainers import Trainers
from .attempts import Attempt, Attempts
from .newsfeed import Newsfeed
from .threads import StoreThreads
from .together import Together

__all__ = ["JobHost", "Runs", "Told"]

Runs = Callable[[str], "tuple[Definition, Served | None] | None"]
"""Gives the definition and the served set of a pipeline that this server serves."""

Told = Callable[[str, str, bytes], object]
"""Takes job, pipeline, and a line that its process has sent."""


class JobHost:
    """What a pool needs of the server; see :class:`PoolHost`. It belongs to the event loop.

    Args:
        store: of the server.
        write: writes to it.
        feed: is woken when something was written.
        trainers: run what is claimed here.
        attempts: what runs here.
        pool: provides workers; or the error that says why there is none.
        runs: finds what to run.
        names: gives the names of the pipelines whose jobs are claimed here.
        address: gives that of the extension, and what workers elsewhere authenticate with.
        told: takes what the processes of jobs say.
        log: of the extension.
    """

    def __init__(
        self,
        store: StoreThreads,
        write: Together,
        feed: Newsfeed,
        trainers: Trainers,
        attempts: Attempts,
        pool: BaseWorkerPool | ChariotsError,
        runs: Runs,
        names: Callable[[], Sequence[str]],
        address: Callable[[], tuple[str, str]],
        told: Told,
        log: Logger,
    ) -> None:
        self._store, self._write, self._feed = store, write, feed
        self._trainers, self._attempts, self._log = trainers, attempts, log
        self._pool, self._runs, self._names, self._address = pool, runs, names, address
        self._told = told
        self._bodies: dict[str, bytes] = {}  # by the token of the claim
        self._tasks = Tasks()
        self._woken = self._running = False
        self._waking: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Begin to have jobs run."""
        try:
            await self.pool.start(self)
        except ChariotsError as error:
            self._log.error("Jobs are not run here: %s", error)
            self._pool = error
        else:
            self._running = True

    async def stop(self) -> None:
        """Have no more jobs run."""
        if self._running:
            self._running = False
            await self.pool.stop()
        await self._tasks.ended()

    @property
    def pool(self) -> BaseWorkerPool:
        """Where jobs run.

        Raises:
            ChariotsError: why they do not.
        """
        if isinstance(self._pool, ChariotsError):
            raise self._pool.with_traceback(None)
        return self._pool

    def wake(self) -> None:
        """There may be jobs to run."""
        self._woken = True
        if self._running and (self._waking is None or self._waking.done()):
            self._waking = self._tasks.start(self._wake())

    def interrupt(self, job_id: str) -> None:
        """A job was cancelled that may run elsewhere."""
        if self._running:
            self.pool.interrupt(job_id)

    async def _wake(self) -> None:
        while self._woken and self._running:
            self._woken = False
            try:
                await self.pool.jobs_wait()
            except ChariotsError as error:
                self._log.warning("No workers for jobs: %s", error)
            except Exception:
                self._log.exception("No workers for jobs")

    # -- what a pool sees -----------------------------------------------------------------------

    @property
    def log(self) -> Logger:
        """Where trouble is told."""
        return self._log

    @property
    def url(self) -> str:
        """Address of the extension, for workers on other machines too."""
        return self._address()[0]

    @property
    def token(self) -> str:
        """What workers authenticate with; a secret."""
        return self._address()[1]

    async def submit(
        self,
        pipeline: str,
        body: bytes,
        form: Mapping[str, Any] | None = None,
        *,
        priority: int = 0,
        save: bool = True,
        after: Sequence[str] = (),
        idempotency_key: str | None = None,
        who: str | None = None,
    ) -> Job:
        """Record a job; see :meth:`OpStore.submit_job`."""

        def prepare(store: OpStore) -> Any:
            return store.submission(
                pipeline,
                body,
                form,
                priority=priority,
                save=save,
                after=after,
                idempotency_key=idempotency_key,
                who=who,
            )

        job: Job = await self._write(prepare, len(body))
        self.wake()
        self._feed.wake()
        return job

    async def response(self, job_id: str) -> Frame:
        """What a job has come to, as the answer of ``main``.

        Raises:
            JobNotFound: there is no such job.
        """

        def look(store: OpStore) -> tuple[Job, bytes | None]:
            job = store.job(job_id)
            return job, store.job_result(job_id) if job.status is JobStatus.DONE else None

        job, result = await self._store(look)
        fields: dict[str, Any] = {"job_id": job.id, "job_status": job.status.value}
        if result is not None:
            header, answer = answer_of(job.header or {}, result, **fields)
            return header, bytes(answer)
        if job.error is not None:
            fields["error"] = dict(job.error)
        return {}, json.dumps({"pipeline_output": None, "versions": {}, **fields}).encode()

    async def unfinished(self) -> int:
        """How many jobs are queued or running."""
        return await self._store(OpStore.unfinished_jobs)

    async def claim(self, worker: str, most: int) -> list[Claim]:
        """Take so many jobs at most from the queue, of pipelines that are served here."""
        names = self._names()

        def prepare(store: OpStore) -> Any:
            if not store.job_waits(names):  # a look that finds nothing locks nobody out
                return lambda db: []
            return store.claiming(worker, most, names)

        claims = []
        for claim, body in await self._write(prepare):
            claims.append(claim)
            if body is not None:
                self._bodies[claim.lease.token] = body
        if claims:
            self._feed.wake()
        return claims

    async def run(self, claim: Claim) -> None:
        """Run a claimed job; returns when it has run, and is written down in the background."""
        attempt = self._attempts.begin(claim, self._work(claim))
        await asyncio.wait([attempt.answered])

    async def _work(self, claim: Claim) -> Frame:
        job = claim.job
        body = self._bodies.pop(claim.lease.token, None)
        if body is None:
            body = await self._store(OpStore.job_input, job.id)
        found = self._runs(job.pipeline)
        if found is None:
            raise PipelineNotFound(f"Pipeline {job.pipeline!r} is not served any more.")
        definition, served = found
        return await self._trainers.run_job(
            definition,
            body,
            who=job.who,
            lease=claim.lease,
            promote=job.save,
            served=served,
            form=job.form,
            hear=partial(self._told, job.id, job.pipeline),
        )

    async def hand_back(self, claims: Sequence[Claim]) -> None:
        """Put claimed jobs that do not run yet back into the queue."""
        leases = [claim.lease for claim in claims]
        for lease in leases:
            self._bodies.pop(lease.token, None)
        writes = (self._write(partial(OpStore.handing_back, lease=lease)) for lease in leases)
        for error in await asyncio.gather(*writes, return_exceptions=True):
            if isinstance(error, BaseException):  # then the lease runs out
                self._log.warning("A job was not handed back: %s", error)
        self._feed.wake()

    def keep_warm(self, workers: int) -> None:
        """Keep so many processes of a pipeline that have nothing to do."""
        self._trainers.most_idle = max(self._trainers.most_idle, workers)

    # -- what the server runs at once -----------------------------------------------------------

    async def begin(
        self,
        definition: Definition,
        body: bytes,
        *,
        who: str,
        save: bool,
        form: Mapping[str, Any] | None,
        hear: Hear | None,
    ) -> Attempt:
        """Run at once what somebody waits for: a job that is tried once.

        Raises:
            StoreError: it cannot be recorded.
        """

        def prepare(store: OpStore) -> Any:
            name = definition.name
            return store.beginning(name, body, form, worker="server", save=save, who=who)

        claim: Claim = await self._write(prepare, len(body))
        self._feed.wake()

        def ears(line: bytes) -> None:
            self._told(claim.job.id, definition.name, line)
            if hear:
                hear(line)

        work = self._trainers.run(
            definition,
            body,
            who=who,
            lease=claim.lease,
            promote=save,
            form=form,
            hear=ears,
        )
        return self._attempts.begin(claim, work)
