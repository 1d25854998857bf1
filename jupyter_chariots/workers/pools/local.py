"""Workers on the machine of the server."""

from __future__ import annotations

import asyncio
import os
import socket

from ...errors import ConfigurationError
from ...op_store.records import Claim
from ..tasks import Tasks
from .base import BaseWorkerPool, PoolHost

__all__ = ["LocalWorkerPool"]


class LocalWorkerPool(BaseWorkerPool):
    """Runs so many jobs at once in processes of this machine, in the environment of their
    pipelines. A process is started when one is needed, and kept for the next job of its pipeline.

    Args:
        n_workers: how many; by default one for each processor.
    """

    def __init__(self, n_workers: int | None = None) -> None:
        number = os.cpu_count() or 1 if n_workers is None else n_workers
        if not isinstance(number, int) or number < 1:
            raise ConfigurationError(f"A pool has at least 1 worker, not {n_workers!r}.")
        self._wanted = number
        self._busy = 0
        self._claiming = asyncio.Lock()
        self._tasks = Tasks()
        self._stopped = False
        self._name = f"{socket.gethostname()}:{os.getpid()}"

    @property
    def n_workers(self) -> int:
        """How many jobs run at once, if there are so many."""
        return self._wanted

    async def start(self, host: PoolHost) -> None:
        """Begin to take jobs."""
        await super().start(host)
        host.keep_warm(self._wanted)
        await self.jobs_wait()

    async def stop(self) -> None:
        """Take no more jobs; those that run are the server's to end."""
        self._stopped = True
        async with self._claiming:
            pass

    async def spawn_worker(self) -> None:
        """Run one more job at once from now on."""
        self._wanted += 1
        self.host.keep_warm(self._wanted)
        await self.jobs_wait()

    async def jobs_wait(self) -> None:
        """Take as many jobs as there are free workers."""
        async with self._claiming:
            while not self._stopped and (free := self._wanted - self._busy) > 0:
                claims = await self.host.claim(self._name, free)
                for claim in claims:
                    self._busy += 1
                    self._tasks.start(self._run(claim))
                if len(claims) < free:
                    return

    async def _run(self, claim: Claim) -> None:
        try:
            await self.host.run(claim)
        finally:
            self._busy -= 1
            self._tasks.start(self.jobs_wait())
