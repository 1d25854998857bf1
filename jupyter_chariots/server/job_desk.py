"""Jobs of one server, as its routes and panels see them."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Mapping, Sequence
from logging import Logger
from pathlib import Path
from typing import Any

from ..errors import ChariotsError
from ..op_store import OpStore
from ..op_store.records import Job, Lease, News
from ..versioning.status import JobStatus
from ..workers.frames import Frame
from ..workers.guard_process import GuardProcess
from ..workers.pools.base import BaseWorkerPool
from ..workers.tasks import Tasks
from ..workers.trainers import Trainers
from .attempts import Attempt, Attempts, Why
from .job_host import JobHost, Runs
from .job_logs import JobLogs
from .job_news import JobNews, Progress
from .job_watch import LeaseWatch
from .metrics import JOBS
from .newsfeed import Newsfeed
from .threads import StoreThreads
from .together import Together
from .views import job_view

__all__ = ["JobDesk", "state_of"]

_GRACE_S = 3.0
"""Seconds that running jobs have to end when the server does."""

_WAITING, _ENDED = 200, 100
"""How many jobs of each kind the snapshot shows."""

_COUNT_S = 0.5
_PROGRESS = b'{"progress"'


class JobDesk:
    """Takes jobs in, cancels them, and knows where they stand.

    A row of the store is the truth of each job. What this server commits wakes it directly, what
    others commit comes with the news of the store. All methods belong to the event loop.

    Args:
        store: of the server.
        feed: news of the store; is woken when something was written.
        trainers: run what is claimed here.
        guard: keeps leases.
        pool: provides workers; or the error that says why there is none.
        runs: finds what to run.
        names: gives the names of the pipelines whose jobs are claimed here.
        folder: of the logs of jobs.
        address: gives that of the extension, and what workers elsewhere authenticate with.
        emit: takes the kind of a Jupyter event and its fields.
        active: called again and again while jobs run.
        log: of the extension.

    Attributes:
        host: what the pool sees.
        news: what is new about jobs.
        logs: what they have printed.
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
        active: Callable[[], object],
        log: Logger,
    ) -> None:
        self._store, self._feed, self._active, self._log = store, feed, active, log
        write = Together(store)
        self.news = JobNews(emit, self._note)
        self.logs = JobLogs(folder, store, self.news.printed)
        self._attempts = Attempts(write, guard, self._has_ended, self.logs.note, log)
        self.host = JobHost(
            store, write, feed, trainers, self._attempts, pool, runs, names, address, self.told, log
        )
        self._watch = LeaseWatch(store, self._attempts, guard, feed.wake, self._looked, log)
        self._counts: Mapping[JobStatus, int] = {}
        self._counting: asyncio.TimerHandle | None = None
        self._tasks = Tasks()
        self._started = False

    async def start(self) -> None:
        """The pipelines are known: begin to run jobs, and to watch over those of all servers."""
        if not self._started:
            self._started = True
            self._watch.start()
            await self._count()
            await self.host.start()

    async def stop(self) -> None:
        """Let running jobs end, or hand them back; then take no more."""
        if self._counting:
            self._counting.cancel()
        await self._watch.stop()
        await self.host.stop()
        await self._attempts.stop(_GRACE_S)
        self.news.stop()
        await self._tasks.cancel()

    # -- what is asked of it --------------------------------------------------------------------

    async def enter(
        self, pipeline: str, body: bytes, form: Mapping[str, Any] | None, **settings: Any
    ) -> Frame:
        """Submit a call as a job; gives the answer of ``main``.

        Raises:
            ConfigurationError: the configuration names no pool that there is.
            ChariotsError: it cannot be submitted.
        """
        pool = self.host.pool
        job = await pool.execute_pipeline_async(pipeline, body, form, **settings)
        if job.status.ended:  # submitted before under this key
            return await pool.get_pipeline_response_json_for_id(job.id)
        return state_of(job.id, job.status)

    async def cancel(self, job_id: str, who: str | None) -> Job:
        """Cancel a job: at once if it waits; one that runs is ended.

        Raises:
            JobNotFound: there is no such job.
        """
        job = await self._store(OpStore.cancel_job, job_id, who)
        self._feed.wake()
        if job.cancelling:
            self._attempts.interrupt(job_id, Why.CANCELLED)
            self.host.interrupt(job_id)
        return job

    async def end(self, attempt: Attempt, who: str) -> None:
        """Cancel what was begun here, whether that can be written down or not."""
        try:
            await self.cancel(attempt.job.id, who)
        except ChariotsError as error:
            self._log.warning("Job %s is cancelled, unwritten: %s", attempt.job.id, error)
        finally:
            attempt.interrupt(Why.CANCELLED)

    async def fetch(self, job_id: str) -> Frame:
        """What a job has come to.

        Raises:
            JobNotFound: there is no such job.
        """
        try:
            pool = self.host.pool
        except ChariotsError:  # the answer needs none
            return await self.host.response(job_id)
        return await pool.get_pipeline_response_json_for_id(job_id)

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
        """How many jobs run, here and elsewhere."""
        return max(len(self._attempts.running), self._counts.get(JobStatus.RUNNING, 0))

    def clean(self, store: OpStore) -> None:
        """In a thread: remove the logs of jobs that are gone."""
        written = self.logs.written()
        self.logs.remove(written - store.known_jobs([*written]))

    # -- what it hears --------------------------------------------------------------------------

    def hear(self, entry: News) -> None:
        """The store says that something happened to a job, whoever did it."""
        self.news.told(entry)
        if entry.status is JobStatus.QUEUED:
            self.host.wake()
        if self._counting is None:
            loop = asyncio.get_running_loop()
            self._counting = loop.call_later(_COUNT_S, self._count_again)

    def told(self, job_id: str, pipeline: str, line: bytes) -> None:
        """A line that the process of a job has sent: what it has printed, or how far it is."""
        if line.startswith(_PROGRESS):
            self.news.progress(job_id, pipeline, json.loads(line)["progress"])
        else:
            self.logs.hear(job_id, line)

    def _note(self, job_id: str, progress: Progress) -> None:
        attempt = self._attempts.running.get(job_id)
        if attempt:
            self._tasks.start(self._store(_note, attempt.lease, progress))

    def _has_ended(self, job_id: str) -> None:
        self._active()
        self._feed.wake()
        self.news.printed(job_id)  # nothing more will be

    def _looked(self) -> None:
        self.host.wake()
        if self.running:
            self._active()

    def _count_again(self) -> None:
        self._counting = None
        self._tasks.start(self._count())

    async def _count(self) -> None:
        self._counts = await self._store(OpStore.job_counts)
        for status, count in self._counts.items():
            JOBS.labels(status.value).set(count)


def _note(store: OpStore, lease: Lease, progress: Progress) -> None:
    store.note_job(lease, progress=progress)


def state_of(job_id: str, status: JobStatus) -> Frame:
    """The answer of ``main`` to a call that is a job."""
    fields = {"job_id": job_id, "job_status": status.value}
    return {}, json.dumps({"pipeline_output": None, "versions": {}, **fields}).encode()
