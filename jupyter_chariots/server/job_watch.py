"""Watching over the leases of jobs, whichever server they belong to."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from logging import Logger

from ..errors import ChariotsError
from ..op_store import OpStore, Sweeper
from ..workers.guard_process import GuardProcess
from .attempts import Attempts, Why
from .threads import StoreThreads

__all__ = ["LeaseWatch"]

_LOOK_S = 1.0


class LeaseWatch:
    """Takes jobs from workers that are gone, and ends attempts that have lost theirs.

    Args:
        store: of the server.
        attempts: of the server.
        guard: keeps their leases; without one this does.
        on_lost: called when jobs were taken from workers that are gone.
        on_look: called at each look, once a second.
        log: of the extension.
    """

    def __init__(
        self,
        store: StoreThreads,
        attempts: Attempts,
        guard: GuardProcess | None,
        on_lost: Callable[[], object],
        on_look: Callable[[], object],
        log: Logger,
    ) -> None:
        self._store, self._attempts, self._guard = store, attempts, guard
        self._on_lost, self._on_look, self._log = on_lost, on_look, log
        self._looking: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin."""
        loop = asyncio.get_running_loop()

        def on_word(word: str, job_id: str, token: str) -> None:
            why = Why.CANCELLED if word == "cancel" else Why.LOST
            loop.call_soon_threadsafe(self._attempts.interrupt, job_id, why, token)

        if self._guard:
            self._guard.on_word = on_word
        self._looking = loop.create_task(self._look_on())

    async def stop(self) -> None:
        """End."""
        if self._looking:
            self._looking.cancel()
            await asyncio.wait([self._looking])

    async def _look_on(self) -> None:
        sweeper = await self._store(Sweeper)
        while True:
            try:
                if await self._store.run(sweeper.sweep):
                    self._on_lost()
                if self._guard is None and self._attempts.running:
                    await self._renew()
                self._on_look()
            except ChariotsError as error:
                self._log.warning("Leases of jobs cannot be looked at: %s", error)
            except Exception:
                self._log.exception("Leases of jobs cannot be looked at")
            await asyncio.sleep(_LOOK_S)

    async def _renew(self) -> None:
        """Do the guard's work where there is none."""
        leases = [attempt.lease for attempt in self._attempts.running.values()]
        held = await self._store(OpStore.renew_jobs, leases)
        for lease in leases:
            if lease not in held:
                self._attempts.interrupt(lease.job, Why.LOST, lease.token)
            elif held[lease]:
                self._attempts.interrupt(lease.job, Why.CANCELLED, lease.token)
