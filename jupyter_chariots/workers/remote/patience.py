"""Requests that are sent again until the server has answered."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable
from logging import Logger
from typing import TypeVar

from ...errors import ChariotsError, ServerNotFound, StoreBusy, TimedOut, Unavailable

__all__ = ["in_thread", "insist", "insist_here", "is_unheard"]

T = TypeVar("T")

_FIRST_S, _LONGEST_S = 0.25, 5.0


async def in_thread(call: Callable[[], T]) -> T:
    """Await ``call()`` in a thread that nobody waits for when the program ends.

    A request to a server that does not answer would else hold it up.
    """
    loop = asyncio.get_running_loop()
    done: asyncio.Future[T] = loop.create_future()

    def tell(result: T | None, error: BaseException | None) -> None:
        if done.cancelled():
            return
        if error is None:
            done.set_result(result)  # type: ignore[arg-type]
        else:
            done.set_exception(error)

    def run() -> None:
        result, failure = None, None
        try:
            result = call()
        except BaseException as error:
            failure = error
        try:
            loop.call_soon_threadsafe(tell, result, failure)
        except RuntimeError:  # the loop is closed
            return

    threading.Thread(target=run, daemon=True).start()
    return await done


def is_unheard(error: ChariotsError) -> bool:
    """Whether the same request may succeed later."""
    unheard = (Unavailable, TimedOut, ServerNotFound, StoreBusy)
    return isinstance(error, unheard)


async def insist(
    call: Callable[[], T],
    log: Logger,
    what: str,
    within_s: float | None = None,
    longest_s: float = _LONGEST_S,
) -> T:
    """Await ``call()``, again and again while the server is not reached, with growing pauses.

    Args:
        call: one request.
        log: is told once that it is not reached, and once that it is again.
        what: the request, in words.
        within_s: give up after so many seconds.
        longest_s: the longest of the pauses.

    Raises:
        ChariotsError: what the server answered; or, after that time, why it was not reached.
    """
    loop = asyncio.get_running_loop()
    since, pause = loop.time(), _FIRST_S
    told = False
    while True:
        try:
            answer = await in_thread(call)
        except ChariotsError as error:
            over = within_s is not None and loop.time() - since >= within_s
            if over or not is_unheard(error):
                raise
            if not told:
                log.warning("The server is not reached (%s): %s", what, error.message)
                told = True
            await asyncio.sleep(min(pause, longest_s))
            pause = min(2 * pause, _LONGEST_S)
            continue
        if told:
            log.warning("The server is reached again (%s).", what)
        return answer


def insist_here(call: Callable[[], T], log: Logger, what: str, over: Callable[[], bool]) -> T:
    """As :func:`insist`, in this thread, until nobody wants the answer any more.

    Args:
        call: one request.
        log: is told that it is not reached.
        what: the request, in words.
        over: whether nobody wants it any more.

    Raises:
        ChariotsError: what the server answered; or why it was not reached.
    """
    pause = _FIRST_S
    while True:
        try:
            return call()
        except ChariotsError as error:
            if over() or not is_unheard(error):
                raise
            if pause == _FIRST_S:
                log.warning("The server is not reached (%s): %s", what, error.message)
        time.sleep(pause)
        pause = min(2 * pause, _LONGEST_S)
