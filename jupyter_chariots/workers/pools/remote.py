"""Workers that people start by themselves."""

from __future__ import annotations

from .base import BaseWorkerPool

__all__ = ["RemoteWorkerPool"]


class RemoteWorkerPool(BaseWorkerPool):
    """Starts no workers: jobs wait for those that somebody starts with ``jupyter chariots worker``.

    Such workers take jobs of a server with any other pool as well.
    """

    @property
    def n_workers(self) -> int:
        """None that this pool knows of."""
        return 0

    async def spawn_worker(self) -> None:
        """Do nothing: it is for people to start one."""

    async def jobs_wait(self) -> None:
        """Do nothing: workers ask for jobs by themselves."""
