"""The processes that run what changes state, each warm for one definition."""

from __future__ import annotations

import asyncio
import contextlib
import os
from collections import defaultdict
from collections.abc import AsyncIterator, Mapping
from functools import partial
from typing import Any

from ..errors import Unavailable, WorkerLost
from ..op_store.records import Definition, Lease, Served
from .frames import Frame
from .launcher import Launcher
from .process import Child, Hear
from .retiring import Retiring
from .tasks import Tasks
from .turns import StoreCall, Turns

__all__ = ["MOST_BUSY", "Trainers"]

MOST_BUSY = min(8, max(2, os.cpu_count() or 1))
"""How many runs of one pipeline go side by side."""


class Trainers:
    """Runs pipelines that change state.

    A worker is kept after its run, so that the next run of the same definition does not pay for
    imports. Runs of one pipeline go side by side, as many as there are processors (2 to 8), the
    others wait for one of these; where they carry state on, each waits for the one before.

    Args:
        launcher: how workers are started.
        store: runs methods of the op store in a thread; it keeps the turns of runs that carry
            state on.

    Attributes:
        most_idle: how many workers of a pipeline are kept that have nothing to do.
    """

    most_idle = 2

    def __init__(self, launcher: Launcher, store: StoreCall) -> None:
        self._launcher = launcher
        self._turns = Turns(store)
        self._slots: defaultdict[str, asyncio.Semaphore] = defaultdict(
            lambda: asyncio.Semaphore(MOST_BUSY)
        )
        self._idle: defaultdict[str, list[tuple[int, Child]]] = defaultdict(list)
        self._busy: set[Child] = set()
        self._tasks, self._retiring = Tasks(), Retiring()
        self._closed = False

    def pids(self, pipeline: str) -> list[int]:
        """Ids of the workers of a pipeline, idle or busy."""
        idle = [child for _, child in self._idle[pipeline]]
        busy = [child for child in self._busy if child.label == pipeline]
        return [child.pid for child in (*idle, *busy)]

    async def run(
        self,
        definition: Definition,
        body: bytes,
        *,
        who: str | None = None,
        lease: Lease | None = None,
        promote: bool | None = None,
        form: Mapping[str, Any] | None = None,
        hear: Hear | None = None,
    ) -> Frame:
        """Run a pipeline that changes state; it commits what it leaves before this returns.

        Cancelling this cancels the run, which then leaves nothing; if it is too late for that,
        this returns as ever.

        Args:
            definition: the pipeline, as registered.
            body: of the request; passed on as it is.
            who: the user, for the store.
            lease: of the job that this is; it ends with the run.
            promote: save the result at once; if not given, the body says it.
            form: ``content_type``, ``query`` and ``accept`` of the request, where they are not
                those of JSON.
            hear: called with what it prints.

        Returns:
            the complete body of the answer, and a header; if the run left a candidate, the header
            has ``run_id``, ``seq``, ``saved``, ``versions`` by op and ``warnings``; if the body is
            not JSON, its ``content_type`` and the ``headers`` of the answer.

        Raises:
            VersionError: there is nothing valid to start from.
            WorkerLost: the worker died; nothing was committed, or all of it.
            Cancelled: it was cancelled while it ran.
            LeaseLost, JobCancelled: the job has ended otherwise; nothing was committed.
            ChariotsError: what the child answered.
        """
        header = {**(form or {}), **_run(who, lease, promote), "alone": False}
        return await self._tasks.start(self._run(definition, header, body, hear, slot=True))

    async def run_job(
        self,
        definition: Definition,
        body: bytes,
        *,
        who: str | None = None,
        lease: Lease | None = None,
        promote: bool = False,
        served: Served | None = None,
        form: Mapping[str, Any] | None = None,
        hear: Hear | None = None,
    ) -> Frame:
        """Run a pipeline as a job; whoever calls this limits how many there are at once.

        Args, raises: as for :meth:`run`. One that changes nothing runs on ``served``, or, if that
        is not given, on what a load would take now.

        Returns:
            the output alone, and a header: ``about`` is what goes with the output, ``ended`` says
            whether the job has ended with the run; if not, it is for the caller to end it.
        """
        if definition.spec.changes:
            header = {**(form or {}), **_run(who, lease, promote), "alone": True}
        else:
            chosen = served and [
                {op: str(version) for op, version in served.versions.items()},
                {op: str(state.version) for op, state in served.states.items()},
            ]
            header = {**(form or {}), "do": "predict", "served": chosen}
        return await self._tasks.start(self._run(definition, header, body, hear, slot=False))

    async def warm(self, definition: Definition) -> None:
        """Have a worker ready for the first run.

        Raises:
            ChariotsError: why it does not start.
        """

        async def start() -> None:
            async with self._worker(definition):
                pass

        if not any(made == definition.seq for made, _ in self._idle[definition.name]):
            await self._tasks.finish(start())

    def interrupt(self, pipeline: str) -> None:
        """Interrupt the runs of a pipeline; the workers survive that."""
        for child in self._busy:
            if child.label == pipeline:
                child.interrupt()

    async def forget(self, definition: Definition) -> None:
        """End the idle workers of a definition that is served no more, and of older ones."""
        idle, last = self._idle[definition.name], definition.seq
        children = [child for made, child in idle if made <= last]
        idle[:] = [(made, child) for made, child in idle if made > last]
        await asyncio.gather(*(child.stop() for child in children))

    async def stop(self) -> None:
        """End all workers; runs that are under way are interrupted and commit nothing more."""
        self._closed = True
        idle = [child for children in self._idle.values() for _, child in children]
        self._idle.clear()
        for child in (*idle, *self._busy):
            self._retiring.add(child)
        await self._retiring.stop()
        await self._tasks.cancel()
        await self._retiring.stop()  # of what was just starting

    # -- behind them ------------------------------------------------------------------------

    async def _run(
        self,
        definition: Definition,
        header: dict[str, Any],
        body: bytes,
        hear: Hear | None,
        *,
        slot: bool,
    ) -> Frame:
        async with contextlib.AsyncExitStack() as held:
            name = definition.name
            if definition.spec.carries:
                lost = partial(self.interrupt, name)
                await held.enter_async_context(self._turns.turn(name, on_lost=lost))
            if slot:
                await held.enter_async_context(self._slots[name])
            return await self._in_worker(definition, header, body, hear)

    async def _in_worker(
        self, definition: Definition, header: dict[str, Any], body: bytes, hear: Hear | None
    ) -> Frame:
        while True:
            async with self._worker(definition) as child:
                try:
                    answer = await child.run(header, body, hear=hear)
                except WorkerLost as lost:
                    raise _lost(lost, child) from None
                if not answer[0].get("fresh"):
                    return answer
                # an op has to start as constructed, which it is in a new process only
                await child.stop()

    @contextlib.asynccontextmanager
    async def _worker(self, definition: Definition) -> AsyncIterator[Child]:
        if self._closed:
            raise Unavailable(f"Pipeline {definition.name!r} is being stopped.")
        name = definition.name
        made = definition.seq  # another environment makes another worker, as other code does
        idle = self._idle[name]
        for made_for, child in idle:
            if made_for != made:
                self._retiring.add(child)
        # one that has just died is not alive, though its exit may still have to be told
        idle[:] = [(seq, child) for seq, child in idle if seq == made and child.alive]
        child = idle.pop()[1] if idle else await self._launcher.host(definition, works=True)
        self._busy.add(child)
        child.on_exit = self._on_exit
        try:
            yield child
        finally:
            self._busy.discard(child)
            idle = self._idle[name]
            wanted = len(idle) < self.most_idle or self._slots[name].locked()
            if child.alive and not child.busy and not self._closed and wanted:
                idle.append((made, child))
            elif child.alive:
                self._retiring.add(child)

    def _on_exit(self, child: Child) -> None:
        self._busy.discard(child)
        for idle in self._idle.values():
            idle[:] = [entry for entry in idle if entry[1] is not child]


def _run(who: str | None, lease: Lease | None, promote: bool | None) -> dict[str, Any]:
    job, token = (lease.job, lease.token) if lease else (None, None)
    return {"do": "run", "who": who, "job_id": job, "token": token, "promote": promote}


def _lost(lost: WorkerLost, child: Child) -> WorkerLost:
    details = {name: value for name, value in lost.details.items() if name != "begun"}
    return WorkerLost(
        f"The worker that ran {child.label!r} {child.reason}; the run is not repeated.",
        hint="A run commits at its very end: it has left all of its result, or nothing. "
        f"Call it again. The log of the worker: {child.log}.",
        **{**details, "how": child.reason},
    )
