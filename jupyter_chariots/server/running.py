"""The calls that are under way, to be cancelled by the ids that their clients gave them."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Iterator

from tornado import web

from ..errors import Cancelled
from ..workers.descendants import GRACE
from .base import PIPELINES, ChariotsHandler, authorized
from .calling import Calling

__all__ = ["CallHandler", "Running"]

_REMEMBERED_S = 60.0
_LONGEST_ID = 64


class Running:
    """Calls by id. An id that is cancelled before its call has come is remembered for a minute."""

    def __init__(self) -> None:
        self._calls: dict[str, Calling] = {}
        self._ended: dict[str, asyncio.Event] = {}
        self._early: dict[tuple[str, str], asyncio.TimerHandle] = {}

    @contextlib.contextmanager
    def entered(self, call_id: str, call: Calling) -> Iterator[None]:
        """Have the call known as long as it runs.

        Raises:
            Cancelled: it was cancelled before it came.
        """
        if self._early and (call_id, call.who) in self._early:
            raise Cancelled("The call was cancelled before it began.")
        self._calls[call_id] = call
        try:
            yield
        finally:
            if self._calls.get(call_id) is call:
                del self._calls[call_id]
            if self._ended and call_id in self._ended:
                self._ended.pop(call_id).set()

    async def cancel(self, call_id: str, who: str) -> str:
        """End a call and wait until it has.

        Args:
            call_id: as the client gave it.
            who: the user; it has to be the one who called.

        Returns:
            ``cancelled``; ``finished``, if it was too late for that; ``unknown``, if there is no
            such call: it has ended, or will not begin if it is still on its way.
        """
        call = self._calls.get(call_id)
        if call is None or call.who != who:
            if len(call_id) <= _LONGEST_ID:
                loop, key = asyncio.get_running_loop(), (call_id, who)
                if key in self._early:
                    self._early[key].cancel()
                self._early[key] = loop.call_later(_REMEMBERED_S, self._early.pop, key, None)
            return "unknown"
        ended = self._ended.setdefault(call_id, asyncio.Event())
        call.cancel()
        with contextlib.suppress(asyncio.TimeoutError):  # its process is killed before that
            await asyncio.wait_for(ended.wait(), 5 * GRACE)
        return "cancelled" if call.cancelled else "finished"


class CallHandler(ChariotsHandler):
    """A call that is under way."""

    @web.authenticated
    @authorized("execute", resource=PIPELINES)
    async def delete(self, call_id: str) -> None:
        """End it; what it has done so far is not kept."""
        self.answer({"outcome": await self.app.running.cancel(call_id, self.who)})
