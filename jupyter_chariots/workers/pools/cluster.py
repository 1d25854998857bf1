"""What pools have in common that start workers on a cluster."""

from __future__ import annotations

import asyncio
import contextlib
import uuid
from abc import abstractmethod
from collections.abc import Mapping
from typing import Any, NamedTuple

from ...errors import ChariotsError, Unavailable
from ..backing_off import BackOff
from .base import BaseWorkerPool, PoolHost
from .errand import Errand

__all__ = ["ClusterWorkerPool", "Ended"]


class Ended(NamedTuple):
    """How a worker ended: after how many jobs, or why it failed."""

    jobs: int = 0
    failed: str | None = None


class ClusterWorkerPool(BaseWorkerPool):
    """Has a cluster run workers for as long as there are jobs.

    The cluster is asked for nothing else: jobs go from the server to the workers, and back. So
    whatever happens to the cluster, no job is lost.

    Args:
        max_workers: so many workers at most.
        url: address of the server as the machines of the cluster reach it; by default the one that
            the server has for itself.
        idle_s: seconds without a job after which a worker ends.
        lease_s: seconds of silence after which a worker counts as lost, and others get its job.
        look_s: seconds between two looks at the workers.
    """

    kind = "cluster"

    def __init__(
        self,
        *,
        max_workers: int = 4,
        url: str | None = None,
        idle_s: float = 60.0,
        lease_s: float = 45.0,
        look_s: float = 1.0,
    ) -> None:
        self.max_workers = max_workers
        self._url, self._idle_s, self._lease_s, self._look_s = url, idle_s, lease_s, look_s
        self._workers: dict[str, Any] = {}
        self._wanted = asyncio.Event()
        self._back_off = BackOff()
        self._task: asyncio.Task[None] | None = None

    @property
    def n_workers(self) -> int:
        """How many workers there are, those that wait for a place in the cluster included."""
        return len(self._workers)

    # -- what a cluster is; all of these run in threads, and may raise anything -----------------

    @abstractmethod
    def send(self, errand: Errand) -> Any:
        """Have the cluster run ``run_worker(errand)``; gives what it is known by afterwards."""

    @abstractmethod
    def look(self, workers: Mapping[str, Any]) -> dict[str, Ended]:
        """Those of these workers that have ended, by name."""

    @abstractmethod
    def close(self, workers: Mapping[str, Any]) -> None:
        """Forget the cluster; what has not begun yet shall not."""

    # -- the pool ---------------------------------------------------------------------------------

    async def start(self, host: PoolHost) -> None:
        """The server is up."""
        await super().start(host)
        self._task = asyncio.create_task(self._work())

    async def stop(self) -> None:
        """The server ends; workers end their jobs, and then by themselves."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        with contextlib.suppress(Exception):  # the cluster may be gone
            await asyncio.to_thread(self.close, dict(self._workers))

    async def jobs_wait(self) -> None:
        """See to it that there are workers, in the background: a cluster may take long."""
        self._wanted.set()

    async def spawn_worker(self) -> None:
        """Have the cluster start one more worker.

        Raises:
            Unavailable: it cannot be reached.
        """
        name = f"{self.kind}-{uuid.uuid4().hex[:8]}"
        url = self._url or self.host.url
        errand = Errand(url, self.host.token, name, self._idle_s, self._lease_s)
        try:
            self._workers[name] = await asyncio.to_thread(self.send, errand)
        except Exception as error:
            raise Unavailable(
                f"No worker can be started with {self!r}: {type(error).__name__}: {error}",
                hint="Is the cluster up? The jobs wait until it is.",
            ) from error

    async def _work(self) -> None:
        while True:
            with contextlib.suppress(asyncio.TimeoutError):
                await asyncio.wait_for(self._wanted.wait(), self._look_s if self._workers else None)
            self._wanted.clear()
            try:
                await self._forget_ended()
                await self._fill()
            except ChariotsError as error:
                self._back_off.failed(error)
                self.host.log.warning("%s", error)
                self._wanted.set()
            await asyncio.sleep(self._back_off.left)

    async def _fill(self) -> None:
        wanted = min(await self.host.unfinished(), self.max_workers)
        while self.n_workers < wanted:
            await self.spawn_worker()

    async def _forget_ended(self) -> None:
        """Forget the workers that have ended, or that nobody hears any more."""
        if not self._workers:
            return
        workers = dict(self._workers)
        try:
            ended = await asyncio.to_thread(self.look, workers)
        except Exception as error:
            raise Unavailable(
                f"The workers of {self!r} cannot be seen: {type(error).__name__}: {error}",
                hint="Is the cluster up?",
            ) from error
        for name, end in ended.items():
            del self._workers[name]
            if end.jobs:
                self._back_off.succeeded()
            elif end.failed:
                raise Unavailable(f"Worker {name} has failed: {end.failed}")
            elif await self.host.unfinished():
                raise Unavailable(
                    f"Worker {name} found no job that it can run, though there are some.",
                    hint="Its Python must be of the version that the pipelines were defined with, "
                    "and have their packages.",
                )
        for name in workers.keys() - ended.keys():
            silent = self.host.silence_of(name)
            if silent is not None and silent > self._lease_s + 2 * self._look_s:
                self.host.log.warning("Worker %s is silent for %.0f s: lost.", name, silent)
                del self._workers[name]
