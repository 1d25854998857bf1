"""Writing for many tasks at once: one transaction for all that came while the last one ran."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from ..op_store import OpStore
from ..op_store.database import Database
from ..workers.tasks import Tasks
from .threads import StoreThreads

__all__ = ["Prepare", "Together"]

T = TypeVar("T")
Prepare = Callable[[OpStore], Callable[[Database], T]]
"""Makes a change for :meth:`OpStore.together`; runs in a thread."""

_LARGE = 64 << 10


class Together:
    """Makes changes of the store, each whole or not at all, as many as there are together.

    A transaction that outlives a power cut waits for the disk; so one at a time is written, and
    what comes meanwhile goes into the next.

    Args:
        store: of the server.
    """

    def __init__(self, store: StoreThreads) -> None:
        self._store = store
        self._waiting: list[tuple[Prepare[Any], asyncio.Future[Any]]] = []
        self._writing: asyncio.Task[None] | None = None
        self._tasks = Tasks()

    async def __call__(self, prepare: Prepare[T], size: int = 0) -> T:
        """Make one change.

        Args:
            prepare: makes it, in a thread.
            size: bytes that it hashes and writes; a large one is prepared by itself, so that
                nobody waits for it.

        Raises:
            ChariotsError: what the change raised, or why nothing could be written.
        """
        if size > _LARGE:
            change = await self._store(prepare)

            def prepare(_: OpStore) -> Callable[[Database], T]:
                return change

        written: asyncio.Future[T] = asyncio.get_running_loop().create_future()
        self._waiting.append((prepare, written))
        if self._writing is None or self._writing.done():
            self._writing = self._tasks.start(self._write())
        return await written

    async def _write(self) -> None:
        while self._waiting:
            taken, self._waiting = self._waiting, []
            try:
                results = await self._store(_write, [prepare for prepare, _ in taken])
            except Exception as error:
                results = [error] * len(taken)
            for (_, written), result in zip(taken, results, strict=True):
                if written.done():  # nobody waits for it any more
                    continue
                if isinstance(result, Exception):
                    written.set_exception(result)
                else:
                    written.set_result(result)


def _write(store: OpStore, prepares: Sequence[Prepare[Any]]) -> list[Any]:
    """In a thread: prepare the changes, and make those that could be."""
    results: list[Any] = []
    changes = []
    for prepare in prepares:
        try:
            changes.append(prepare(store))
            results.append(None)
        except Exception as error:
            results.append(error)
    made = iter(store.together(changes) if changes else [])
    return [next(made) if result is None else result for result in results]
