"""Notices what any process commits to the op store."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from logging import Logger

from ..errors import ChariotsError
from ..op_store import OpStore

__all__ = ["Watcher"]


class Watcher:
    """A thread with a connection of its own that reads ``PRAGMA data_version`` and wakes the loop.

    The number changes whenever another connection commits, whichever process it belongs to; to read
    it costs some 10 µs and takes no lock.

    Args:
        store: the store to watch; each thread has its own connection to it.
        wake: called on the loop after a change.
        log: where trouble is told.
        idle: seconds between two looks.
    """

    def __init__(
        self, store: OpStore, wake: Callable[[], None], log: Logger, *, idle: float = 0.25
    ) -> None:
        self._store, self._wake, self._log, self._idle = store, wake, log, idle
        self._loop = asyncio.get_running_loop()
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="chariots-watcher", daemon=True)
        self._thread.start()

    def _watch(self) -> None:
        seen = trouble = None
        while not self._ended.wait(self._idle):
            try:
                now = self._store.data_version()
            except ChariotsError as error:  # locked, or its folder is away: look again later
                if str(error) != trouble:
                    trouble = str(error)
                    self._log.warning("The op store cannot be watched: %s", error)
                continue
            trouble = None
            if now != seen:
                seen = now
                try:
                    self._loop.call_soon_threadsafe(self._wake)
                except RuntimeError:  # the loop is closed, the server is gone
                    return

    def end(self) -> None:
        """Stop the thread and wait for it; call this from another thread than the loop's."""
        self._ended.set()
        self._thread.join()
