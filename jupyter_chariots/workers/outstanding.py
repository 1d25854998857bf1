"""The requests that a child has not answered yet, on the server's side: their order and their ends.

:mod:`.requests` is the child's side of it.
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable
from dataclasses import dataclass

from ..errors import Cancelled, ChariotsError, TimedOut, WorkerLost, from_payload
from .descendants import GRACE
from .frames import Frame, FrameError

__all__ = ["Hear", "Outstanding"]


Hear = Callable[[bytes], object]
"""Takes what a request prints, as lines of JSON, while it runs."""


@dataclass
class _Request:
    answer: asyncio.Future[Frame]
    timeout: float | None
    hear: Hear | None
    ended: ChariotsError | None = None  # why it was interrupted, if it was


class Outstanding:
    """The requests that a child is to answer, by number, in order.

    It runs one after the other, so only the first one can take too long. That one is interrupted
    then, and what does not end 2 s after it was interrupted, dies with the process.

    Args:
        label: what the child is for, in messages.
        interrupt: ends the request of this number.
        kill: ends the process.

    Attributes:
        took: seconds that the last request took that was answered.
    """

    def __init__(
        self, label: str, interrupt: Callable[[int], object], kill: Callable[[], object]
    ) -> None:
        self.took = math.inf
        self._label, self._interrupt, self._kill = label, interrupt, kill
        self._loop = asyncio.get_running_loop()
        self._requests: dict[int, _Request] = {}
        self._last = 0
        self._since = 0.0
        self._timer: asyncio.TimerHandle | None = None

    def __len__(self) -> int:
        return len(self._requests)

    @property
    def first(self) -> int | None:
        """The number of the one that is being run."""
        return next(iter(self._requests), None)

    def is_quicker_than(self, seconds: float) -> bool:
        """Whether the last request took less than this, and the one that runs has not either."""
        return self.took < seconds and self._loop.time() - self._since < seconds

    def add(self, timeout: float | None, hear: Hear | None) -> tuple[int, asyncio.Future[Frame]]:
        """One more, behind the others.

        Args:
            timeout: seconds that it may run.
            hear: called with what it prints.

        Returns:
            its number, and the answer to come.
        """
        answer: asyncio.Future[Frame] = self._loop.create_future()
        self._last += 1
        if not self._requests:
            self._since = self._loop.time()
        self._requests[self._last] = _Request(answer, timeout, hear)
        self._watch()
        return self._last, answer

    async def answered(self) -> None:
        """Return when all that are here now have been answered."""
        if self._requests:
            await asyncio.wait([request.answer for request in self._requests.values()])

    def cancel(self, answer: asyncio.Future[Frame]) -> asyncio.Future[Frame]:
        """Interrupt a request; kill the process if it has not ended 2 s later.

        Args:
            answer: what ``add`` gave; it may have been cancelled.

        Returns:
            the answer, still to come.
        """
        found = next((no for no, one in self._requests.items() if one.answer is answer), None)
        if found is None:
            if answer.cancelled():
                raise asyncio.CancelledError
            return answer  # it came just now
        request = self._requests[found]
        if answer.done():
            request.answer = self._loop.create_future()
        if request.ended is None:
            request.ended = Cancelled(
                f"The run of {self._label!r} was cancelled; nothing was saved.",
                pipeline=self._label,
            )
            request.timeout = self._loop.time() - self._since if found == self.first else 0.0
            self._watch()
            self._interrupt(found)
        return request.answer

    # -- what the child says --------------------------------------------------------------------

    def take(self, frame: Frame) -> None:
        """Give an answer, or what a request has printed, to those who wait for it.

        Raises:
            FrameError: it is neither, or no such request was made.
        """
        number, error = frame[0].get("id"), frame[0].get("error")
        if type(number) is not int or not isinstance(error, dict | None):
            raise FrameError("an answer that is none")
        if "note" in frame[0]:
            self._note(self._requests.get(number), frame)
            return
        request = self._requests.pop(number, None)
        if request is None:
            raise FrameError(f"an answer to request {number}, which was not made")
        now = self._loop.time()
        self.took, self._since = now - self._since, now
        self._watch()
        self._settle(request, frame)

    def lose(self, lost: Callable[[bool], WorkerLost]) -> None:
        """None of them is answered any more.

        Args:
            lost: makes the error; is told whether the request may have begun to run.
        """
        if self._timer:
            self._timer.cancel()
        for place, request in enumerate(self._requests.values()):
            if not request.answer.done():
                request.answer.set_exception(request.ended or lost(place == 0))
        self._requests.clear()

    def _note(self, request: _Request | None, frame: Frame) -> None:
        # threads of user code may be late
        if request and request.hear and not request.answer.done():
            request.hear(bytes(frame[1]))

    def _settle(self, request: _Request, frame: Frame) -> None:
        if request.answer.done():
            return
        error = frame[0].get("error")
        if error is None:
            request.answer.set_result(frame)
        elif request.ended and error.get("interrupted"):
            request.answer.set_exception(request.ended)
        else:
            request.answer.set_exception(from_payload(error))

    # -- time-outs ------------------------------------------------------------------------------

    def _watch(self) -> None:
        """See to it that the first request, which is being run, takes no longer than it may."""
        due = self._due()
        if due is not None and (self._timer is None or self._timer.when() > due):
            if self._timer:
                self._timer.cancel()
            self._timer = self._loop.call_at(due, self._look)

    def _look(self) -> None:
        self._timer = None
        due = self._due()
        if due is None or self._loop.time() < due:
            self._watch()  # another request is the first one by now
            return
        number, request = next(iter(self._requests.items()))
        if request.ended:
            self._kill()
        else:
            request.ended = self._too_long(request)
            self._interrupt(number)
            self._watch()

    def _due(self) -> float | None:
        """When the first request is to be interrupted, or, if it has been, killed."""
        request = next(iter(self._requests.values()), None)
        if request is None or request.timeout is None:
            return None
        return self._since + request.timeout + (GRACE if request.ended else 0.0)

    def _too_long(self, request: _Request) -> TimedOut:
        return TimedOut(
            f"{self._label!r} took longer than {request.timeout:g} s and was ended.",
            hint="Make it faster, or give it more time in the configuration of the server.",
            pipeline=self._label,
        )
