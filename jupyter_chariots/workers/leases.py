"""Keeping the leases of jobs, in the guard: with the standard library alone, which is all it has.

What is written here is what :meth:`OpStore.renew_jobs` writes; a test compares the two.
"""

from __future__ import annotations

import contextlib
import json
import sqlite3
import threading
from collections.abc import Callable
from typing import Any
from urllib.parse import quote

__all__ = ["EVERY_S", "Leases"]

EVERY_S = 2.0
"""Seconds between two renewals: a fifth of a lease."""

_BUSY_MS = 3000
_RENEW = (
    "UPDATE jobs SET renewals = renewals + 1 WHERE id = ? AND token = ? "
    "RETURNING cancel AND status = 'running'"
)
_GIVE_UP = "UPDATE jobs SET lease_s = 0 WHERE id = ? AND token = ? AND status = 'running'"


class Leases:
    """Renews leases in a thread of its own, as long as this process lives.

    Args:
        path: of the database of the op store, as JSON.
        tell: takes a line for the server.
    """

    def __init__(self, path: str, tell: Callable[[str], object]) -> None:
        self._uri = f"file:{quote(json.loads(path))}?mode=rw"
        self._tell = tell
        self._held: dict[str, str] = {}
        self._told: set[tuple[str, str]] = set()
        self._lock = threading.Lock()
        self._more = threading.Event()
        self._thread: threading.Thread | None = None

    def hold(self, job: str, token: str) -> None:
        """Renew this lease, at once and from now on."""
        with self._lock:
            self._held[job] = token
            self._told.discard((job, token))
        self._more.set()
        if self._thread is None:
            self._thread = threading.Thread(target=self._keep_on, name="leases", daemon=True)
            self._thread.start()

    def release(self, job: str, token: str) -> None:
        """Renew it no more; a later lease of the job is kept."""
        with self._lock:
            if self._held.get(job) == token:
                del self._held[job]

    def give_up(self) -> None:
        """Let the leases that are still held run out: whoever looks at them finds them lost."""
        with self._lock:
            held, self._held = dict(self._held), {}
        if held:
            with contextlib.suppress(Exception):  # then they run out by themselves
                self._write(_GIVE_UP, held)

    def _keep_on(self) -> None:
        while True:
            self._more.clear()  # first, so that what comes from now on is not waited for
            with self._lock:
                held = dict(self._held)
            if held:
                with contextlib.suppress(Exception):  # locked or away: the next time is not far
                    self._renew(held)
            self._more.wait(EVERY_S if held else None)

    def _renew(self, held: dict[str, str]) -> None:
        for job, rows in self._write(_RENEW, held).items():
            what = "lost" if not rows else "cancel" if rows[0][0] else None
            told = job, held[job]
            if what and told not in self._told:
                self._told.add(told)
                self._tell(f"{what} {job} {held[job]}\n")

    def _write(self, statement: str, held: dict[str, str]) -> dict[str, list[Any]]:
        """Execute it for each lease, in one transaction; what it gave, by job."""
        # each time anew: what was removed and put back is found, and nothing is left open
        with contextlib.closing(
            sqlite3.connect(self._uri, uri=True, timeout=_BUSY_MS / 1000, isolation_level=None)
        ) as db:
            if db.execute("PRAGMA journal_mode").fetchone()[0] == "wal":
                db.execute("PRAGMA synchronous=NORMAL")  # a renewal need not outlive a power cut
            db.execute("BEGIN IMMEDIATE")
            found = {
                job: db.execute(statement, (job, token)).fetchall() for job, token in held.items()
            }
            db.execute("COMMIT")
            return found
