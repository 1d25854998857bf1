"""Replicas: when processes are started, replaced and ended that answer calls, changing nothing."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Literal

from .. import faults
from ..errors import ChariotsError, NotLoaded, Unavailable, WorkerLost
from ..op_store.records import Choice, Definition, Served
from .backing_off import BackOff
from .batching import CALL
from .dispatch import Dispatcher
from .frames import Frame
from .launcher import Launcher
from .process import Child, Hear
from .processes import Processes
from .tasks import Tasks
from .warm import Warm

__all__ = ["Replicas", "State"]

State = Literal["cold", "starting", "ready", "failed"]


class Replicas:
    """Answers the calls of one pipeline; started when they are first needed, all on one set.

    Each call goes to the first process that is free. One that died is replaced in the background
    while the others answer; when none is left, the next call starts them again. What dies again
    and again, or does not start, is left alone for a while (:class:`BackOff`), and where no other
    is left, calls get the reason at once. That a process answers is not asked while it is idle:
    the end of its socket tells of its death, and whatever else may happen to it ends in the
    time-out of a call.

    Args:
        definition: the pipeline, as registered.
        served: what it serves; ``None`` while nothing is loaded.
        launcher: how its processes are started.
        on_state: called after each change of ``state``, of ``warning``, and of the processes.
        on_batch: called with the number of calls that were sent to a process together.
        wanted: number of processes.
        warm: ends those that are idle for long, or too many.
    """

    def __init__(
        self,
        definition: Definition,
        served: Choice | Served | None,
        launcher: Launcher,
        on_state: Callable[[Replicas], None] | None = None,
        on_batch: Callable[[int], object] | None = None,
        *,
        wanted: int = 1,
        warm: Warm | None = None,
    ) -> None:
        self.definition, self.served, self.wanted = definition, served, wanted
        self.state: State = "cold"
        self.reason: str | None = None
        self.restarts = 0
        self.used = asyncio.get_running_loop().time()
        self._on_state, self._warm = on_state, warm
        self._dispatcher = Dispatcher(
            launcher.call_timeout,
            joins=definition.spec.batchable,
            on_batch=on_batch,
            on_warning=self._tell,
        )
        self._processes = Processes(definition, launcher, self._dispatcher, self._on_exit)
        self._lost = 0
        self._running = 0
        self._quiet = asyncio.Event()
        self._back_off = BackOff()
        self._changing = asyncio.Lock()
        self._tasks = Tasks()
        self._filling: asyncio.Task[None] | None = None
        self._closed = False
        if warm:
            warm.add(self)

    @property
    def warning(self) -> str | None:
        """Why calls are not joined, though the pipeline says that they may be."""
        return self._dispatcher.warning

    @property
    def pids(self) -> list[int]:
        """Ids of the processes that answer calls now."""
        return [child.pid for child in self._processes.alive]

    @property
    def warm(self) -> bool:
        """Whether there are processes, or will be in a moment."""
        return self.state in ("starting", "ready")

    @property
    def idle(self) -> bool:
        """Whether they have nothing to do, not even to start."""
        return not (self._running or self._changing.locked())

    # -- calls ------------------------------------------------------------------------------

    async def call(
        self, body: bytes, form: Mapping[str, Any] | None = None, hear: Hear | None = None
    ) -> Frame:
        """Run the pipeline on the served set.

        Cancelling this cancels the run; a start that it waits for goes on.

        Args:
            body: of the request; passed on as it is.
            form: ``content_type``, ``query`` and ``accept`` of the request, where they are not
                those of JSON.
            hear: called with what it prints, unless it is joined with other calls.

        Returns:
            a header, and the complete body of the answer. If that is not JSON, the header has its
            ``content_type`` and the ``headers`` of the answer.

        Raises:
            NotLoaded: nothing is loaded.
            WorkerLost: the process died in this call; as nothing was changed, it may be repeated,
                ``retry_after`` seconds later.
            Unavailable: it died, or did not start, a moment ago.
            TimedOut: the call took longer than it may.
            Cancelled: the waiting was cancelled, and so was the run.
            ChariotsError: what the child answered.
        """
        header = {**form, **CALL} if form else CALL
        self._running += 1
        try:
            return await self._call(header, body, alone=bool(form), hear=hear)
        except asyncio.CancelledError:
            if not self._closed:
                raise
            raise self._stopped() from None  # it was not the caller who cancelled
        finally:
            self._running -= 1
            self._touch()
            if not self._running:
                self._quiet.set()

    async def _call(
        self, header: Mapping[str, Any], body: bytes, *, alone: bool, hear: Hear | None
    ) -> Frame:
        while True:
            # looked up again after each wait: meanwhile another one may have taken its place
            while not self._dispatcher.ready:
                await self._tasks.finish(self._start())
            try:
                return await self._dispatcher.call(header, body, alone=alone, hear=hear)
            except WorkerLost as lost:
                if lost.details.pop("begun"):
                    if not self._closed:
                        lost.details["retry_after"] = self._again_in()
                    raise

    def _again_in(self) -> float:
        return 0.0 if self._dispatcher.ready else round(self._back_off.left, 1)

    # -- what they serve --------------------------------------------------------------------

    async def start(self) -> None:
        """Start them, as the first call does.

        Raises:
            ChariotsError: why they do not start.
        """
        if not self._processes.alive:
            await self._tasks.finish(self._start())

    async def switch(
        self,
        served: Choice | Served,
        commit: Callable[[], Awaitable[object]] | None = None,
        *,
        check: Callable[[], Awaitable[object]] | None = None,
    ) -> None:
        """Serve another set: start all on it, commit, switch, let running calls end on the old.

        On any error the old set stays and goes on serving all the while.

        Args:
            served: what to serve.
            commit: awaited when the new processes are ready and before they take calls.
            check: where there are no processes, this is awaited instead of the start of new ones;
                the next call starts them.

        Raises:
            ChariotsError: the new set cannot be loaded; or what ``commit`` raises.
        """
        await self._tasks.finish(self._switch(served, commit, check))

    def scale(self, wanted: int) -> None:
        """Let so many processes answer from now on; they come and go in the background."""
        self.wanted = wanted
        self._fill()

    def cull(self) -> None:
        """End idle processes; the next call starts them again."""
        self._processes.use([])
        self._forget_losses()
        self._enter("cold")

    async def unload(self) -> None:
        """End the processes when they have answered the calls that they run; refuse those that
        wait, and all others, until something is served again.
        """
        async with self._changing:
            self.served = None
            self._processes.use([], drain=True)
            self._dispatcher.refuse(self._not_loaded)
            self._forget_losses()
            self._enter("cold")

    async def stop(self, *, drain: bool = False) -> None:
        """End the processes; calls after this are refused.

        Args:
            drain: first let the calls that are here be answered.
        """
        while drain and self._running:
            self._quiet.clear()
            await self._quiet.wait()
        self._closed = True
        if self._warm:
            self._warm.discard(self)
        await self._tasks.cancel()
        self._dispatcher.refuse(self._stopped)
        await self._processes.stop()
        self._enter("cold")

    # -- behind them ------------------------------------------------------------------------

    async def _start(self) -> None:
        """Start the first one; the others follow in the background."""
        async with self._changing:
            if self._processes.alive:
                return
            self._check_open()
            if self.served is None:
                raise self._not_loaded()
            self._back_off.check()
            self._enter("starting")
            self._make_room()
            try:
                child = await self._processes.load(self.served)
            except ChariotsError as error:
                self._back_off.failed(error)
                self._enter("failed", error.message)
                raise
            self._add(child)
            self._enter("ready")
        self._fill()

    async def _switch(
        self,
        served: Choice | Served,
        commit: Callable[[], Awaitable[object]] | None,
        check: Callable[[], Awaitable[object]] | None,
    ) -> None:
        async with self._changing:
            self._check_open()
            if check and self.state == "cold":
                await check()
                if commit:
                    await commit()
                self.served = served
                return
            self._make_room()
            async with self._processes.loaded(served, self.wanted) as children:
                faults.reached("replicas ready")
                if commit:
                    await commit()
            self.served = served
            self._processes.use(children, drain=True)
            faults.reached("switched")
            self._touch()
            self._forget_losses()
            self._enter("ready")
        self._fill()

    def _fill(self) -> None:
        """See to it, in the background, that there are as many as wanted, if there are any."""
        if self._filling is None or self._filling.done():
            self._filling = self._tasks.start(self._make_as_many())

    async def _make_as_many(self) -> None:
        processes = self._processes
        # one that is dying is replaced when that is noted, and the time until the next is known
        while processes.alive and len(processes.known) != self.wanted:
            while left := self._back_off.left:
                await asyncio.sleep(left)
            async with self._changing:
                alive = processes.alive
                missing = self.wanted - len(processes.known) if alive else 0
                if missing < 0:
                    processes.use(alive[: self.wanted], drain=True)
                elif missing:
                    self._make_room()
                    await asyncio.gather(*(self._start_one() for _ in range(missing)))
                if processes.alive and len(processes.alive) == self.wanted:
                    self._enter("ready")

    async def _start_one(self) -> None:
        assert self.served is not None
        try:
            self._add(await self._processes.load(self.served))
        except ChariotsError as error:
            self._note(error)
        else:
            self._tell()

    def _add(self, child: Child) -> None:
        """Let this process answer calls, too."""
        if self._lost:
            self._lost -= 1
            self.restarts += 1
        self._processes.add(child)
        self._touch()

    def _touch(self) -> None:
        self.used = asyncio.get_running_loop().time()

    def _make_room(self) -> None:
        if self._warm:
            self._warm.make_room(self)

    def _forget_losses(self) -> None:
        self._lost = 0
        self._back_off.reset()

    def _on_exit(self, child: Child) -> None:
        if self._closed:
            return
        self._lost += 1
        if child.outstanding.took < math.inf:
            self._back_off.succeeded()
        error = Unavailable(
            f"The process of pipeline {self.definition.name!r} {child.reason}.",
            hint=f"Its log: {child.log}.",
            pipeline=self.definition.name,
        )
        self._note(error)

    def _note(self, error: ChariotsError) -> None:
        """One has died, or did not start."""
        self._back_off.failed(error)
        if not self._processes.alive:
            self._enter("failed", error.message)
            return
        self._enter("ready", error.message)
        self._fill()

    def _check_open(self) -> None:
        if self._closed:
            raise self._stopped()

    def _not_loaded(self) -> NotLoaded:
        return NotLoaded(
            f"Pipeline {self.definition.name!r} is not loaded.",
            hint=f'Run client.load_pipeline("{self.definition.name}"); before that, its '
            "ops have to be trained and saved.",
            pipeline=self.definition.name,
        )

    def _stopped(self) -> Unavailable:
        return Unavailable(f"Pipeline {self.definition.name!r} is being stopped.")

    def _enter(self, state: State, reason: str | None = None) -> None:
        self.state, self.reason = state, reason
        self._tell()

    def _tell(self) -> None:
        if self._on_state:
            self._on_state(self)
