"""Answers that begin while the run goes on, with what it prints.

The body of such an answer consists of lines. A line is empty, which keeps proxies from giving up,
or a JSON object: ``{"stream": "stdout", "text": …}`` is what the run has printed, ``{"notice": …}``
says why it takes long. The last line is ``{"status", "headers", "length"}`` of the plain answer,
and after it stand the bytes of that. The HTTP status of the whole is 200 whatever has happened.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

from tornado import web

from .. import formats
from .reading import dumps
from .serving import ServedPipeline

__all__ = ["LiveAnswer"]

_NOTICE_AFTER_S = 0.5
_QUIET_S = 15.0
_MOST_UNSENT = 1 << 20
"""Bytes of lines that wait in this process for a client that reads slowly."""

_MOST_NAMES = 6


class LiveAnswer:
    """The answer of one request, begun with the first line that there is to tell.

    As long as there is none, the answer is the plain one.

    Args:
        handler: of the request.
        quiet: seconds after which an empty line is sent.
    """

    def __init__(self, handler: web.RequestHandler, quiet: float = _QUIET_S) -> None:
        self.begun = False
        self._handler, self._quiet = handler, quiet
        self._gone = False
        self._unsent = self._left_out = 0
        self._sent: asyncio.Future[None] | None = None
        self._notice: asyncio.TimerHandle | None = None
        self._alive: asyncio.TimerHandle | None = None

    def watch(self, pipeline: ServedPipeline) -> None:
        """Tell what is being waited for, if it takes long; a fit may be silent for hours."""
        if self._notice:  # of one whose place this one has taken
            self._notice.cancel()
        if pipeline.state != "ready":
            loop = asyncio.get_running_loop()
            self._notice = loop.call_later(_NOTICE_AFTER_S, self._tell_start, pipeline)
        if pipeline.spec.changes:
            self._keep_alive()

    def line(self, line: bytes) -> None:
        """Send a line, its end included; leave it out if too much is unsent already."""
        if self._gone:
            return
        self._keep_alive()
        if self._sent is None or self._sent.done():
            self._unsent = 0
        if self._unsent > _MOST_UNSENT:
            self._left_out += len(line)
            return
        line = self._gap() + line
        if not self.begun:
            self.begun = True
            self._handler.set_header("Content-Type", formats.LIVE)
            self._handler.set_header("X-Accel-Buffering", "no")  # for nginx
        self._handler.write(line)
        self._sent = self._handler.flush()
        self._unsent += len(line)

    def finish(self, status: int, headers: Mapping[str, str], body: bytes) -> None:
        """End an answer that has begun with what it would have been otherwise."""
        last = {"status": status, "headers": dict(headers), "length": len(body)}
        self._handler.write(self._gap() + f"{dumps(last)}\n".encode())
        self._handler.write(body)
        self._handler.finish()

    def close(self, *, gone: bool = False) -> None:
        """Nothing more is to come, or nobody reads it any more."""
        self._gone = self._gone or gone
        for timer in (self._notice, self._alive):
            if timer:
                timer.cancel()

    def _gap(self) -> bytes:
        """The line that says how much was left out before it, if something was."""
        if not self._left_out:
            return b""
        said = f"\n… about {self._left_out:,} more characters are in the log\n"
        self._left_out = 0
        return f"{dumps({'stream': 'stderr', 'text': said})}\n".encode()

    def _tell_start(self, pipeline: ServedPipeline) -> None:
        if pipeline.state == "ready":
            return
        names = sorted({name for op in pipeline.spec.ops for name in op.packages})
        shown = ", ".join(names[:_MOST_NAMES]) + (", …" if len(names) > _MOST_NAMES else "")
        importing = f": importing {shown}" if shown else ""
        text = f"Starting a process for {pipeline.name!r}{importing} …"
        self.line(f"{dumps({'notice': text})}\n".encode())

    def _keep_alive(self) -> None:
        if self._alive:
            self._alive.cancel()
        self._alive = asyncio.get_running_loop().call_later(self._quiet, self.line, b"\n")
