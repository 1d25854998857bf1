"""Keeping the lease of a job while another process runs it."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import Callable, Mapping
from logging import Logger
from typing import Any

from ...errors import ChariotsError, LeaseLost
from ...op_store.records import Lease
from .patience import insist
from .protocol import Door

__all__ = ["Keeper"]

_TOLD_EVERY_S = 0.25
_MOST = 256 << 10  # characters of output that wait for the server; older ones are left out


class Keeper:
    """Renews a lease, and tells with it how far the job is and what it prints.

    It belongs to the event loop of a process that runs no user code: that would keep it from
    renewing for as long as C code holds the GIL. While the server is not reached it goes on trying.

    Args:
        door: the server.
        lease: of the attempt.
        lease_s: its length in seconds; it is renewed every fifth of that.
        pipeline: whose job it is.
        stop: called, once, if the job shall not go on here.
        log: where trouble is told.

    Attributes:
        lost: whether the job was taken from this worker.
        cancelled: whether it was cancelled.
        turn_of: the pipeline whose turn goes with the lease, if its runs follow one another.
    """

    def __init__(
        self,
        door: Door,
        lease: Lease,
        lease_s: float,
        pipeline: str,
        stop: Callable[[], object],
        log: Logger,
    ) -> None:
        self.lost = self.cancelled = False
        self.turn_of: str | None = None
        self._door, self._lease, self._lease_s = door, lease, lease_s
        self._pipeline = pipeline
        self._stop, self._log = stop, log
        self._progress: Mapping[str, Any] | None = None
        self._output = ""
        self._news = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    def hear(self, line: bytes) -> None:
        """Take a note of the process that runs the job: output, or progress."""
        note = json.loads(line)
        if "progress" in note:
            self._progress = note["progress"]
        elif note.get("text"):
            self.say(note["text"])
        self._news.set()

    def say(self, text: str) -> None:
        """Put something into the log of the job."""
        self._output = (self._output + text)[-_MOST:]
        self._news.set()

    async def __aenter__(self) -> Keeper:
        self._task = asyncio.create_task(self._keep())
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._task is not None
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)

    @property
    def about(self) -> dict[str, Any]:
        """What goes with each renewal."""
        return {"pipeline": self._pipeline, "turn_of": self.turn_of, "lease_s": self._lease_s}

    def rest(self) -> dict[str, Any]:
        """Progress and output that the server was not told yet."""
        progress, self._progress = self._progress, None
        output, self._output = self._output, ""
        said: dict[str, Any] = {}
        if progress is not None:
            said["progress"] = progress
        if output:
            said["output"] = output
        return said

    async def _keep(self) -> None:
        every_s = self._lease_s / 5
        while not (self.lost or self.cancelled):
            with contextlib.suppress(asyncio.TimeoutError):
                await asyncio.wait_for(self._news.wait(), every_s)
                await asyncio.sleep(_TOLD_EVERY_S)  # what comes meanwhile goes together
            self._news.clear()
            said = {**self.rest(), **self.about}

            def renew(said: Mapping[str, Any] = said) -> Mapping[str, Any]:
                return self._door.renew(self._lease, said)

            try:
                # a server that is back looks at the lease for its length, and no longer
                what = "renewing the lease"
                answer = await insist(renew, self._log, what, longest_s=every_s)
            except LeaseLost:
                answer = {"held": False}
            except ChariotsError as error:
                self._log.warning("The lease cannot be renewed: %s", error)
                self._news.clear()
                continue
            self.lost, self.cancelled = not answer["held"], bool(answer.get("cancel"))
        self._stop()
