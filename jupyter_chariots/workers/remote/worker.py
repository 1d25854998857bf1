"""A worker on another machine: claims jobs from a server, one after the other."""

from __future__ import annotations

import asyncio
import contextlib
import os
import platform
import secrets
import signal
import socket
import sys
import threading
from collections.abc import Callable
from dataclasses import dataclass
from logging import Logger
from typing import Any

from ...errors import StoreError, Unavailable
from .attempt import Attempt, CannotOpen
from .patience import in_thread, insist
from .protocol import LEASE_S, Door, Wanted
from .scratch import Scratch

__all__ = ["Limits", "RemoteWorker", "default_name"]

_POLL_S = 20.0
_FIRST_S = 5.0  # a wrong address is told soon


def default_name() -> str:
    """Where this process is: host and process id."""
    return f"{socket.gethostname()}:{os.getpid()}"


@dataclass(frozen=True)
class Limits:
    """When a worker ends by itself.

    Attributes:
        jobs: after so many jobs; ``None``: never.
        idle_s: after so many seconds without a job; ``None``: never.
        patience_s: after so many seconds without an answer of the server, while it has no job;
            ``None``: never.
        attached: when its standard input ends, as by SIGTERM: whoever started it is gone.
    """

    jobs: int | None = None
    idle_s: float | None = None
    patience_s: float | None = None
    attached: bool = False


class RemoteWorker:
    """Runs jobs of a server without sight of its store. This process runs no user code.

    Args:
        door: the server.
        name: who it is, for people to read.
        pipelines: only jobs of these; ``None``: of all.
        lease_s: seconds of silence after which the server gives its job to others.
        limits: when it ends by itself.
        log: where it tells what it does.
    """

    def __init__(
        self,
        door: Door,
        log: Logger,
        *,
        name: str | None = None,
        pipelines: tuple[str, ...] | None = None,
        lease_s: float = LEASE_S,
        limits: Limits | None = None,
    ) -> None:
        self._door, self._log = door, log
        self._name, self._pipelines, self._lease_s = name or default_name(), pipelines, lease_s
        self._limits = limits or Limits()
        self._refused: dict[str, str] = {}
        self._told: set[str] = set()
        self._working: asyncio.Task[Any] | None = None
        self._ending, self._idle, self._answered = False, True, False
        self.done = 0

    async def run(self) -> int:
        """Work until there is a reason to end; gives how many jobs it had.

        SIGTERM hands a job back that is under way, SIGINT lets it end; a second SIGINT hands back.

        Raises:
            AccessDenied: the server does not let this worker in.
            ServerNotFound, Unavailable: there is no server, and this worker has no more patience.
        """
        loop = asyncio.get_running_loop()
        self._working = asyncio.current_task()
        for number, stop in ((signal.SIGTERM, self.stop), (signal.SIGINT, self.end)):
            if os.name == "posix":
                loop.add_signal_handler(number, stop)
        if self._limits.attached:
            threading.Thread(target=_at_end_of_input, args=(loop, self.stop), daemon=True).start()
        scratch = await in_thread(Scratch)
        try:
            await self._work(scratch)
        except asyncio.CancelledError:
            if not self._ending:
                raise
        finally:
            await asyncio.shield(scratch.close())
        return self.done

    def end(self) -> None:
        """Take no more jobs; asked a second time, end at once."""
        if self._ending or self._idle:
            self.stop()
        else:
            self._log.warning("This worker ends after its job; once more ends it now.")
            self._ending = True

    def stop(self) -> None:
        """End now; a job that is under way is handed back."""
        self._ending = True
        if self._working is not None:
            self._working.cancel()

    async def _work(self, scratch: Scratch) -> None:
        loop = asyncio.get_running_loop()
        since = loop.time()
        while not self._ending and self.done != self._limits.jobs:
            idle_s = self._limits.idle_s
            left = _POLL_S if idle_s is None else idle_s - (loop.time() - since)
            if left <= 0:
                self._log.info("No job for %g s: this worker ends.", idle_s)
                return
            claimed = await self._claim(min(left, _POLL_S))
            if claimed is None:
                continue
            self._idle = False
            try:
                await self._attempt(scratch, claimed)
            finally:
                self._idle = True
            since = loop.time()

    async def _claim(self, wait: float) -> Any:
        token = secrets.token_hex(16)  # the same one if the answer is lost: no job is
        wanted = Wanted(
            self._name,
            "{}.{}".format(*sys.version_info),
            self._pipelines,
            tuple(self._refused.items()),
            self._lease_s,
        )

        def claim() -> Any:
            try:
                return self._door.claim(wanted, token, wait)
            except StoreError as error:  # of the server; it may be better later
                raise Unavailable(error.message, hint=error.hint) from None

        answer = await insist(
            claim,
            self._log,
            "asking for a job",
            self._limits.patience_s if self._answered else _FIRST_S,
        )
        self._answered = True
        for pipeline, python in answer["other_python"].items():
            self._once(
                f"Pipeline {pipeline!r} was defined with Python {python}, and this is "
                f"{platform.python_version()}: its jobs are left to other workers."
            )
        return answer["job"]

    async def _attempt(self, scratch: Scratch, claimed: dict[str, Any]) -> None:
        name = f"Job {claimed['id']} of pipeline {claimed['pipeline']!r}"
        self._log.info("%s: attempt %d.", name, claimed["attempts"])
        attempt = Attempt(self._door, scratch, claimed, self._lease_s, self._log)
        try:
            self._log.info("%s %s.", name, (await attempt.run()).rstrip("."))
            self.done += 1
        except CannotOpen as refusal:
            self._refused[refusal.pipeline] = refusal.digest
            self._once(
                f"Pipeline {refusal.pipeline!r} cannot be opened here; its jobs are left to other "
                f"workers. {refusal.error}"
            )

    def _once(self, text: str) -> None:
        if text not in self._told:
            self._told.add(text)
            self._log.warning("%s", text)


def _at_end_of_input(loop: asyncio.AbstractEventLoop, stop: Callable[[], object]) -> None:
    while os.read(0, 1 << 10):
        continue
    with contextlib.suppress(RuntimeError):  # the loop is closed
        loop.call_soon_threadsafe(stop)
