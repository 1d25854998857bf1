"""One pipeline as this server serves it: calls, saves, and what is told of it."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from logging import Logger
from typing import Any

from ..errors import Cancelled, ChariotsError, Conflict
from ..op_store import OpStore
from ..op_store.records import Definition
from ..versioning.status import JobStatus
from ..workers.frames import Frame
from ..workers.launcher import Launcher
from ..workers.process import Hear
from ..workers.replicas import Replicas
from ..workers.tasks import Tasks
from ..workers.trainers import Trainers
from .calls import Calls
from .checks import Checks
from .job_desk import JobDesk, state_of
from .loading import Loading
from .newsfeed import Newsfeed
from .scale import Scale
from .threads import StoreThreads
from .views import refusal_view, served_view

__all__ = ["ServedPipeline"]


class ServedPipeline:
    """Calls and saves one pipeline, and tells about it; what it serves is :class:`Loading`'s.

    Args:
        definition: as registered.
        store: of this server.
        checks: of the states that it serves.
        launcher: how the process that answers calls is started.
        trainers: the workers, which run what changes state.
        jobs: runs that.
        scale: how many processes answer calls.
        feed: is told what changed.
        log: where refusals at the start are told.

    Attributes:
        loading: what it serves, or why it serves nothing.
    """

    def __init__(
        self,
        definition: Definition,
        store: StoreThreads,
        checks: Checks,
        launcher: Launcher,
        trainers: Trainers,
        jobs: JobDesk,
        scale: Scale,
        feed: Newsfeed,
        log: Logger,
    ) -> None:
        self.definition, self.spec, self.name = definition, definition.spec, definition.name
        self.running = 0
        self._store, self._trainers, self._jobs, self._log = store, trainers, jobs, log
        self._feed, self._scale = feed, scale
        self._trouble: str | None = None
        self._left = False
        self.calls = Calls(self.name)
        self._replicas: Replicas | None = None
        if not self.spec.changes:
            self._replicas = Replicas(
                definition,
                None,
                launcher,
                lambda _: self.tell(),
                self.calls.sent,
                wanted=scale.of(definition),
                warm=scale.warm,
            )
        self.loading = Loading(definition, store, checks, self._replicas, feed.wake, self.tell, log)
        self._tasks = Tasks()
        self._note: str | None = None

    def tell(self) -> None:
        """Tell who listens about its state and its processes."""
        if self._left:
            return
        if self._replicas:
            self.calls.replicas(**self._processes())
        self._feed.state_changed(self.name, self.state)

    # -- what it does -------------------------------------------------------------------------

    async def call(
        self,
        body: bytes,
        who: str,
        form: Mapping[str, Any] | None = None,
        hear: Hear | None = None,
        *,
        save: bool = False,
        wait: float | None = None,
    ) -> Frame:
        """Run it; returns header and body of the answer as the child made them.

        Cancelling this cancels the run.

        Args:
            body: of the request.
            who: the user.
            form: what the body is and what is wanted, where that is not JSON.
            hear: called with what it prints.
            save: whether the result of a run that changes state is saved at once.
            wait: seconds to wait for such a run. Then the header has the ``job_id`` of what goes
                on, and the body says so.

        Raises:
            Cancelled: it was cancelled while it ran.
            NotLoaded: it has no state to run with.
            ChariotsError: what the child answered.
        """
        self.running += 1
        try:
            if self._replicas is None:
                return await self._train(body, who, form, hear, save, wait)
            if not self.loading.is_loaded:
                raise self.loading.refusal()
            return await self._replicas.call(body, form, hear)
        except Cancelled:
            raise
        except ChariotsError as error:
            self.calls.failed(error)
            raise
        finally:
            self.running -= 1

    async def _train(
        self,
        body: bytes,
        who: str,
        form: Mapping[str, Any] | None,
        hear: Hear | None,
        save: bool,
        wait: float | None,
    ) -> Frame:
        self.tell()
        beginning = self._tasks.start(
            self._jobs.host.begin(self.definition, body, who=who, save=save, form=form, hear=hear)
        )
        try:
            run = await asyncio.shield(beginning)
            run.answered.add_done_callback(self._has_run)
            await asyncio.wait([run.answered], timeout=wait)
        except asyncio.CancelledError:
            run = await beginning
            await self._jobs.end(run, who)
            return await run.answered
        if not run.answered.done():
            header, content = state_of(run.job.id, JobStatus.RUNNING)
            return {**header, "job_id": run.job.id}, content
        return run.answered.result()

    def _has_run(self, run: asyncio.Future[Frame]) -> None:
        if run.exception() is None:
            self._trouble = None
        self._feed.wake()
        self.tell()

    def warm_up(self) -> asyncio.Task[None]:
        """Begin to start a process: what hinders it is known then, and the first call is quick."""
        return self._tasks.start(self._warm_up())

    async def _warm_up(self) -> None:
        if not self.loading.is_loaded:
            return
        try:
            if self._replicas:
                await self._replicas.start()
            else:
                await self._trainers.warm(self.definition)
                self.tell()
        except ChariotsError as error:
            self._log.warning("Pipeline %r does not start: %s", self.name, error)
            if self._replicas is None:
                self._trouble = error.message

    def rescaled(self, definition: Definition) -> bool:
        """Take this definition over, if it is just another number of replicas."""
        if definition.seq == self.definition.seq or not definition.runs_as(self.definition):
            return False
        self.definition = definition
        if self._replicas:
            self._replicas.scale(self._scale.of(definition))
            self.tell()
        return True

    async def save(self, run_id: str | None, *, force: bool, who: str) -> None:
        """Promote what a run left: the last one, or the named one."""
        await self._store(OpStore.save, self.name, run_id, force=force, who=who)
        self._feed.wake()

    async def unload(self, who: str) -> None:
        """Answer no calls until the next load.

        Raises:
            Conflict: nothing of it is loaded between its runs.
        """
        if self._replicas is None:
            raise Conflict(
                f"Pipeline {self.name!r} changes state when it runs; nothing of it stays loaded "
                "that could be unloaded.",
                pipeline=self.name,
            )
        await self.loading.unload(who)

    def leave(self) -> None:
        """Tell nothing more: nothing is served under its name, or another one is."""
        self._left = True
        if self._replicas:
            self.calls.replicas(0, 0, self._replicas.restarts)

    async def stop(self, *, drain: bool = False) -> None:
        """End its processes, with ``drain`` when they have answered the calls that they have."""
        await self._tasks.cancel()
        await self.loading.stop()
        if self._replicas:
            await self._replicas.stop(drain=drain)
        if drain:
            await self._trainers.forget(self.definition)

    # -- what it tells --------------------------------------------------------------------------

    @property
    def state(self) -> str:
        """Of its processes: ``cold``, ``starting``, ``ready`` or ``failed``."""
        if self._replicas:
            return self._replicas.state
        return "ready" if self._trainers.pids(self.name) else "cold"

    def health(self) -> dict[str, Any]:
        """The answer of its health check."""
        served = self.loading.served
        if served is None or not self.loading.is_loaded:
            return refusal_view(self.loading.refusal())
        warnings = list(served.warnings)
        if self._replicas:
            scale = self._scale.warning(self.definition)
            told = [self._replicas.reason, self._replicas.warning, scale]
        else:
            told = [self._trouble]
        warnings += filter(None, [*told, self._note])
        return {"is_loaded": True, **({"warnings": warnings} if warnings else {})}

    def note(self, text: str | None) -> None:
        """Warn in the health check of something about its definition, or no longer."""
        if text != self._note:
            self._note = text
            self.tell()

    async def versions(self) -> dict[str, str]:
        """The version of each node in the current set."""
        current = await self._store(OpStore.current, self.spec)
        nodes = self.spec.node_versions(current)
        return {node: str(version) for node, version in nodes.items()}

    def summary(self) -> dict[str, Any]:
        """What this server knows of it without asking the store."""
        served = self.loading.served
        return {
            "name": self.name,
            "state": self.state,
            **self.health(),
            "running": self.running,
            "changes": self.spec.changes,
            "takes_input": self.spec.takes_input,
            "gives_output": self.spec.gives_output,
            "batchable": self.spec.batchable,
            "ops": list(self.spec.stateful),
            "owner": self.definition.owner,
            "definition": self.definition.digest,
            "revision": self.definition.revision,
            "replicas": self._processes(),
            **self.calls.view(),
            "served": served and served_view(served),
        }

    def _processes(self) -> dict[str, int]:
        if self._replicas is None:
            return {"wanted": 0, "alive": 0, "restarts": 0}
        alive = len(self._replicas.pids)
        return {
            "wanted": self._replicas.wanted,
            "alive": alive,
            "restarts": self._replicas.restarts,
        }
