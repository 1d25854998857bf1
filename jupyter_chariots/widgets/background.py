"""What the panel does aside, so that the kernel stays free."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from typing import TypeVar

from ..errors import ChariotsError

__all__ = ["Background"]

Result = TypeVar("Result")


class Background:
    """Carries things out in threads, and goes on with what came of them on the kernel's loop.

    Widgets are changed on that loop only.

    Args:
        loop: of the kernel.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop

    def do(
        self, work: Callable[[], Result], then: Callable[[Result | ChariotsError], None]
    ) -> None:
        """Do ``work`` in a thread; then call ``then`` with what it gave, or with its error."""

        def run() -> None:
            result: Result | ChariotsError
            try:
                result = work()
            except ChariotsError as error:
                result = error
            except Exception as error:  # a defect; silence would leave the button pressed
                result = ChariotsError(f"{type(error).__name__}: {error}")
            self.on_loop(lambda: then(result))

        # a daemon: a training that somebody waits for here does not keep the kernel alive
        threading.Thread(target=run, name="chariots-panel-action", daemon=True).start()

    def on_loop(self, then: Callable[[], None]) -> bool:
        """Call this on the loop; whether there still is one."""
        try:
            self._loop.call_soon_threadsafe(then)
        except RuntimeError:
            return False
        return True

    def later(self, seconds: float, then: Callable[[], None]) -> None:
        """Call this on the loop after a while."""
        self._loop.call_later(seconds, then)
