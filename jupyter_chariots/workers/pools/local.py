"""Workers on the machine of the server."""

from __future__ import annotations

import asyncio
import math
import os
import socket
from collections import deque

from ...errors import ConfigurationError
from ...op_store.records import Claim
from ..tasks import Tasks
from .base import BaseWorkerPool, PoolHost

__all__ = ["LocalWorkerPool"]

_SHORT_S = 0.02
_AHEAD = 8
_LONGEST_WAIT_S = 0.5
_REMEMBERED = 100


class LocalWorkerPool(BaseWorkerPool):
    """Runs so many jobs at once in processes of this machine, in the environment of their
    pipelines. A process is started when one is needed, and kept for the next job of its pipeline.

    Where jobs take a few milliseconds, some are claimed ahead of their turn, so that workers need
    not wait for the store; they go back if it does not come soon.

    Args:
        n_workers: how many; by default one for each processor.
    """

    def __init__(self, n_workers: int | None = None) -> None:
        number = os.cpu_count() or 1 if n_workers is None else n_workers
        if not isinstance(number, int) or number < 1:
            raise ConfigurationError(f"A pool has at least 1 worker, not {n_workers!r}.")
        self._wanted = number
        self._busy = 0
        self._ahead: deque[Claim] = deque()
        self._cancelled: deque[str] = deque(maxlen=_REMEMBERED)
        self._took = math.inf
        self._begun = 0.0
        self._loop: asyncio.AbstractEventLoop
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
        self._loop = asyncio.get_running_loop()
        host.keep_warm(self._wanted)
        await self.jobs_wait()

    async def stop(self) -> None:
        """Take no more jobs; those that run are the server's to end."""
        self._stopped = True
        async with self._claiming:
            await self._hand_back()

    async def spawn_worker(self) -> None:
        """Run one more job at once from now on."""
        self._wanted += 1
        self.host.keep_warm(self._wanted)
        await self.jobs_wait()

    async def jobs_wait(self) -> None:
        """Take as many jobs as there are free workers; of short ones some more."""
        async with self._claiming:
            if self._ahead and self._loop.time() - self._begun > _LONGEST_WAIT_S:
                self._took = math.inf
                await self._hand_back()
            while not self._stopped and (room := self._room) > 0:
                claims = await self.host.claim(self._name, room)
                self._ahead.extend(claims)
                self._begin()
                if len(claims) < room:
                    return

    @property
    def _room(self) -> int:
        """How many jobs to take."""
        free = self._wanted - self._busy - len(self._ahead)
        if self._took > _SHORT_S:
            return free
        # not one by one, for a transaction with many costs little more than with one
        most = _AHEAD * self._wanted
        return free + most if len(self._ahead) <= most // 2 else 0

    def _begin(self) -> None:
        while self._ahead and self._busy < self._wanted:
            self._busy += 1
            self._begun = self._loop.time()
            self._tasks.start(self._run(self._ahead.popleft()))

    def interrupt(self, job_id: str) -> None:
        """Give a job back that was taken ahead, so that it is not begun."""
        self._cancelled.append(job_id)  # its claim may be on the way, or about to be begun
        claims = [claim for claim in self._ahead if claim.job.id == job_id]
        for claim in claims:
            self._ahead.remove(claim)
        if claims:
            self._tasks.start(self.host.hand_back(claims))

    async def _run(self, claim: Claim) -> None:
        begun = self._loop.time()
        try:
            if claim.job.id in self._cancelled:
                await self.host.hand_back([claim])
                return
            await self.host.run(claim)
            took = self._loop.time() - begun
            self._took = took if math.isinf(self._took) else 0.8 * self._took + 0.2 * took
        finally:
            self._busy -= 1
            self._begin()
            if self._room > 0 and not self._claiming.locked():
                self._tasks.start(self.jobs_wait())

    async def _hand_back(self) -> None:
        """Let others have what was taken ahead."""
        claims, self._ahead = list(self._ahead), deque()
        if claims:
            await self.host.hand_back(claims)
