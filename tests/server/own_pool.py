"""A pool as a user may write one: each worker is a task, which ends when there is nothing to do."""

from __future__ import annotations

import asyncio

from jupyter_chariots import BaseWorkerPool


class TaskPool(BaseWorkerPool):
    def __init__(self, size):
        self.max_workers = size
        self.workers = set()
        self.spawned = 0

    @property
    def n_workers(self):
        return len(self.workers)

    async def spawn_worker(self):
        self.spawned += 1
        worker = asyncio.create_task(self.work(f"task {self.spawned}"))
        self.workers.add(worker)
        worker.add_done_callback(self.workers.discard)

    async def work(self, name):
        while claims := await self.host.claim(name, 1):
            await self.host.run(claims[0])
