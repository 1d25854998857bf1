"""What fails again and again is tried less and less often."""

from __future__ import annotations

import asyncio
import math
from copy import copy

from ..errors import ChariotsError, Unavailable

__all__ = ["BackOff"]

_FIRST_DELAY = 0.5
_LONGEST_DELAY = 30.0


class BackOff:
    """When the next attempt may be, and why the last one failed.

    After one failure it may be at once; after each further one, with no success between them,
    0.5 s later, doubled each time up to 30 s.
    """

    def __init__(self) -> None:
        self.error: ChariotsError | None = None
        self._delay = self._not_before = 0.0

    @property
    def left(self) -> float:
        """Seconds until the next attempt."""
        return max(0.0, self._not_before - asyncio.get_running_loop().time())

    def failed(self, error: ChariotsError) -> None:
        """An attempt failed, or what had been achieved was lost."""
        self.error = error
        self._not_before = asyncio.get_running_loop().time() + self._delay
        self._delay = min(max(2 * self._delay, _FIRST_DELAY), _LONGEST_DELAY)

    def succeeded(self) -> None:
        """There was a success: the next failure counts as the first."""
        self._delay = 0.0

    def reset(self) -> None:
        """Something else is attempted from now on."""
        self.error, self._delay, self._not_before = None, 0.0, 0.0

    def check(self) -> None:
        """Whether an attempt may be made now.

        Raises:
            ChariotsError: it is too early; the error of the last attempt.
        """
        left = self.left
        if self.error is None or not left:
            return
        if not isinstance(self.error, Unavailable):
            raise copy(self.error)  # the kept one would grow by the frames of each raise
        raise Unavailable(
            f"{self.error.message} It is started again in {left:.1f} s at the earliest.",
            hint=self.error.hint,
            **{**self.error.details, "retry_after": math.ceil(left * 10) / 10},
        )
