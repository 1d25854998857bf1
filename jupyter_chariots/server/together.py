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
Prepare = Callable[[OpStore], Callable[[Database], T] | None]
"""Makes a change for :meth:`OpStore.together`, in a thread, or finds that there is none to make."""

_LARGE = 64 << 10
_TURNS = 4
"""Turns of the loop that a transaction waits for more: who has just been told something (a job has
ended, a body has come) then writes in the same one.
"""

_Written = tuple["asyncio.Future[Any]", Any]


class Together:
    """Makes changes of the store, each whole or not at all, as many as there are together.

    One transaction at a time is written, and what comes meanwhile goes into the next. The disk is
    waited for beside that, once for all that was written by then: others see a change before
    whoever asked for it hears that it will last.

    Args:
        store: of the server.
        on_written: called when something was written.
    """

    def __init__(self, store: StoreThreads, on_written: Callable[[], object]) -> None:
        self._store, self._on_written = store, on_written
        self._waiting: list[tuple[Prepare[Any], asyncio.Future[Any], bool]] = []
        self._unsafe: list[_Written] = []
        self._writing: asyncio.Task[None] | None = None
        self._saving: asyncio.Task[None] | None = None
        self._tasks = Tasks()

    async def __call__(self, prepare: Prepare[T], size: int = 0, *, durable: bool = True) -> Any:
        """Make one change; gives what it gives, or ``None`` if there is none to make.

        Args:
            prepare: makes it, in a thread.
            size: bytes that it hashes and writes; a large one is prepared by itself, so that
                nobody waits for it.
            durable: return only when it outlives a power cut.

        Raises:
            ChariotsError: what the change raised, or why nothing could be written.
        """
        if size > _LARGE:
            change = await self._store(prepare)

            def prepare(_: OpStore) -> Callable[[Database], T] | None:
                return change

        written: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        self._waiting.append((prepare, written, durable))
        if self._writing is None or self._writing.done():
            self._writing = self._tasks.start(self._write())
        return await written

    async def _write(self) -> None:
        while self._waiting:
            for _ in range(_TURNS):
                await asyncio.sleep(0)
            taken, self._waiting = self._waiting, []
            try:
                results = await self._store(_write, [prepare for prepare, _, _ in taken])
            except Exception as error:
                results = [error] * len(taken)
            for (_, written, durable), result in zip(taken, results, strict=True):
                if durable and not isinstance(result, Exception):
                    self._unsafe.append((written, result))
                else:
                    _tell(written, result)
            if self._unsafe and (self._saving is None or self._saving.done()):
                self._saving = self._tasks.start(self._save())
            self._on_written()

    async def _save(self) -> None:
        """Wait for the disk, and tell those whose changes are safe then."""
        while self._unsafe:
            taken, self._unsafe = self._unsafe, []
            failed: Exception | None = None
            try:
                await self._store(OpStore.sync)
            except Exception as error:
                failed = error
            for written, result in taken:
                _tell(written, failed or result)


def _tell(written: asyncio.Future[Any], result: Any) -> None:
    if written.done():  # nobody waits for it any more
        return
    if isinstance(result, Exception):
        written.set_exception(result)
    else:
        written.set_result(result)


def _write(store: OpStore, prepares: Sequence[Prepare[Any]]) -> list[Any]:
    """In a thread: prepare the changes, and make those that could be."""
    results: list[Any] = [None] * len(prepares)
    changes = {}
    for place, prepare in enumerate(prepares):
        try:
            change = prepare(store)
            if change:
                changes[place] = change
        except Exception as error:
            results[place] = error
    if changes:
        made = store.together([*changes.values()], durable=False)
        for place, result in zip(changes, made, strict=True):
            results[place] = result
    return results
