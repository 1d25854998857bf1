"""The few threads in which everything that touches SQLite or a file happens."""

from __future__ import annotations

import asyncio
import functools
import threading
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from logging import Logger
from typing import Concatenate, ParamSpec, TypeVar

from ..errors import StoreBusy, Unavailable
from ..op_store import OpStore

__all__ = ["StoreThreads", "patiently"]

P = ParamSpec("P")
R = TypeVar("R")


class StoreThreads:
    """An op store that the event loop may use: each call runs in one of a few threads.

    The store is opened by the first call; while that fails, each call tries again.

    Args:
        open_store: makes the store; called once, in a thread.
        threads: how many calls may run at once.
    """

    def __init__(self, open_store: Callable[[], OpStore], threads: int = 4) -> None:
        self._open = open_store
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix="chariots-store")
        self._opening = threading.Lock()
        self._store: OpStore | None = None
        self._closed = False

    def opened(self) -> OpStore:
        """The store itself, for code that runs in a thread.

        Raises:
            ChariotsError: it cannot be opened.
        """
        with self._opening:
            if self._store is None:
                self._store = self._open()
            return self._store

    async def run(self, call: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
        """Await ``call(…)`` in a thread."""
        if self._closed:
            raise Unavailable("The server is stopping.", hint="Try again when it is up.")
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._pool, functools.partial(call, *args, **kwargs))

    async def __call__(
        self, method: Callable[Concatenate[OpStore, P], R], *args: P.args, **kwargs: P.kwargs
    ) -> R:
        """Await ``method(store, …)`` in a thread: ``await store(OpStore.sequence)``."""
        return await self.run(lambda: method(self.opened(), *args, **kwargs))

    async def close(self) -> None:
        """Refuse further calls, wait for those that run, then close the store."""
        self._closed = True
        await asyncio.to_thread(self._pool.shutdown)
        if self._store is not None:
            await asyncio.to_thread(self._store.close)


async def patiently(work: Callable[[], Awaitable[R]], log: Logger) -> R:
    """Await ``work()``; again, for as long as another process keeps the store locked.

    For what nobody would ask for a second time. There is no pause: each attempt waits for the lock.
    """
    while True:
        try:
            return await work()
        except StoreBusy as error:
            log.warning("Waiting for the op store: %s", error.message)
