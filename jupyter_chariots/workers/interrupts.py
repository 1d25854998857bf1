"""SIGINT in a child: it ends the user's code that is running, never the child itself."""

from __future__ import annotations

import signal
from types import FrameType

__all__ = ["Interrupts"]


class Interrupts:
    """Turns SIGINT into ``KeyboardInterrupt``, but only inside ``with interrupts:``.

    Only user code is put inside; a transaction of the store is never cut in two. A signal that
    comes while a request is answered outside of user code takes effect at the next ``with``.
    """

    def __init__(self) -> None:
        self._asked = False
        self._allowed = False

    def install(self) -> None:
        """Take over SIGINT, even where it was ignored when this process was started."""
        signal.signal(signal.SIGINT, self._received)

    def reset(self) -> None:
        """Forget signals of an earlier request."""
        self._asked = self._allowed = False

    def _received(self, signum: int, frame: FrameType | None) -> None:
        self._asked = True
        if self._allowed:
            raise KeyboardInterrupt

    def __enter__(self) -> None:
        if self._asked:
            raise KeyboardInterrupt
        self._allowed = True

    def __exit__(self, *_: object) -> None:
        self._allowed = False
