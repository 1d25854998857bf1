"""Connections to the database: one for each thread, explicit transactions, errors with a hint.

Functions of this package that take a ``Database`` never begin or end a transaction; the public
methods of the store do, through :meth:`Connections.read` and :meth:`Connections.write`.
"""

from __future__ import annotations

import os
import random
import sqlite3
import threading
import time
import weakref
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from .. import faults
from ..errors import StoreBusy, StoreError
from . import filesystems
from .database import Database
from .durability import Log

__all__ = ["Connections"]


class _Handle:
    """A thread's connection; closed when the thread ends, because nothing else refers to it."""

    def __init__(self, db: Database) -> None:
        self.db = db
        self.pid = os.getpid()

    def close(self) -> None:
        if self.pid == os.getpid():
            self.db.conn.close()

    __del__ = close


_INHERITED: list[_Handle] = []


class Connections:
    """Hands each thread a connection of its own.

    Args:
        path: the database; it is made if there is none.
        timeout: seconds to wait for a lock.
        prepare: called with the first connection, to bring the schema up to date.
    """

    def __init__(self, path: Path, timeout: float, prepare: Callable[[Database], None]) -> None:
        self.path = path
        self._timeout = timeout
        self._prepare: Callable[[Database], None] | None = prepare
        self._opening = threading.Lock()
        self._local = threading.local()
        self._handles: weakref.WeakSet[_Handle] = weakref.WeakSet()
        self._closed = False
        self._file: os.stat_result | None = None
        self._log: Log | None = None
        self._writing = threading.RLock()
        self._pid = os.getpid()

    def get(self) -> Database:
        """The connection of the calling thread."""
        handle: _Handle | None = getattr(self._local, "handle", None)
        if self._pid != os.getpid():
            # Threads that are not here may hold them.
            self._writing, self._log, self._pid = threading.RLock(), None, os.getpid()
        if handle is not None and handle.pid != os.getpid():
            # A forked child must not even close what its parent opened.
            _INHERITED.append(handle)
            handle = None
        if handle is None:
            if self._closed:
                raise StoreError(f"The op store {self.path} is closed.", hint="Open it again.")
            handle = self._open()
        return handle.db

    def close(self) -> None:
        """Close the connections of all threads."""
        with self._opening:
            self._closed = True
            handles = list(self._handles)
        for handle in handles:
            handle.close()
        self._local = threading.local()

    @contextmanager
    def read(self) -> Iterator[Database]:
        """A transaction that sees one state of the store throughout."""
        with self._translated():
            db = self.get()
            try:
                db.conn.execute("BEGIN")
                yield db
            finally:
                db.conn.rollback()

    @contextmanager
    def write(self, *, durable: bool = True) -> Iterator[Database]:
        """A transaction that holds the write lock; committed at the end, undone on any error.

        Args:
            durable: whether it must outlive a power cut, for which the disk is waited for; others
                may see it before. One that need not outlives the end of any process all the same,
                and a later one that must takes it along.
        """
        with self._translated():
            db = self.get()
            self._check_file()
            deadline = time.monotonic() + self._timeout
            # Threads of one process need not try again and again; they pass this lock on.
            with self._writing:
                try:
                    # Inside of the try: an interrupt may come right after the statement.
                    self._begin(db.conn, deadline)
                    yield db
                    faults.reached("before commit")
                    self._check_file()
                    db.conn.execute("COMMIT")
                except BaseException:
                    db.conn.rollback()
                    raise
        if durable:
            self.sync()
        faults.reached("after commit")

    def sync(self) -> None:
        """Return when all that was written before this call outlives a power cut."""
        try:
            if self._log is not None:
                self._log.sync()
        except OSError as exc:
            raise StoreError(
                f"The disk of the op store {self.path} failed: {exc}; what was written last may "
                "be lost when the machine stops.",
                hint="Check the disk, then restart the Jupyter server or the kernel.",
            ) from exc

    def _begin(self, conn: sqlite3.Connection, deadline: float) -> None:
        """Begin with the write lock.

        SQLite by itself waits longer from one attempt to the next, up to 0.1 s. Where others write
        all the time it then gets the lock after seconds, or never; short pauses share it out.
        """
        conn.execute("PRAGMA busy_timeout=0")
        try:
            while True:
                try:
                    conn.execute("BEGIN IMMEDIATE")
                    return
                except sqlite3.OperationalError as exc:
                    if not _is_busy(exc) or time.monotonic() > deadline:
                        raise
                time.sleep(random.uniform(0.0002, 0.002))
        finally:
            conn.execute(f"PRAGMA busy_timeout={round(self._timeout * 1000)}")

    def value(self, sql: str) -> int:
        """One number, read outside of any transaction."""
        with self._translated():
            row = self.get().conn.execute(sql).fetchone()
            return int(row[0] or 0) if row else 0

    def _check_file(self) -> None:
        """SQLite goes on writing into a file that was removed, and all of it would be lost."""
        with suppress(OSError):
            if self._file is None or os.path.samestat(os.stat(self.path), self._file):
                return
        raise StoreError(
            f"The op store {self.path} was removed or replaced while it was open; "
            "nothing was written.",
            hint="Put its folder back, or restart the Jupyter server or the kernel to go on with "
            "what is there now.",
        )

    def _open(self) -> _Handle:
        self._check_file()
        with self._translated():
            conn = sqlite3.connect(
                str(self.path),
                timeout=self._timeout,
                isolation_level=None,
                check_same_thread=False,
            )
            db = Database(conn, recursive_triggers=False, execute_plugins=False)
            handle = _Handle(db)
            try:
                with self._opening:
                    self._handles.add(handle)
                    self._set_journal(conn)
                    self._set_waiting(conn)
                    conn.execute("PRAGMA foreign_keys=ON")
                    if self._prepare is not None:
                        self._prepare(db)
                        self._prepare = None
                        self._file = os.stat(self.path)
            except BaseException:
                handle.close()  # the error's traceback would keep it open
                raise
        self._local.handle = handle
        return handle

    def _set_journal(self, conn: sqlite3.Connection) -> None:
        deadline = time.monotonic() + self._timeout
        while True:
            try:
                if conn.execute("PRAGMA journal_mode").fetchone()[0] == "wal":
                    return
                # A write-ahead log needs memory that all processes share, so they must be on
                # one host.
                shared = filesystems.is_shared(self.path, filesystems.mounts())
                conn.execute(f"PRAGMA journal_mode={'delete' if shared else 'wal'}")
                return
            except sqlite3.OperationalError as exc:
                # SQLite does not wait by itself while another process changes the mode.
                if not _is_busy(exc):
                    conn.execute("PRAGMA journal_mode=delete")
                    return
                if time.monotonic() > deadline:
                    raise
            time.sleep(0.01)

    def _set_waiting(self, conn: sqlite3.Connection) -> None:
        """Say who waits for the disk: :class:`Log`, or, where there is none, each commit."""
        wal = conn.execute("PRAGMA journal_mode").fetchone()[0] == "wal"
        if not (wal and Log.works):
            conn.execute("PRAGMA synchronous=FULL")
            return
        # Without a write-ahead log this might damage the file.
        conn.execute("PRAGMA synchronous=NORMAL")
        self._log = self._log or Log(self.path)

    @contextmanager
    def _translated(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.Error as exc:
            raise self._error(exc) from exc

    def _error(self, exc: sqlite3.Error) -> StoreError:
        text = str(exc)
        if _is_busy(exc):
            return StoreBusy(
                f"Another process kept the op store {self.path} locked for "
                f"{self._timeout:g} s; nothing was written.",
                hint="Try again.",
            )
        if "not a database" in text or "malformed" in text:
            return StoreError(
                f"The op store {self.path} is damaged: {text}.",
                hint="Put a backup of the file in its place, or move it away to begin anew.",
            )
        if "closed database" in text:
            return StoreError(f"The op store {self.path} is closed.", hint="Open it again.")
        return StoreError(
            f"The op store {self.path} cannot do this: {text}.",
            hint="Check that its folder exists, is writable and has space left.",
        )


def _is_busy(exc: sqlite3.Error) -> bool:
    return isinstance(exc, sqlite3.OperationalError) and (
        "locked" in str(exc) or "busy" in str(exc)
    )
