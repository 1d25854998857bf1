"""Keeps the processes that merely wait for calls few."""

from __future__ import annotations

import asyncio
from typing import Protocol

__all__ = ["Culled", "Warm"]


class Culled(Protocol):
    """The replicas of a pipeline, as far as this module has to know them.

    Attributes:
        wanted: number of processes.
        used: when the last call or the last start ended, by the clock of the loop.
    """

    wanted: int
    used: float

    @property
    def warm(self) -> bool:
        """Whether there are processes, or will be in a moment."""

    @property
    def idle(self) -> bool:
        """Whether they have nothing to do."""

    def cull(self) -> None:
        """End them; the next call starts them again."""


class Warm:
    """Ends the replicas of pipelines that are not called: after a while, or when room is needed.

    All replicas of a pipeline go together, never while they have calls. If all of them have, there
    are more than there should be for a while: no call is refused.

    Args:
        most: how many processes there should be at most, over all pipelines.
        idle_s: seconds without a call after which they end; 0 means never.
    """

    def __init__(self, most: int, idle_s: float) -> None:
        self.most = most
        self._idle_s = idle_s
        self._every_s = min(max(idle_s / 10, 0.02), 60.0)
        self._all: set[Culled] = set()
        self._timer: asyncio.TimerHandle | None = None

    def add(self, replicas: Culled) -> None:
        """Look after these, too."""
        self._all.add(replicas)
        if self._idle_s and self._timer is None:
            self._wait()

    def discard(self, replicas: Culled) -> None:
        """Look after these no more."""
        self._all.discard(replicas)
        if self._timer and not self._all:
            self._timer.cancel()
            self._timer = None

    def make_room(self, needed: Culled) -> None:
        """End others, those first that were not called for the longest time."""
        others = [one for one in self._all if one.warm and one is not needed]
        too_many = needed.wanted + sum(one.wanted for one in others) - self.most
        for one in sorted(others, key=lambda one: one.used):
            if too_many > 0 and one.idle:
                too_many -= one.wanted
                one.cull()

    def look(self) -> None:
        """End those that have been idle for long enough; called again and again."""
        latest = asyncio.get_running_loop().time() - self._idle_s
        for one in self._all:
            if one.warm and one.idle and one.used < latest:
                one.cull()

    def _wait(self) -> None:
        self._timer = asyncio.get_running_loop().call_later(self._every_s, self._go_on)

    def _go_on(self) -> None:
        self.look()
        self._wait()
