"""SIGINT in a child: it ends the user's code that is running, never the child itself."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from types import FrameType

__all__ = ["Interrupts"]


class Interrupts:
    """Turns SIGINT into ``KeyboardInterrupt``, but only inside ``with interrupts:``.

    Only user code is put inside; a transaction of the store is never cut in two. A signal that
    comes outside of user code takes effect at the next ``with``.

    Args:
        meant: asked then whether what is being done now is meant; a signal alone does not say so,
            and may be late.
    """

    def __init__(self, meant: Callable[[], bool] = lambda: True) -> None:
        self._meant = meant
        self._asked = False
        self._allowed = False
        self._pid = os.getpid()

    def install(self) -> None:
        """Take over SIGINT, even where it was ignored when this process was started."""
        signal.signal(signal.SIGINT, self._received)

    def ask(self) -> None:
        """Look at the next ``with`` whether it is meant, as if a signal had come."""
        self._asked = True

    def forbid(self) -> None:
        """Leave what was entered: a signal may have come before ``with`` could see to that."""
        self._allowed = False

    def _received(self, signum: int, frame: FrameType | None) -> None:
        if os.getpid() != self._pid:  # a process that user code has forked
            raise KeyboardInterrupt
        self._asked = True
        if self._allowed:
            self._look()

    def _look(self) -> None:
        self._asked = False
        if self._meant():
            raise KeyboardInterrupt

    def __enter__(self) -> None:
        if self._asked:
            self._look()
        self._allowed = True
        if self._asked:  # it came between the two
            self._look()

    def __exit__(self, *_: object) -> None:
        self._allowed = False
