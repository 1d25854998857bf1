"""Calls that are sent to a process together. The bodies are not looked into."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from itertools import accumulate
from typing import Any

from ..errors import ChariotsError, TimedOut, from_payload
from ..formats import Received
from .frames import Frame
from .process import Child, Hear

__all__ = ["CALL", "Batch", "Call"]

CALL = {"do": "call"}
_MOST_CALLS = 128
_MOST_BYTES = 1 << 20


class Call:
    """A call that has to wait.

    Args:
        header: of the request.
        body: bytes for the process.
        alone: the call must not be joined with others.
        hear: called with what it prints. What calls print that were joined stands in the log
            only: nobody can tell whose it is.
    """

    __slots__ = ("alone", "answer", "batch", "body", "header", "hear")

    def __init__(
        self, header: Mapping[str, Any], body: bytes, alone: bool, hear: Hear | None
    ) -> None:
        self.header, self.body, self.alone, self.hear = header, body, alone, hear
        self.answer: asyncio.Future[Frame] = asyncio.get_running_loop().create_future()
        self.batch: Batch | None = None

    def give(self, answer: Frame) -> None:
        """Answer it, if anybody waits."""
        if not self.answer.done():
            self.answer.set_result(answer)

    def refuse(self, error: ChariotsError) -> None:
        """Fail it, if anybody waits. Each call needs an error of its own."""
        if not self.answer.done():
            self.answer.set_exception(error)

    def abandon(self) -> None:
        """Nobody waits for the answer any more; interrupt it if it runs, unless others do too."""
        if self.batch:
            self.batch.abandon()


class Batch:
    """Calls that go to a process as one request: those that waited until it was idle.

    The process runs them as one where it can (:mod:`.joining`); if it finds that joining changes
    the answers, it says so.

    Args:
        calls: the calls, at least one.
        timeout: seconds that the run may take.
        on_warning: takes why these calls should not have been joined.
    """

    def __init__(
        self, calls: Sequence[Call], timeout: float | None, on_warning: Callable[[str], object]
    ) -> None:
        self._calls, self._timeout, self._on_warning = calls, timeout, on_warning
        self._child: Child
        self._sent: asyncio.Future[Frame]

    @staticmethod
    def may_have(calls: int, size: int) -> bool:
        """Whether one more call may go with so many, of so many bytes together with it."""
        return calls < _MOST_CALLS and size <= _MOST_BYTES

    def send(self, child: Child) -> None:
        """Send them to this process."""
        self._child = child
        first = self._calls[0]
        for call in self._calls:
            call.batch = self
        if len(self._calls) == 1:
            self._sent = child.post(
                first.header, first.body, timeout=self._timeout, hear=first.hear
            )
        else:
            header = {"do": "calls", "lengths": [len(call.body) for call in self._calls]}
            bodies = b"".join(call.body for call in self._calls)
            self._sent = child.post(header, bodies, timeout=self._timeout)
        self._sent.add_done_callback(self._answered)

    def abandon(self) -> None:
        """Interrupt the run if nobody waits for any of the answers."""
        if all(call.answer.done() for call in self._calls):
            self._child.outstanding.cancel(self._sent)

    def _answered(self, sent: asyncio.Future[Frame]) -> None:
        """Give each call its part of the answer."""
        try:
            header, body = sent.result()
        except TimedOut as error:
            if (
                len(self._calls) > 1 and self._child.alive
            ):  # one of them may have held up the others
                for call in self._calls:
                    if not call.answer.done():
                        Batch([call], self._timeout, self._on_warning).send(self._child)
            else:
                self._refuse(error)
            return
        except ChariotsError as error:
            self._refuse(error)
            return
        if len(self._calls) == 1:
            self._calls[0].give((header, body))
            return
        try:
            parts = self._parts(header, body)
        except (AttributeError, LookupError, TypeError, ValueError):
            self._child.kill()  # it does not keep to the protocol
            self._refuse(self._child.lost())
            return
        for call, part in zip(self._calls, parts, strict=True):
            if isinstance(part, ChariotsError):
                call.refuse(part)
            else:
                call.give(({}, part))
        if header.get("warning"):
            self._on_warning(str(header["warning"]))

    def _parts(self, header: Mapping[str, Any], body: Received) -> list[Received | ChariotsError]:
        """The answer of each call."""
        lengths, errors = header["lengths"], header["errors"] or {}
        if len(lengths) != len(self._calls) or sum(lengths) != len(body) or min(lengths) < 0:
            raise ValueError("answers are missing")
        ends = accumulate(lengths)
        return [
            from_payload(errors[str(index)]) if errors.get(str(index)) else body[end - length : end]
            for index, (length, end) in enumerate(zip(lengths, ends, strict=True))
        ]

    def _refuse(self, error: ChariotsError) -> None:
        for call in self._calls:
            call.refuse(from_payload(error.payload()))
