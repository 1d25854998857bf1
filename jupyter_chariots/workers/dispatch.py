"""Which process answers which call: the first one that is free."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

from ..errors import ChariotsError
from .batching import Batch, Call
from .frames import Frame
from .process import Child, Hear

__all__ = ["Dispatcher"]

_SHORT_S = 0.005
_MOST_AHEAD = 8
"""Where there is one process only, calls may wait in the process for those before them, if all of
these together take less than this, and so many at the most. That saves the way from there to here
and back; and what comes together on a socket is read and answered together: with 32 connections,
this process has a third less work for a call than where one may wait."""


class Dispatcher:
    """Gives each call to a process that is idle; where none is, calls wait here, in order.

    So the death of a process costs the calls that it was running and no others, and none waits
    behind a long one while a process is idle.

    Args:
        timeout: seconds that a call may take, not counting the time that it waits.
        joins: calls that wait go together, as one run, where that gives the same answers.
        on_batch: called with the number of calls that were sent together, if ``joins``.
        on_warning: called when joining was switched off; ``warning`` says why.
    """

    def __init__(
        self,
        timeout: float | None,
        *,
        joins: bool = False,
        on_batch: Callable[[int], object] | None = None,
        on_warning: Callable[[], object] | None = None,
    ) -> None:
        self.warning: str | None = None
        self.children: list[Child] = []
        self._timeout, self._joins = timeout, joins
        self._on_batch = on_batch if joins else None
        self._on_warning = on_warning
        self._waiting: deque[Call] = deque()

    def use(self, children: Sequence[Child]) -> None:
        """Give calls to these processes from now on; the others keep those that they have."""
        for child in self.children:
            child.on_answer = None
        self.children = list(children)
        for child in self.children:
            child.on_answer = self._go_on
        self._go_on()

    @property
    def ready(self) -> bool:
        """Whether there is a process."""
        return any(child.alive for child in self.children)

    def refuse(self, error: Callable[[], ChariotsError]) -> None:
        """Refuse the calls that wait, each with an error of its own."""
        while self._waiting:
            self._waiting.popleft().refuse(error())

    async def call(
        self,
        header: Mapping[str, Any],
        body: bytes,
        *,
        alone: bool = False,
        hear: Hear | None = None,
    ) -> Frame:
        """Let a process answer a call; cancelling this cancels the call.

        Args:
            header: of the request.
            body: bytes for the process; not looked into here.
            alone: the call must not be joined with others.
            hear: called with what it prints, unless it is joined with others.

        Raises:
            WorkerLost: the process died; with ``begun=False`` in its details the call has not
                reached any.
            Cancelled: it was cancelled while it ran.
            ChariotsError: as ``Child.run`` does.
        """
        if not self._waiting and (child := self._free()):
            self._sends(1)
            return await child.run(header, body, timeout=self._timeout, hear=hear)
        call = Call(header, body, alone, hear)
        self._waiting.append(call)
        try:
            return await call.answer
        except asyncio.CancelledError:
            call.abandon()
            raise

    def _free(self) -> Child | None:
        """A process that a call may be sent to now."""
        for child in self.children:
            if child.alive and not child.busy:
                return child
        if len(self.children) == 1 and not self._joins:
            (child,) = self.children
            ahead = len(child.outstanding)
            quick = child.outstanding.is_quicker_than(_SHORT_S / max(1, ahead))
            if child.alive and ahead < _MOST_AHEAD and quick:
                return child
        return None

    def _go_on(self, ended: Child | None = None) -> None:
        """A process has answered or has ended, or there are other ones."""
        while self._waiting and (child := self._free()):
            calls = self._next()
            if calls:
                self._sends(len(calls))
                Batch(calls, self._timeout, self._warn).send(child)
        if ended and not self.ready:
            self.refuse(partial(ended.lost, begun=False))

    def _next(self) -> list[Call]:
        """The calls that go now; nobody waits any more for the answers to some of them."""
        calls: list[Call] = []
        size = 0
        while self._waiting:
            call = self._waiting[0]
            size += len(call.body)
            joins = self._joins and self.warning is None and not call.alone
            if calls and not (joins and not calls[0].alone and Batch.may_have(len(calls), size)):
                break
            self._waiting.popleft()
            if not call.answer.done():
                calls.append(call)
        return calls

    def _sends(self, calls: int) -> None:
        if self._on_batch:
            self._on_batch(calls)

    def _warn(self, warning: str) -> None:
        if self.warning is None:
            self.warning = warning
            if self._on_warning:
                self._on_warning()
