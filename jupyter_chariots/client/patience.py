"""Calls that the server could not carry out just now."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

from ..errors import ServerNotFound, Unavailable, WorkerLost

__all__ = ["patiently", "through_restarts"]

_LONGEST_S = 5.0
_RESTART_S = 60.0

Result = TypeVar("Result")


def patiently(call: Callable[[], Result]) -> Result:
    """Make a call, again where the server says how soon, with waits of 5 s in all at most.

    It says so of calls that were not begun, and of those that were lost with their process and
    change nothing. What is lost twice may well be what ends its process.

    Raises:
        Unavailable: it is not possible yet.
        WorkerLost: it was lost, twice if it may be repeated.
    """
    left_s = _LONGEST_S
    lost = False
    while True:
        try:
            return call()
        except (Unavailable, WorkerLost) as error:
            wait = error.details.get("retry_after")
            again = isinstance(error, WorkerLost)
            if wait is None or (again and lost) or wait > left_s:
                raise
            lost = lost or again
            left_s -= wait
            time.sleep(wait)


def through_restarts(call: Callable[[], Result]) -> Result:
    """Make a call that changes nothing, again if the server is away for a moment, 60 s at most.

    Raises:
        ServerNotFound: it does not come back.
        Unavailable: it is there, and cannot answer.
    """
    until, pause = time.monotonic() + _RESTART_S, 0.1
    while True:
        try:
            return call()
        except (ServerNotFound, Unavailable):
            if time.monotonic() + pause > until:
                raise
            time.sleep(pause)
            pause = min(1.5 * pause, 3.0)
