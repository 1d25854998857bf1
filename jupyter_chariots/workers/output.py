"""What user code prints: into the log, and to whoever waits for the answer.

``sys.stdout`` and ``sys.stderr`` of a child write to its log, as before, and what they write while
a request is answered whose caller listens goes to the server as well: as frames with the number of
the request and a line of JSON that the server passes on as it is. So prints, warnings and logging
arrive while the run goes on; what C code or other processes write stands in the log only.
"""

from __future__ import annotations

import contextlib
import io
import json
import os
import queue
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping
from typing import Any

__all__ = ["Output"]

_PAUSE_S = 0.05
_BURST = 256 << 10
"""Characters that a request may print at once; what is more stands in the log only."""

_RATE = 8 << 10
"""Characters that it may print each second in the long run."""

_encode = json.JSONEncoder(separators=(",", ":")).encode


class _Stream(io.TextIOWrapper):
    """A standard stream that somebody listens to."""

    def __init__(self, before: Any, name: str, heard: Callable[[str, str], None]) -> None:
        before.flush()
        super().__init__(
            before.detach(), encoding="utf-8", errors="backslashreplace", line_buffering=True
        )
        self._called, self._heard = name, heard

    def write(self, text: str, /) -> int:
        written = super().write(text)
        self._heard(self._called, text)
        return written


class Output:
    """Tells what is written to the standard streams.

    Args:
        send: writes a frame to the server; it is called from several threads, one at a time.
    """

    def __init__(self, send: Callable[[Mapping[str, Any], bytes], None]) -> None:
        self._send = send
        # held while something is sent; never by user code, so that no interrupt cuts a frame in two
        self.sending = threading.Lock()
        self._pid = os.getpid()
        self._request: int | None = None
        self._texts: deque[tuple[int, str, str]] = deque()
        self._written: queue.SimpleQueue[None] = queue.SimpleQueue()
        self._thread: threading.Thread | None = None
        self._allowed, self._at = 0.0, 0.0
        self._left_out = 0

    def install(self) -> None:
        """Take the place of the standard streams of this process."""
        for name in ("stdout", "stderr"):
            stream = _Stream(getattr(sys, name), name, self._heard)
            setattr(sys, name, stream)
            setattr(sys, f"__{name}__", stream)  # what was there is detached now

    def begin(self, request: int) -> None:
        """Tell from now on, as part of this request, what is written."""
        if self._thread is None:
            self._thread = threading.Thread(target=self._tell_on, name="output", daemon=True)
            self._thread.start()
        self._allowed, self._at = float(_BURST), time.monotonic()
        self._left_out = 0
        self._request = request

    def end(self) -> None:
        """Tell the rest, if a request was told of; ``sending`` is held."""
        request, self._request = self._request, None
        if request is not None:
            self._mark(request)
            self._tell()

    def _heard(self, stream: str, text: str) -> None:
        request = self._request
        if request is None or not text or os.getpid() != self._pid:
            return
        now = time.monotonic()
        self._allowed = min(self._allowed + (now - self._at) * _RATE, _BURST)
        self._at = now
        if self._left_out and self._allowed < _BURST / 8:
            self._left_out += len(text)  # rather a whole piece later than scraps all the time
            return
        self._mark(request)
        shown = text[: int(self._allowed)]
        self._allowed -= len(shown)
        self._left_out = len(text) - len(shown)
        # both of these are atomic: an interrupt may come at any point, and other threads write too
        self._texts.append((request, stream, shown))
        self._written.put(None)

    def _mark(self, request: int) -> None:
        """Say how much was left out, if something was."""
        if self._left_out:
            said = f"\n… {self._left_out:,} more characters are in the log\n"
            self._left_out = 0
            self._texts.append((request, "stderr", said))

    def _tell_on(self) -> None:
        while True:
            self._written.get()
            with self.sending:
                self._tell()
            time.sleep(_PAUSE_S)  # what is written meanwhile goes together

    def _tell(self) -> None:
        with contextlib.suppress(queue.Empty):
            while True:
                self._written.get_nowait()
        together: list[str] = []
        while self._texts:
            request, stream, text = self._texts.popleft()
            together.append(text)
            if not self._texts or self._texts[0][:2] != (request, stream):
                # half of a character, which a program can print, is no text for anybody else
                whole = "".join(together).encode("utf-8", "backslashreplace").decode()
                line = _encode({"stream": stream, "text": whole}) + "\n"
                self._send({"id": request, "note": True}, line.encode())
                together.clear()
