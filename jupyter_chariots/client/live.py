"""What a run prints while it is being waited for, shown where the caller is."""

from __future__ import annotations

import contextlib
import http.client
import json
import sys
from typing import Any

from ..formats import LIVE

__all__ = ["OUTPUT", "is_live", "read_live"]

OUTPUT = {"Chariots-Output": "live"}
"""Header of a call that asks for it."""


def is_live(response: http.client.HTTPResponse) -> bool:
    """Whether the answer begins with what the run prints."""
    return response.headers.get("Content-Type") == LIVE


def read_live(
    response: http.client.HTTPResponse,
) -> tuple[int, http.client.HTTPMessage, bytes]:
    """Show what the run prints as it comes.

    Returns:
        status, headers and body of the plain answer, which come last.

    Raises:
        http.client.HTTPException: the answer is broken off.
    """
    notice = _Notice()
    try:
        while True:
            line = response.readline()
            if not line.endswith(b"\n"):
                raise http.client.IncompleteRead(line)
            if line == b"\n":
                continue
            try:
                said = json.loads(line)
            except ValueError as error:
                raise http.client.IncompleteRead(line) from error
            if "notice" in said:
                notice.show(said["notice"])
                continue
            notice.hide()
            if "stream" in said:
                _write(said["stream"], said["text"])
                continue
            body = response.read(said["length"])
            if len(body) < said["length"]:
                raise http.client.IncompleteRead(body)
            response.read()  # to the very end, so that the connection can be used again
            headers = http.client.HTTPMessage()
            for name, value in said["headers"].items():
                headers[name] = value
            return said["status"], headers, body
    finally:
        notice.hide()


def _write(stream: str, text: str) -> None:
    # a stream that is closed or cannot take the text is no reason to lose the answer
    with contextlib.suppress(OSError, ValueError, AttributeError):
        out = sys.stderr if stream == "stderr" else sys.stdout
        out.write(text)
        out.flush()


class _Notice:
    """A line that says what is being waited for: in a notebook it goes away again."""

    def __init__(self) -> None:
        self._shown: Any = None

    def show(self, text: str) -> None:
        """Show it, or show this instead of it."""
        if not _in_kernel():
            _write("stderr", f"{text}\n")
        elif self._shown is None:
            from IPython.display import display

            data = {"text/plain": text}
            self._shown = display(data, raw=True, display_id=True)  # type: ignore[no-untyped-call]
        else:
            self._shown.update({"text/plain": text}, raw=True)

    def hide(self) -> None:
        """Take it away."""
        if self._shown is not None:
            self._shown.update({"text/plain": "", "text/html": ""}, raw=True)
            self._shown = None


def _in_kernel() -> bool:
    """Whether this runs in a notebook; a terminal shows a line for each update."""
    shell = getattr(sys.modules.get("IPython"), "get_ipython", lambda: None)()
    return getattr(shell, "kernel", None) is not None
