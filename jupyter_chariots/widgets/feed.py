"""One thread of the kernel that follows what happens on the server, for all panels."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from ..errors import ChariotsError
from .door import Door

__all__ = ["Feed", "Seen"]

_WAIT_S = 40  # a server that has nothing to tell answers then: less than proxies allow
_SHORTEST_S = 0.25  # between two snapshots: progress may come faster than anybody reads
_LONGEST_S = 30  # between two tries


@dataclass(frozen=True)
class Seen:
    """What is known of the server.

    Attributes:
        snapshot: the last one; empty if there was none.
        at: when that was, local time.
        trouble: why there is no newer one.
        retry: seconds until the next try.
    """

    snapshot: dict[str, Any] = field(default_factory=dict)
    at: datetime = field(default_factory=datetime.now)
    trouble: ChariotsError | None = None
    retry: int = 0


Listener = Callable[[Seen], None]


class Feed:
    """Tells listeners each snapshot of the server; its thread lives as long as there is one.

    The thread waits in a long poll, so that news comes at once and an idle panel costs less than
    two requests a minute. When the server is away it tries again after 1, 2, 4 … 30 s.
    """

    def __init__(self) -> None:
        self._lock = threading.RLock()
        self._listeners: list[Listener] = []
        self._follower: _Follower | None = None

    def listen(self, listener: Listener) -> None:
        """Call this with what is seen, in the feed's thread, until :meth:`leave`."""
        with self._lock:
            if listener not in self._listeners:
                self._listeners.append(listener)
            if self._follower is None:
                self._follower = _Follower(self._tell)
            else:
                self._follower.repeat(listener)

    def leave(self, listener: Listener) -> None:
        """Do not call it any more; after the last one the thread ends."""
        with self._lock:
            if listener in self._listeners:
                self._listeners.remove(listener)
            if not self._listeners and self._follower is not None:
                self._follower.end()
                self._follower = None

    def _tell(self, seen: Seen) -> None:
        for listener in list(self._listeners):
            listener(seen)


class _Follower:
    """A thread, and the one request that it waits for."""

    def __init__(self, tell: Listener) -> None:
        self._tell = tell
        self._door = Door()
        self._ended = threading.Event()
        self._seen = Seen()
        # a daemon: the kernel does not wait for it when it ends
        self._thread = threading.Thread(target=self._follow, name="chariots-panel", daemon=True)
        self._thread.start()

    def repeat(self, listener: Listener) -> None:
        """Tell somebody who has just come what is known."""
        if self._seen.snapshot or self._seen.trouble:
            listener(self._seen)

    def end(self) -> None:
        """Let the thread end, at once."""
        self._ended.set()
        self._door.hang_up()

    def _follow(self) -> None:
        pause = 0
        while not self._ended.is_set():
            try:
                self._say(Seen(self._next()))
                pause = 0
            except ChariotsError as trouble:
                pause = min(2 * pause or 1, _LONGEST_S)
                self._say(Seen(self._seen.snapshot, self._seen.at, trouble, pause))
            self._ended.wait(pause or _SHORTEST_S)
        self._door.close()

    def _next(self) -> dict[str, Any]:
        if self._seen.trouble or not self._seen.snapshot:
            return self._door.snapshot()
        return self._door.follow(self._seen.snapshot, _WAIT_S)

    def _say(self, seen: Seen) -> None:
        if not self._ended.is_set():
            self._seen = seen
            self._tell(seen)
