"""The progress of the request that is being answered, told to the server.

Notes go the way of what user code prints (see :mod:`.output`): as frames with the number of the
request and a line of JSON. At most ten go a second, the first 0.1 s after the request has begun, so
that quick requests cost nothing; the last one before the answer.
"""

from __future__ import annotations

import json
import queue
import threading
import time
from collections.abc import Callable, Mapping
from typing import Any

from ..pipelines.watching import Watcher, watch

__all__ = ["Telling", "is_progress"]

_PAUSE_S = 0.1
_BEGINNING = b'{"progress":'

_encode = json.JSONEncoder(separators=(",", ":")).encode


def is_progress(line: bytes) -> bool:
    """Whether a line that a request has told says how far it is, and not what it has printed."""
    return line.startswith(_BEGINNING)


class Telling:
    """Tells how far runs are.

    Args:
        send: writes a frame to the server.
        sending: held while something is sent.
    """

    def __init__(
        self, send: Callable[[Mapping[str, Any], bytes], None], sending: threading.Lock
    ) -> None:
        self._send, self._sending = send, sending
        self._request = 0
        self._watcher: Watcher | None = None
        self._last: dict[str, Any] | None = None  # what was told of this request
        self._changes: queue.SimpleQueue[int] = queue.SimpleQueue()  # in these requests
        self._seen = True  # whether the thread knows of the last change
        self._thread: threading.Thread | None = None

    def begin(self, request: int) -> None:
        """Tell from now on, as part of this request, how far it is."""
        if self._thread is None:
            self._thread = threading.Thread(target=self._tell_on, name="progress", daemon=True)
            self._thread.start()
        self._request, self._last = request, None
        self._seen = True  # an interrupt may have cut off what says that there is something
        self._watcher = Watcher(self._changed)
        watch(self._watcher)

    def end(self) -> None:
        """Tell where it has come to, if anything is to be told at all; ``sending`` is held."""
        watch(None)
        watcher = self._watcher
        if watcher is not None and (watcher.told or self._last is not None):
            self._tell()
        self._watcher = None

    def _changed(self) -> None:
        if self._seen:
            self._seen = False
            self._changes.put(self._request)

    def _tell_on(self) -> None:
        while True:
            request = self._changes.get()
            while not self._changes.empty():  # those of requests that are over
                request = self._changes.get()
            time.sleep(_PAUSE_S)  # what changes meanwhile goes together
            with self._sending:
                if request == self._request:  # another one has a pause of its own
                    self._tell()

    def _tell(self) -> None:
        self._seen = True
        if self._watcher is None:
            return
        note = self._watcher.note()
        if note != self._last:
            self._last = note
            line = _BEGINNING + f"{_encode(note)}}}\n".encode()
            self._send({"id": self._request, "note": True}, line)
