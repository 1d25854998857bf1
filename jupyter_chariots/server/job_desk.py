"""Jobs of one server: submitted, run, watched over, told about."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Mapping, Sequence
from logging import Logger
from pathlib import Path
from typing import Any

from ..errors import ChariotsError, PipelineNotFound
from ..op_store import OpStore, Sweeper
from ..op_store.records import Claim, Definition, Job, Lease, News, Served
from ..versioning.status import JobStatus
from ..workers.envelope import answer_of
from ..workers.frames import Frame
from ..workers.guard_process import GuardProcess
from ..workers.outstanding import Hear
from ..workers.pools.base import BaseWorkerPool
from ..workers.tasks import Tasks
from ..workers.trainers import Trainers
from .attempts import Attempt, Attempts, Why
from .job_logs import JobLogs
from .job_news import JobNews, Progress
from .newsfeed import Newsfeed
from .threads import StoreThreads
from .together import Together
from .views import job_view

__all__ = ["JobDesk", "Runs"]

_GRACE_S = 3.0
"""Seconds that running jobs have to end when the server does."""

_LOOK_S = 1.0
_WAITING, _ENDED = 200, 100
"""How many jobs of each kind the snapshot shows."""

_PROGRESS = b'{"progress"'

Runs = Callable[[str], "tuple[Definition, Served | None] | None"]
"""The definition and the served set of a pipeline that this server serves."""


class JobDesk:
    """Takes jobs in, has them run, and knows where they stand; the server that a pool sees.

    A row of the store is the truth of each job. What this server commits wakes it directly, what
    others commit comes with the news of the store. All methods belong to the event loop.

    Args:
        store: of the server.
        feed: news of the store; is woken when something was written.
        trainers: run what is claimed here.
        guard: keeps leases.
        pool: provides workers; or the error that says why there is none.
        runs: finds what to run.
        names: of the pipelines whose jobs are claimed here.
        folder: of the logs of jobs.
        address: of the extension and what workers elsewhere authenticate with.
        emit: takes the kind of a Jupyter event and its fields.
        log: of the extension.
    """

    def __init__(
        self,
        store: StoreThreads,
        feed: Newsfeed,
        trainers: Trainers,
        guard: GuardProcess | None,
        pool: BaseWorkerPool | ChariotsError,
        runs: Runs,
        names: Callable[[], Sequence[str]],
        folder: Path,
        address: Callable[[], tuple[str, str]],
        emit: Callable[[str, dict[str, Any]], None],
        log: Logger,
    ) -> None:
        self.log = log
        self._store, self._feed, self._trainers, self._guard = store, feed, trainers, guard
        self._pool, self._runs, self._names, self._address = pool, runs, names, address
        self._write = Together(store)
        self.news = JobNews(emit, self._note)
        self._attempts = Attempts(self._write, guard, self.news.printed, log)
        self.logs = JobLogs(folder, store, self.news.printed)
        self._bodies: dict[Lease, bytes] = {}
        self._tasks = Tasks()
        self._woken = self._started = self._stopped = False
        self._waking: asyncio.Task[None] | None = None
        self._watching: asyncio.Task[None] | None = None

    # -- start and stop -----------------------------------------------------------------------

    async def start(self) -> None:
        """The pipelines are known: begin to run jobs, and to watch over those of all servers."""
        if self._started:
            return
        self._started = True
        loop = asyncio.get_running_loop()
        if self._guard:
            self._guard.on_word = lambda word, job: loop.call_soon_threadsafe(
                self._attempts.interrupt, job, Why(word + "led" if word == "cancel" else word)
            )
        self._watching = self._tasks.start(self._watch())
        if isinstance(self._pool, ChariotsError):
            self.log.error("Jobs are not run here: %s", self._pool)
            return
        try:
            await self._pool.start(self)
        except ChariotsError as error:
            self.log.error("Jobs are not run here: %s", error)
            self._pool = error

    async def stop(self) -> None:
        """Let running jobs end, or hand them back; then take no more."""
        self._stopped = True
        if self._watching:
            self._watching.cancel()
        if self._started and isinstance(self._pool, BaseWorkerPool):
            await self._pool.stop()
        await self._attempts.stop(_GRACE_S)
        self.news.stop()
        await self._tasks.cancel()

    async def _watch(self) -> None:
        """Find the jobs whose workers are gone, and those that nobody has told of."""
        sweeper = Sweeper(self._store.opened())
        while True:
            try:
                if await self._store.run(sweeper.sweep):
                    self._feed.wake()
                if self._guard is None and self._attempts.running:
                    await self._renew()
            except ChariotsError as error:
                self.log.warning("Leases of jobs cannot be looked at: %s", error)
            except Exception:
                self.log.exception("Leases of jobs cannot be looked at")
            self.wake()
            await asyncio.sleep(_LOOK_S)

    async def _renew(self) -> None:
        """Do the guard's work where there is none."""
        leases = [attempt.lease for attempt in self._attempts.running.values()]
        held = await self._store(OpStore.renew_jobs, leases)
        for lease in leases:
            if lease not in held:
                self._attempts.interrupt(lease.job, Why.LOST)
            elif held[lease]:
                self._attempts.interrupt(lease.job, Why.CANCELLED)

    def wake(self) -> None:
        """There may be jobs to run."""
        self._woken = True
        if self._started and not self._stopped and (self._waking is None or self._waking.done()):
            self._waking = self._tasks.start(self._wake())

    async def _wake(self) -> None:
        while self._woken and isinstance(self._pool, BaseWorkerPool) and not self._stopped:
            self._woken = False
            try:
                await self._pool.jobs_wait()
            except ChariotsError as error:
                self.log.warning("No workers for jobs: %s", error)
            except Exception:
                self.log.exception("No workers for jobs")

    def hear(self, entry: News) -> None:
        """The store says that something happened to a job, whoever did it."""
        self.news.told(entry)
        if entry.status is JobStatus.QUEUED:
            self.wake()

    # -- what a pool sees, besides `log` --------------------------------------------------------

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

        found = await self._write(prepare)
        claims = []
        for claim, body in found:
            claims.append(claim)
            if body is not None:
                self._bodies[claim.lease] = body
        if claims:
            self._feed.wake()
        return claims

    async def run(self, claim: Claim) -> None:
        """Run a claimed job; returns when it has run, and is written down in the background."""
        attempt = self._attempts.begin(claim, self._work(claim))
        await asyncio.wait([attempt.answered])
        self._feed.wake()

    async def _work(self, claim: Claim) -> Frame:
        job = claim.job
        body = self._bodies.pop(claim.lease, None)
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
            hear=self._ears(job),
        )

    def keep_warm(self, workers: int) -> None:
        """Keep so many processes of a pipeline that have nothing to do."""
        self._trainers.most_idle = max(self._trainers.most_idle, workers)

    # -- what the server does -------------------------------------------------------------------

    async def enter(
        self, pipeline: str, body: bytes, form: Mapping[str, Any] | None, **settings: Any
    ) -> Frame:
        """Submit a call as a job; gives the answer of ``main``.

        Raises:
            ConfigurationError: the configuration names no pool that there is.
            ChariotsError: it cannot be submitted.
        """
        if isinstance(self._pool, ChariotsError):
            raise self._pool
        job = await self._pool.execute_pipeline_async(pipeline, body, form, **settings)
        if job.status.ended:  # submitted before under this key
            return await self._pool.get_pipeline_response_json_for_id(job.id)
        return state_of(job.id, job.status)

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
        work = self._trainers.run(
            definition,
            body,
            who=who,
            lease=claim.lease,
            promote=save,
            form=form,
            hear=self._ears(claim.job, hear),
        )
        return self._attempts.begin(claim, work)

    async def cancel(self, job_id: str, who: str | None) -> Job:
        """Cancel a job: at once if it waits; one that runs is ended.

        Raises:
            JobNotFound: there is no such job.
        """
        job = await self._store(OpStore.cancel_job, job_id, who)
        self._feed.wake()
        if job.cancelling:
            self._attempts.interrupt(job_id, Why.CANCELLED)
            if isinstance(self._pool, BaseWorkerPool):
                self._pool.interrupt(job_id)
        return job

    async def end(self, attempt: Attempt, who: str) -> None:
        """Cancel what was begun here, whether that can be written down or not."""
        try:
            await self.cancel(attempt.job.id, who)
        except ChariotsError as error:
            self.log.warning("Job %s is cancelled, unwritten: %s", attempt.job.id, error)
        finally:
            attempt.interrupt(Why.CANCELLED)

    async def fetch(self, job_id: str) -> Frame:
        """What a job has come to, as the pool says it."""
        if isinstance(self._pool, ChariotsError):
            return await self.response(job_id)
        return await self._pool.get_pipeline_response_json_for_id(job_id)

    async def view(self, job_id: str) -> dict[str, Any]:
        """Where a job stands, with ``seen``, for the next look at it.

        Raises:
            JobNotFound: there is no such job.
        """
        seen = self.news.seen(job_id)
        job = await self._store(OpStore.job, job_id)
        shown = job_view(job, self.news.progress_of(job_id), traceback=True)
        return {**shown, "seen": seen}

    def shown(self, job: Job) -> dict[str, Any]:
        """A job as lists and panels show it."""
        return job_view(job, self.news.progress_of(job.id))

    async def overview(self) -> dict[str, Any]:
        """What the snapshot shows of jobs."""

        def look(store: OpStore) -> dict[str, Any]:
            counts = {status.value: count for status, count in store.job_counts().items()}
            shown = [self.shown(job) for job in store.recent_jobs(_WAITING, _ENDED)]
            return {"jobs": shown, "job_counts": counts}

        return await self._store(look)

    def is_busy(self, job_id: str) -> bool:
        """Whether a process here may still say something of a job, or that is being written."""
        return job_id in self._attempts.running or self.logs.is_busy(job_id)

    @property
    def running(self) -> int:
        """How many attempts are under way here."""
        return len(self._attempts.running)

    def clean(self, store: OpStore) -> None:
        """In a thread: remove the logs of jobs that are gone."""
        written = self.logs.written()
        self.logs.remove(written - store.known_jobs([*written]))

    # -- what jobs say --------------------------------------------------------------------------

    def told(self, job_id: str, pipeline: str, line: bytes) -> None:
        """A line that the process of a job has sent: what it has printed, or how far it is."""
        if line.startswith(_PROGRESS):
            self.news.progress(job_id, pipeline, json.loads(line)["progress"])
        else:
            self.logs.hear(job_id, line)

    def _ears(self, job: Job, also: Hear | None = None) -> Hear:
        def hear(line: bytes) -> None:
            self.told(job.id, job.pipeline, line)
            if also:
                also(line)

        return hear

    def _note(self, job_id: str, progress: Progress) -> None:
        attempt = self._attempts.running.get(job_id)
        if attempt:
            self._tasks.start(self._store(_note, attempt.lease, progress))


def _note(store: OpStore, lease: Lease, progress: Progress) -> None:
    store.note_job(lease, progress=progress)


def state_of(job_id: str, status: JobStatus) -> Frame:
    """The answer of ``main`` to a call that is a job."""
    fields = {"job_id": job_id, "job_status": status.value}
    return {}, json.dumps({"pipeline_output": None, "versions": {}, **fields}).encode()
