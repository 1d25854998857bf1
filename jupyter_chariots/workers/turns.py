"""Runs that carry state on follow one another: here and across all servers on one store."""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

from ..errors import ChariotsError
from ..op_store.store import OpStore

__all__ = ["StoreCall", "Turns"]

StoreCall = Callable[..., Awaitable[Any]]
"""``await call(OpStore.method, *args)`` runs a method of the store in a thread."""


class Turns:
    """Gives the turn for a pipeline to one run at a time.

    Args:
        store: runs methods of the op store, which keeps the turns, in a thread.
        lease: seconds after which the turn of a server that went away is given to another one.
    """

    def __init__(self, store: StoreCall, lease: float = 10.0) -> None:
        self._store, self._lease = store, lease
        self._holder = f"{socket.gethostname()}:{os.getpid()}:{uuid.uuid4().hex}"
        self._here: dict[str, asyncio.Lock] = {}

    @contextlib.asynccontextmanager
    async def turn(self, pipeline: str, on_lost: Callable[[], None]) -> AsyncIterator[None]:
        """Wait for the turn, keep it, and give it back at the end.

        Args:
            pipeline: its name.
            on_lost: called if the turn could not be kept (this server was suspended for long).
        """
        async with self._here.setdefault(pipeline, asyncio.Lock()):
            pause = 0.01
            while not await self._store(OpStore.take_turn, pipeline, self._holder, self._lease):
                await asyncio.sleep(pause)
                pause = min(2 * pause, 0.25)
            renewing = asyncio.create_task(self._renew(pipeline, on_lost))
            try:
                yield
            finally:
                renewing.cancel()
                await asyncio.gather(renewing, return_exceptions=True)
                with contextlib.suppress(ChariotsError):  # else the lease runs out
                    await self._store(OpStore.release_turn, pipeline, self._holder)

    async def _renew(self, pipeline: str, on_lost: Callable[[], None]) -> None:
        while True:
            await asyncio.sleep(self._lease / 5)
            try:
                kept = await self._store(OpStore.renew_turn, pipeline, self._holder, self._lease)
            except ChariotsError:  # locked: as long as it is, nobody else gets the turn either
                continue
            if not kept:
                on_lost()
                return
