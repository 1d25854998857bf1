"""What every pool of workers is to the server."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from logging import Logger
from typing import Any, Protocol

from ...op_store.records import Claim, Job
from ..frames import Frame

__all__ = ["BaseWorkerPool", "PoolHost"]


class PoolHost(Protocol):
    """What the server is to its pool. All of it belongs to the event loop."""

    @property
    def url(self) -> str:
        """Address of the extension, for workers on other machines too."""

    @property
    def token(self) -> str:
        """What workers authenticate with; a secret."""

    @property
    def log(self) -> Logger:
        """Where trouble is told."""

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

    async def response(self, job_id: str) -> Frame:
        """What a job has come to: header and body as the answer of ``main`` has them.

        Raises:
            JobNotFound: there is no such job.
        """

    async def unfinished(self) -> int:
        """How many jobs are queued or running."""

    async def claim(self, worker: str, most: int) -> list[Claim]:
        """Take so many jobs at most from the queue, under leases that the guard renews."""

    async def run(self, claim: Claim) -> None:
        """Run a claimed job in a process of this machine; returns when it has run. What came of it
        is written to the store by then, or in the background.
        """

    async def hand_back(self, claims: Sequence[Claim]) -> None:
        """Put claimed jobs that do not run yet back into the queue."""

    def keep_warm(self, workers: int) -> None:
        """Keep so many processes of a pipeline that have nothing to do."""


class BaseWorkerPool(ABC):
    """Provides the processes that run jobs.

    A job is a row in the op store; that row is the truth, whatever runs the job. A pool neither
    keeps jobs nor hands them out: its workers claim them. It only sees to it that there are
    workers. Those on other machines are started with the command ``jupyter chariots worker --url
    URL --token TOKEN``, which claims, runs and reports over HTTP.

    A pool of one's own derives from this, says how many workers there are and how one is started,
    and is named in the configuration: ``c.PipelinesServer.worker_pool = "module.Class"``. It is
    made with ``worker_pool_options`` as arguments, and must not connect to anything then.

    All methods are called on the server's event loop: what takes time is awaited, or runs in a
    thread.

    Attributes:
        host: the server; set when it starts.
        max_workers: so many workers are started at most.
    """

    host: PoolHost
    max_workers = 4

    @property
    @abstractmethod
    def n_workers(self) -> int:
        """How many workers there are, those included that are just being started."""

    @abstractmethod
    async def spawn_worker(self) -> None:
        """Start one more worker."""

    async def start(self, host: PoolHost) -> None:
        """The server is up: from now on workers may be started.

        Raises:
            ChariotsError: the pool cannot work; jobs wait until another server has one that can.
        """
        self.host = host

    async def stop(self) -> None:  # noqa: B027 - workers elsewhere end by themselves
        """The server ends: end the workers, or leave them to end by themselves."""

    async def jobs_wait(self) -> None:
        """There are jobs that no worker has: start workers for them, or wake those there are.

        Called whenever a job is queued; while this runs, further ones are remembered, and it is
        called once more when it has ended. By default there is a worker for each job that waits
        or runs, up to ``max_workers``.
        """
        wanted = min(await self.host.unfinished(), self.max_workers)
        while self.n_workers < wanted:
            await self.spawn_worker()

    def interrupt(self, job_id: str) -> None:  # noqa: B027 - most can't
        """A job was cancelled or taken from its worker, which will learn so from its lease; a pool
        that can be quicker than that may be.
        """

    async def execute_pipeline_async(
        self,
        pipeline: str,
        body: bytes,
        form: Mapping[str, Any] | None = None,
        **settings: Any,
    ) -> Job:
        """Submit a job.

        Args:
            pipeline: its name.
            body: of the call, as it came.
            form: ``content_type``, ``query`` and ``accept`` of the call, where they are not those
                of JSON.
            **settings: ``priority``, ``save``, ``after``, ``idempotency_key``, ``who``; see
                :meth:`OpStore.submit_job`.

        Returns:
            The job as it is recorded: queued or deferred.
        """
        return await self.host.submit(pipeline, body, form, **settings)

    async def get_pipeline_response_json_for_id(self, job_id: str) -> Frame:
        """What a job has come to, as the answer of ``/jobs/fetch``: a header and the body, which is
        JSON unless ``content_type`` in the header says something else.

        Raises:
            JobNotFound: there is no such job.
        """
        return await self.host.response(job_id)
