"""Ctrl-C while something is being waited for: a call ends with it, a job does not."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

from ..errors import ChariotsError, above_own_frames

__all__ = ["CallInterrupted", "WaitInterrupted", "interrupted"]

_SAID = {
    "cancelled": "The call was cancelled; nothing was saved.",
    "finished": "It was too late to cancel the call: its run had ended.",
    "unknown": "The call was cancelled before it began, or had ended.",
}


class _Interrupted(KeyboardInterrupt):
    """Ctrl-C while something of the server was being waited for."""

    def _render_traceback_(self) -> list[str]:
        """What IPython shows under a cell: the frames of the caller, without those in here."""
        from IPython.core.getipython import get_ipython

        shell: Any = get_ipython()
        shown = above_own_frames(self.__traceback__)
        return list(shell.InteractiveTB.structured_traceback(type(self), self, shown))


class CallInterrupted(_Interrupted):
    """Ctrl-C while a call was being waited for; the message says what became of the call."""


class WaitInterrupted(_Interrupted):
    """Ctrl-C while a job was being waited for, which goes on."""


def interrupted(cancel: Callable[[], str]) -> CallInterrupted:
    """Cancel a call.

    The request goes out in a thread of its own: it is sent even if another Ctrl-C ends the waiting
    for its answer.

    Args:
        cancel: does it, on a connection of its own, and gives the outcome: ``cancelled``,
            ``finished`` or ``unknown``.

    Returns:
        what to raise.
    """
    said: list[str] = []

    def work() -> None:
        try:
            said.append(_SAID[cancel()])
        except (ChariotsError, ValueError, KeyError) as error:
            said.append(f"Whether the call was cancelled is not known: {error}")

    thread = threading.Thread(target=work, name="cancel")
    thread.start()
    thread.join()
    return CallInterrupted(said[0])
