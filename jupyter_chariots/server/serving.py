"""One pipeline as this server serves it."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from copy import copy
from logging import Logger
from typing import Any

from ..errors import BadRequest, Cancelled, ChariotsError, NotLoaded, Unavailable, VersionError
from ..op_store import OpStore
from ..op_store.records import Choice, Definition, Served
from ..workers.frames import Frame
from ..workers.launcher import Launcher
from ..workers.process import Hear
from ..workers.replicas import Replicas
from ..workers.tasks import Tasks
from ..workers.trainers import Trainers
from .calls import Calls
from .checks import Checks
from .newsfeed import Newsfeed
from .scale import Scale
from .threads import StoreThreads, patiently
from .views import refusal_view, served_view

__all__ = ["ServedPipeline"]


class ServedPipeline:
    """Calls, loads and saves one pipeline; remembers what it serves, or why it serves nothing.

    The store is the truth: what is kept here is what it said last. ``restore`` has to be called
    once it is made; it takes up what was served before, in the background: ``restoring`` ends when
    that is known and calls can be answered, ``checking`` when its states have been found whole and
    signed.

    Args:
        definition: as registered.
        store: of this server.
        checks: of the states that it serves.
        launcher: how the process that answers calls is started.
        trainers: run what changes state.
        scale: how many processes answer calls.
        feed: is told what changed.
        log: where refusals at the start are told.
    """

    def __init__(
        self,
        definition: Definition,
        store: StoreThreads,
        checks: Checks,
        launcher: Launcher,
        trainers: Trainers,
        scale: Scale,
        feed: Newsfeed,
        log: Logger,
    ) -> None:
        self.definition, self.spec, self.name = definition, definition.spec, definition.name
        self.served: Served | None = None
        self.reason: ChariotsError | None = Unavailable(
            f"Pipeline {self.name!r} is still being restored.",
            hint="Repeat the request in a moment.",
            retry_after=2,
        )
        self.running = 0
        self._store, self._checks, self._trainers, self._log = store, checks, trainers, log
        self._feed, self._scale = feed, scale
        self._trouble: str | None = None
        self._left = False
        self._loading = asyncio.Lock()
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
        self._tasks = Tasks()
        self._note: str | None = None
        self.restoring: asyncio.Task[None]
        self.checking: asyncio.Task[None]

    # -- what it serves -----------------------------------------------------------------------

    def restore(
        self, cause: str = "start", who: str | None = None, *, newest: bool = False
    ) -> asyncio.Task[None]:
        """Begin, at a start of the server or of a definition, to serve what was served before.

        Args:
            cause: what stands in the served row of a first load; ``elsewhere`` writes none, for
                another server does.
            who: the user, if it is not the start of the server.
            newest: load the newest in any case, unless versions are pinned.
        """
        self.restoring = self._tasks.start(self._restore(cause, who, newest))
        self.checking = self._tasks.start(self._check())
        return self.restoring

    async def _restore(self, cause: str, who: str | None, newest: bool) -> None:
        async with self._loading:
            try:
                await patiently(lambda: self._take_up(cause, who, newest), self._log)
            except Exception as error:
                self._not_restored(error)
            self.tell()

    async def _take_up(self, cause: str, who: str | None, newest: bool) -> None:
        """Serve what was served before.

        Without a served set the newest that fits is loaded; with one of another definition each op
        keeps its state, if it is of the same code line. What is refused becomes the reason.

        Args:
            cause: what stands in the served row of a first load.
            who: the user, if it is not the start of the server.
            newest: load the newest in any case, unless versions are pinned.
        """
        served = await self._store(OpStore.served, self.name)
        if cause == "elsewhere":
            await self._take_up_from_elsewhere(served)
        elif served is None or (newest and not served.pins):
            await self._commit(await self._choose(None), cause, who)
        elif served.definition != self.definition.digest or served.until is not None:
            kept = await self._store(OpStore.carry_over, self.spec)
            await self._commit(kept, "definition", who)
        else:
            self._take(served)

    async def _take_up_from_elsewhere(self, served: Served | None) -> None:
        """Serve what another server does, which writes the served set of the new definition."""
        if served and served.definition == self.definition.digest and served.until is None:
            self._take(served)
        elif served is None:
            await self._choose(None)  # raises the reason that the other one has found
        else:
            await self._store(OpStore.carry_over, self.spec)

    async def _check(self) -> None:
        await self.restoring
        served = self.served
        try:
            if served:
                await patiently(lambda: self._checks.check(served), self._log)
        except Exception as error:
            if self.served is served:
                self._not_restored(error)
                self.tell()

    def _not_restored(self, error: Exception) -> None:
        """Keep the reason; in a task that nobody waits for, an unexpected one must be seen, too."""
        if not isinstance(error, ChariotsError):
            self._log.error("Pipeline %r cannot be restored", self.name, exc_info=error)
            error = ChariotsError(f"Pipeline {self.name!r} could not be restored: {error!r}")
        self.reason = error
        self._log.warning("Pipeline %r is not loaded: %s", self.name, self._why(error))

    async def load(self, versions: Mapping[str, Any] | None, who: str) -> list[str]:
        """Serve the newest versions that fit, or the chosen ones; returns warnings.

        Raises:
            BadRequest: a chosen version is not text.
            VersionError: refused; what was served is served still.
        """
        for op, version in (versions or {}).items():
            if not isinstance(version, str):
                raise BadRequest(
                    f"The version of {op!r} in the field 'versions' must be text such as "
                    f"'1.0.2', not {version!r}.",
                    field="versions",
                )
        async with self._loading:
            served = await self._commit(await self._choose(versions), "load", who)
            return list(served.warnings)

    async def load_newest(self, who: str | None) -> None:
        """Switch to what a notebook has just saved.

        Raises:
            VersionError: refused; what was served is served still.
        """
        async with self._loading:
            await self._commit(await self._choose(None), "serve", who)

    async def follow(self) -> None:
        """Switch to the served set that another server has written, if there is one."""
        try:
            await patiently(self._follow, self._log)
        except ChariotsError as error:
            self._log.error("Pipeline %r cannot serve what was loaded: %s", self.name, error)
        except Exception:
            self._log.exception("Pipeline %r cannot serve what was loaded", self.name)

    async def _follow(self) -> None:
        async with self._loading:
            served = await self._store(OpStore.served, self.name)
            if served is None or served.until is not None:
                return
            if served.definition != self.definition.digest:
                return  # of newer code, which this server will know after its next start
            if self.served is not None and served.seq <= self.served.seq:
                return
            if self._replicas and self._replicas.state != "cold":
                await self._replicas.switch(served)
            else:
                await self._checks.check(served)
            self._take(served)
            self.tell()

    async def _choose(self, pins: Mapping[str, str] | None) -> Choice:
        return await self._store(OpStore.choose, self.spec, pins)

    async def _commit(self, choice: Choice, cause: str, who: str | None) -> Served:
        """Start on the choice, write the served row, switch; on any error nothing changes."""
        written: list[Served] = []

        async def write() -> None:
            commit = OpStore.commit_load
            written.append(await self._store(commit, self.spec, choice, cause=cause, who=who))

        if self._replicas and (cause == "load" or self._replicas.state != "cold"):
            await self._replicas.switch(choice, write)
        else:  # its process starts when it is first called
            await self._checks.check(choice)
            await write()
        self._take(written[0])
        self._feed.wake()
        self.tell()
        return written[0]

    def tell(self) -> None:
        """Tell who listens about its state and its processes."""
        if self._left:
            return
        if self._replicas:
            self.calls.replicas(**self._processes())
        self._feed.state_changed(self.name, self.state)

    def _take(self, served: Served) -> None:
        self.served, self.reason = served, None
        if self._replicas:
            self._replicas.served = served

    # -- what it does -------------------------------------------------------------------------

    async def call(
        self,
        body: bytes,
        who: str,
        form: Mapping[str, Any] | None = None,
        hear: Hear | None = None,
    ) -> Frame:
        """Run it; returns header and body of the answer as the child made them.

        Cancelling this cancels the run.

        Args:
            body: of the request.
            who: the user.
            form: what the body is and what is wanted, where that is not JSON.
            hear: called with what it prints.

        Raises:
            Cancelled: it was cancelled while it ran.
            NotLoaded: it has no state to run with.
            ChariotsError: what the child answered.
        """
        self.running += 1
        try:
            if self._replicas is None:
                return await self._train(body, who, form, hear)
            if not self.is_loaded:
                raise self._not_loaded()
            return await self._replicas.call(body, form, hear)
        except Cancelled:
            raise
        except ChariotsError as error:
            self.calls.failed(error)
            raise
        finally:
            self.running -= 1

    async def _train(
        self, body: bytes, who: str, form: Mapping[str, Any] | None, hear: Hear | None
    ) -> Frame:
        self.tell()
        try:
            run = self._trainers.run
            answer = await run(self.definition, body, who=who, form=form, hear=hear)
            self._trouble = None
            return answer
        finally:
            self._feed.wake()
            self.tell()

    def warm_up(self) -> asyncio.Task[None]:
        """Begin to start a process: what hinders it is known then, and the first call is quick."""
        return self._tasks.start(self._warm_up())

    async def _warm_up(self) -> None:
        if not self.is_loaded:
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

    def leave(self) -> None:
        """Tell nothing more: nothing is served under its name, or another one is."""
        self._left = True
        if self._replicas:
            self.calls.replicas(0, 0, self._replicas.restarts)

    async def stop(self, *, drain: bool = False) -> None:
        """End its processes, with ``drain`` when they have answered the calls that they have."""
        await self._tasks.cancel()
        if self._replicas:
            await self._replicas.stop(drain=drain)
        if drain:
            await self._trainers.forget(self.definition)

    # -- what it tells --------------------------------------------------------------------------

    @property
    def is_loaded(self) -> bool:
        """Whether every op that needs learned state has it."""
        return self.served is not None and self.reason is None

    @property
    def pins(self) -> Mapping[str, str]:
        """The versions that the last load chose."""
        return self.served.pins if self.served else {}

    @property
    def state(self) -> str:
        """Of its processes: ``cold``, ``starting``, ``ready`` or ``failed``."""
        if self._replicas:
            return self._replicas.state
        return "ready" if self._trainers.pids(self.name) else "cold"

    def health(self) -> dict[str, Any]:
        """The answer of its health check."""
        if self.served is None or self.reason is not None:
            return refusal_view(self._not_loaded())
        warnings = list(self.served.warnings)
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
            "served": self.served and served_view(self.served),
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

    def _not_loaded(self) -> ChariotsError:
        reason = self.reason
        if reason is not None and not isinstance(reason, VersionError):
            return copy(reason)  # the kept one would grow by the frames of each raise
        why = self._why(reason.message if reason else "load it.")
        return NotLoaded(
            f"Pipeline {self.name!r} is not loaded: {why}",
            hint=reason.hint if reason else None,
            **{"pipeline": self.name, **(reason.details if reason else {})},
        )

    def _why(self, refusal: object) -> str:
        return str(refusal).removeprefix(f"Pipeline {self.name!r} cannot be loaded: ")
