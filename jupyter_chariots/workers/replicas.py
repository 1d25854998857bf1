"""The processes that answer the calls of one pipeline on its served set; they change nothing."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from copy import copy
from typing import Literal

from ..errors import ChariotsError, NotLoaded, Unavailable
from ..op_store.records import Choice, Definition, Served
from .frames import Frame
from .launcher import Launcher
from .process import Child
from .retiring import Retiring
from .tasks import Tasks

__all__ = ["Replicas", "State"]

State = Literal["cold", "starting", "ready", "failed"]

_FIRST_DELAY = 0.5
_LONGEST_DELAY = 30.0
_CALL = {"do": "call"}


class Replicas:
    """Answers the calls of one pipeline; one process, started when it is first needed.

    A process that died is started again by the next call; one that dies again and again, or does
    not start, is left alone for a while (0.5 s, doubled each time up to 30 s; a call that
    succeeds ends that), and calls get the reason at once.

    Args:
        definition: the pipeline, as registered.
        served: what it serves; ``None`` while nothing is loaded.
        launcher: how its process is started.
        on_state: called after each change of ``state``.
    """

    def __init__(
        self,
        definition: Definition,
        served: Choice | Served | None,
        launcher: Launcher,
        on_state: Callable[[Replicas], None] | None = None,
    ) -> None:
        self.definition, self.served = definition, served
        self.state: State = "cold"
        self.reason: str | None = None
        self.restarts = 0
        self._launcher, self._on_state = launcher, on_state
        self._child: Child | None = None
        self._error: ChariotsError | None = None
        self._delay = 0.0
        self._not_before = 0.0
        self._changing = asyncio.Lock()
        self._tasks, self._retiring = Tasks(), Retiring()
        self._closed = False

    @property
    def pids(self) -> list[int]:
        """Ids of the processes that answer calls now."""
        return [self._child.pid] if self._child and self._child.alive else []

    async def call(self, body: bytes) -> Frame:
        """Run the pipeline on the served set.

        Args:
            body: of the request, JSON; passed on as it is.

        Returns:
            a header, and the complete body of the answer.

        Raises:
            NotLoaded: nothing is loaded.
            WorkerLost: the process died in this call.
            Unavailable: it died, or did not start, a moment ago.
            TimedOut: the call took longer than it may.
            ChariotsError: what the child answered.
        """
        # looked up again after each wait: meanwhile another one may have taken its place
        while not ((child := self._child) and child.alive):
            await self._tasks.finish(self._start())
        answer = await child.request(_CALL, body, timeout=self._launcher.call_timeout)
        self._delay = 0.0
        return answer

    async def switch(
        self, served: Choice | Served, commit: Callable[[], Awaitable[object]] | None = None
    ) -> None:
        """Serve another set: start on it, commit, switch, let running calls end on the old one.

        On any error the old set stays and goes on serving all the while.

        Args:
            served: what to serve.
            commit: awaited when the new process is ready and before it takes calls.

        Raises:
            ChariotsError: the new set cannot be loaded; or what ``commit`` raises.
        """
        await self._tasks.finish(self._switch(served, commit))

    async def stop(self) -> None:
        """End its processes; calls after this are refused."""
        self._closed = True
        await self._tasks.cancel()
        if self._child:
            self._retiring.add(self._child)
        await self._retiring.stop()
        self._enter("cold")

    # -- behind them ------------------------------------------------------------------------

    async def _start(self) -> None:
        async with self._changing:
            if self._child and self._child.alive:
                return
            if self.served is None:
                raise NotLoaded(
                    f"Pipeline {self.definition.name!r} is not loaded.",
                    hint=f'Run client.load_pipeline("{self.definition.name}"); before that, its '
                    "ops have to be trained and saved.",
                    pipeline=self.definition.name,
                )
            self._wait_before_next_start()
            if self._child:
                self.restarts += 1
            self._enter("starting")
            try:
                self._child = await self._load(self.served)
            except ChariotsError as error:
                self._fail(error)
                raise
            self._enter("ready")

    async def _switch(
        self, served: Choice | Served, commit: Callable[[], Awaitable[object]] | None
    ) -> None:
        async with self._changing:
            child = await self._load(served)
            try:
                if commit:
                    await commit()
            except BaseException:
                await child.stop()
                raise
            old, self._child, self.served = self._child, child, served
            self._delay = self._not_before = 0.0
            self._enter("ready")
        if old:
            self._retiring.add(old, drain=True)

    async def _load(self, served: Choice | Served) -> Child:
        """A new process that holds this set."""
        if self._closed:
            raise Unavailable(f"Pipeline {self.definition.name!r} is being stopped.")
        child = await self._launcher.host(self.definition)
        header = {
            "do": "load",
            "versions": {op: str(version) for op, version in served.versions.items()},
            "stored": {op: str(state.version) for op, state in served.states.items()},
        }
        try:
            await child.request(header, timeout=self._launcher.start_timeout)
        except BaseException:
            await asyncio.shield(child.stop())
            raise
        child.on_exit = self._on_exit
        return child

    def _on_exit(self, child: Child) -> None:
        if child is self._child and self.state == "ready" and not self._closed:
            self._fail(
                Unavailable(
                    f"The process of pipeline {self.definition.name!r} {child.reason}.",
                    hint=f"Its log: {child.log}.",
                    pipeline=self.definition.name,
                )
            )

    def _fail(self, error: ChariotsError) -> None:
        """Keep the reason; the second failure in a row makes the next start wait."""
        self._error = error
        self._not_before = asyncio.get_running_loop().time() + self._delay
        self._delay = min(max(2 * self._delay, _FIRST_DELAY), _LONGEST_DELAY)
        self._enter("failed", error.message)

    def _wait_before_next_start(self) -> None:
        left = self._not_before - asyncio.get_running_loop().time()
        if self._error and left > 0:
            if not isinstance(self._error, Unavailable):
                raise copy(self._error)  # the kept one would grow by the frames of each raise
            raise Unavailable(
                f"{self._error.message} It is started again in {left:.1f} s at the earliest.",
                hint=self._error.hint,
                **{**self._error.details, "retry_after": round(left, 1)},
            )

    def _enter(self, state: State, reason: str | None = None) -> None:
        self.state, self.reason = state, reason
        if self._on_state:
            self._on_state(self)
