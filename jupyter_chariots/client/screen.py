"""Where the caller is: what a run prints, what is being waited for, how far it is.

In a notebook a line or a bar is updated in place; in a terminal it is rewritten; where output goes
to a file there is none.
"""

from __future__ import annotations

import contextlib
import shutil
import sys
import threading
from collections.abc import Mapping
from typing import Any

from .bar import as_html, as_text, said

__all__ = ["Screen"]


class Screen:
    """Shows what goes on with one call or job; threads may share it.

    Args:
        label: what is shown beside a bar.
        aside: standard output is for the result: what is printed goes to standard error, notices
            and bars to terminals only.
        silent: nothing is shown.

    Attributes:
        written: how many characters of printed text there were.
    """

    def __init__(self, label: str = "", *, aside: bool = False, silent: bool = False) -> None:
        self.written = 0
        self._label, self._aside, self._silent = label, aside, silent
        self._lock = threading.RLock()
        self._shown: Any = None  # the place in a notebook
        self._line = False  # whether a line stands in the terminal that will be rewritten
        self._last: dict[str, str] = {}

    def write(self, stream: str, text: str) -> None:
        """Show what was printed."""
        if self._silent:
            return
        with self._lock:
            self.written += len(text)
            self._wipe()
            _write("stderr" if self._aside else stream, text)

    def notice(self, text: str) -> None:
        """Say why it takes long."""
        if _in_kernel() or _in_terminal():
            self._show({"text/plain": text})
        elif not (self._aside or self._silent):
            _write("stderr", f"{text}\n")

    def progress(
        self, progress: Mapping[str, Any] | None, words: str = "", state: str = ""
    ) -> None:
        """Show how far it is.

        Args:
            progress: as the server tells it.
            words: what is said in place of what is being done.
            state: ``done``, ``failed`` or ``cancelled`` when it has ended.
        """
        fraction = progress.get("fraction") if progress else None
        words = words or said(progress)
        self._show(
            {
                "text/plain": as_text(self._label, fraction, words),
                "text/html": as_html(self._label, fraction, words, state),
            }
        )

    def unnotice(self) -> None:
        """Take a notice away; a bar stays."""
        if "text/html" not in self._last:
            self.clear()

    def clear(self) -> None:
        """Take everything away that is not printed text."""
        with self._lock:
            self._wipe()
            self._last = {}
            if self._shown is not None:
                self._shown.update({"text/plain": "", "text/html": ""}, raw=True)
                self._shown = None

    def keep(self) -> None:
        """Leave the last line where it is; what comes later goes below."""
        with self._lock:
            if self._line:
                self._line = False
                _write("stderr", "\n")
            self._shown, self._last = None, {}

    def _show(self, data: dict[str, str]) -> None:
        with self._lock:
            if self._silent or data == self._last:
                return
            if _in_kernel():
                self._last = data
                self._place(data)
            elif _in_terminal():
                self._last = data
                width = shutil.get_terminal_size().columns - 1
                _write("stderr", f"\r\x1b[K{data['text/plain'][:width]}")
                self._line = True

    def _place(self, data: dict[str, str]) -> None:
        if self._shown is None:
            from IPython.display import display

            self._shown = display(data, raw=True, display_id=True)  # type: ignore[no-untyped-call]
        else:
            self._shown.update(data, raw=True)

    def _wipe(self) -> None:
        if self._line:
            self._line, self._last = False, {}
            _write("stderr", "\r\x1b[K")


def _write(stream: str, text: str) -> None:
    # a stream that is closed or cannot take the text is no reason to lose the answer
    with contextlib.suppress(OSError, ValueError, AttributeError):
        out = sys.stderr if stream == "stderr" else sys.stdout
        out.write(text)
        out.flush()


def _in_kernel() -> bool:
    """Whether this runs in a notebook."""
    shell = getattr(sys.modules.get("IPython"), "get_ipython", lambda: None)()
    return getattr(shell, "kernel", None) is not None


def _in_terminal() -> bool:
    with contextlib.suppress(ValueError, AttributeError):
        return sys.stderr.isatty()
    return False
