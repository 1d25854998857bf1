"""Waiting for the disk, once for several commits."""

from __future__ import annotations

import os
import threading
from pathlib import Path

__all__ = ["Log"]


class Log:
    """The write-ahead log of a database, which is made durable after a commit, not by it.

    SQLite alone would wait for the disk within the commit, with the write lock held, so that
    others wait in turn, each for a commit of its own. Here the lock is free by then, and one wait
    serves all commits that came before it.

    Args:
        database: the file that the log belongs to.
    """

    works = os.name == "posix"
    """Elsewhere a file that is open in two places may be in SQLite's way."""

    def __init__(self, database: Path) -> None:
        self._path = f"{os.path.realpath(database)}-wal"  # SQLite follows links as well
        self._changed = threading.Condition()
        self._asked = self._durable = 0
        self._busy = False
        self._error: OSError | None = None

    def sync(self) -> None:
        """Return when all that was committed before this call outlives a power cut.

        Raises:
            OSError: the disk failed; a system says so once only, so this is final.
        """
        with self._changed:
            self._asked += 1
            mine = self._asked
            while self._durable < mine:
                if self._error is not None:
                    raise self._error
                if self._busy:
                    self._changed.wait()
                else:
                    self._sync_all()

    def _sync_all(self) -> None:
        covered, self._busy = self._asked, True
        try:
            self._changed.release()
            # opened each time: the last connection of all that closes removes the file
            descriptor = os.open(self._path, os.O_RDONLY)
            try:
                getattr(os, "fdatasync", os.fsync)(descriptor)
            finally:
                os.close(descriptor)
        except OSError as error:
            self._error = error
        else:
            self._durable = covered
        finally:
            self._changed.acquire()
            self._busy = False
            self._changed.notify_all()
