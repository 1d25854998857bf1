"""What the background does again when it could not be done, for nobody else would."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from logging import Logger

from ..errors import BlobMissing, ChariotsError, NotTrusted, VersionError
from .threads import patiently

__all__ = ["Retries"]

_FINAL = (VersionError, NotTrusted, BlobMissing)
"""These stay as they are until something else is saved."""


class Retries:
    """Does one thing until it succeeds: less and less often, and at once when there is news.

    Args:
        trouble: what is told when it does not succeed.
        log: where that is told.

    Attributes:
        first_s: seconds until it is done for the second time; doubled each time.
        longest_s: the longest time between two attempts.
    """

    first_s = 1.0
    longest_s = 300.0

    def __init__(self, trouble: str, log: Logger) -> None:
        self._trouble, self._log = trouble, log
        self._news = asyncio.Event()

    def hurry(self) -> None:
        """There is news: it is done once more, and now."""
        self._news.set()

    async def run(self, work: Callable[[], Awaitable[None]]) -> None:
        """Await ``work()``, and again while it fails, unless only news can mend that."""
        delay = self.first_s
        while True:
            self._news.clear()
            if await self._ends(work, delay) and not self._news.is_set():
                return
            with contextlib.suppress(asyncio.TimeoutError):
                await asyncio.wait_for(self._news.wait(), delay)
            delay = self.first_s if self._news.is_set() else min(2 * delay, self.longest_s)

    async def _ends(self, work: Callable[[], Awaitable[None]], delay: float) -> bool:
        """Whether it succeeded, or failed so that only news can mend it."""
        try:
            await patiently(work, self._log)
        except _FINAL as error:
            self._log.warning("%s: %s", self._trouble, error)
        except ChariotsError as error:
            self._log.warning("%s: %s Again in %g s.", self._trouble, error.message, delay)
            return False
        except Exception:
            self._log.exception(self._trouble)
        return True
