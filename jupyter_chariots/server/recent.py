"""How often a pipeline was called in the last minute, and how long that took."""

from __future__ import annotations

import math
import time
from array import array
from collections.abc import Callable
from typing import Any

__all__ = ["Recent"]

_WINDOW_S = 60
_KEPT = 1024


class Recent:
    """A window over the calls of the last minute.

    Nothing is allocated for a call: the counts are kept by second, the durations in a ring of the
    last 1024 calls. Percentiles are worked out when they are asked for.

    Args:
        clock: gives the time in seconds.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._since = clock()
        self._seconds = array("q", [-1]) * _WINDOW_S  # the second that a count belongs to
        self._counts = array("q", [0]) * _WINDOW_S
        self._at = array("d", [float("-inf")]) * _KEPT
        self._took = array("d", [0.0]) * _KEPT
        self._next = 0

    def add(self, seconds: float) -> None:
        """A call that took so long was answered just now."""
        now = self._clock()
        second = int(now)
        place = second % _WINDOW_S
        if self._seconds[place] != second:
            self._seconds[place], self._counts[place] = second, 0
        self._counts[place] += 1
        self._at[self._next], self._took[self._next] = now, seconds
        self._next = (self._next + 1) % _KEPT

    def view(self) -> dict[str, Any]:
        """Calls a second, and the median and 99th percentile of their seconds."""
        now = self._clock()
        first = int(now) - _WINDOW_S
        pairs = zip(self._seconds, self._counts, strict=True)
        count = sum(calls for second, calls in pairs if second > first)
        over = min(max(now - self._since, 1.0), float(_WINDOW_S))
        recent = zip(self._at, self._took, strict=True)
        took = sorted(seconds for at, seconds in recent if at > now - _WINDOW_S)
        return {
            "rate": round(count / over, 3),
            "p50": _percentile(took, 0.50),
            "p99": _percentile(took, 0.99),
            "window": _WINDOW_S,
        }


def _percentile(ordered: list[float], part: float) -> float | None:
    """The smallest value that at least this part of all is not above."""
    if not ordered:
        return None
    return round(ordered[max(math.ceil(part * len(ordered)) - 1, 0)], 6)
