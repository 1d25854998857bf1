"""One pipeline as this server serves it."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from copy import copy
from logging import Logger
from typing import Any

from ..errors import BadRequest, ChariotsError, NotLoaded, Unavailable, VersionError
from ..op_store import OpStore
from ..op_store.records import Choice, Definition, Served
from ..workers.launcher import Launcher
from ..workers.replicas import Replicas
from ..workers.tasks import Tasks
from ..workers.trainers import Trainers
from .checks import Checks
from .newsfeed import Newsfeed
from .threads import StoreThreads, patiently
from .views import refusal_view, served_view

__all__ = ["ServedPipeline"]


class ServedPipeline:
    """Calls, loads and saves one pipeline; remembers what it serves, or why it serves nothing.

    The store is the truth: what is kept here is what it said last. What was served before is
    restored in the background: ``restoring`` ends when it is known and calls can be answered,
    ``checking`` when its states have been found whole and signed.

    Args:
        definition: as registered.
        store: of this server.
        checks: of the states that it serves.
        launcher: how the process that answers calls is started.
        trainers: run what changes state.
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
        self._feed = feed
        self._loading = asyncio.Lock()
        self._replicas: Replicas | None = None
        if not self.spec.changes:
            self._replicas = Replicas(definition, None, launcher, lambda _: self._tell())
        self._tasks = Tasks()
        self.restoring = self._tasks.start(self._restore())
        self.checking = self._tasks.start(self._check())

    # -- what it serves -----------------------------------------------------------------------

    async def _restore(self) -> None:
        async with self._loading:
            try:
                await patiently(self._take_up, self._log)
            except Exception as error:
                self._not_restored(error)
            self._tell()

    async def _take_up(self) -> None:
        """Serve what was served before.

        Without a served set the newest that fits is loaded; with one of another definition each op
        keeps its state, if it is of the same code line. What is refused becomes the reason.
        """
        served = await self._store(OpStore.served, self.name)
        if served is None:
            await self._commit(await self._choose(None), "start", None)
        elif served.definition != self.definition.digest or served.until is not None:
            kept = await self._store(OpStore.carry_over, self.spec)
            await self._commit(kept, "definition", None)
        else:
            self._take(served)

    async def _check(self) -> None:
        await self.restoring
        served = self.served
        try:
            if served:
                await patiently(lambda: self._checks.check(served), self._log)
        except Exception as error:
            if self.served is served:
                self._not_restored(error)
                self._tell()

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
            self._tell()

    async def _choose(self, pins: Mapping[str, str] | None) -> Choice:
        return await self._store(OpStore.choose, self.spec, pins)

    async def _commit(self, choice: Choice, cause: str, who: str | None) -> Served:
        """Start on the choice, write the served row, switch; on any error nothing changes."""
        written: list[Served] = []

        async def write() -> None:
            commit = OpStore.commit_load
            written.append(await self._store(commit, self.spec, choice, cause=cause, who=who))

        if self._replicas and cause == "load":
            await self._replicas.switch(choice, write)
        else:  # its process starts when it is first called
            await self._checks.check(choice)
            await write()
        self._take(written[0])
        self._feed.wake()
        self._tell()
        return written[0]

    def _tell(self) -> None:
        self._feed.state_changed(self.name, self.state)

    def _take(self, served: Served) -> None:
        self.served, self.reason = served, None
        if self._replicas:
            self._replicas.served = served

    # -- what it does -------------------------------------------------------------------------

    async def call(self, body: bytes, who: str) -> bytes:
        """Run it; returns the body of the answer as the child made it.

        Raises:
            NotLoaded: it has no state to run with.
            ChariotsError: what the child answered.
        """
        self.running += 1
        try:
            if self._replicas is None:
                return await self._train(body, who)
            if not self.is_loaded:
                raise self._not_loaded()
            _, answer = await self._replicas.call(body)
            return answer
        finally:
            self.running -= 1

    async def _train(self, body: bytes, who: str) -> bytes:
        self._tell()
        try:
            _, answer = await self._trainers.run(self.definition, body, who=who)
            return answer
        finally:
            self._feed.wake()
            self._tell()

    async def save(self, run_id: str | None, *, force: bool, who: str) -> None:
        """Promote what a run left: the last one, or the named one."""
        await self._store(OpStore.save, self.name, run_id, force=force, who=who)
        self._feed.wake()

    async def stop(self) -> None:
        """End its processes."""
        await self._tasks.cancel()
        if self._replicas:
            await self._replicas.stop()

    # -- what it tells --------------------------------------------------------------------------

    @property
    def is_loaded(self) -> bool:
        """Whether every op that needs learned state has it."""
        return self.served is not None and self.reason is None

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
        if self._replicas and self._replicas.state == "failed" and self._replicas.reason:
            warnings.append(self._replicas.reason)
        return {"is_loaded": True, **({"warnings": warnings} if warnings else {})}

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
            "owner": self.definition.owner,
            "definition": self.definition.digest,
            "revision": self.definition.revision,
            "replicas": self._processes(),
            "served": self.served and served_view(self.served),
        }

    def _processes(self) -> dict[str, int]:
        if self._replicas is None:
            return {"wanted": 0, "alive": 0, "restarts": 0}
        alive = len(self._replicas.pids)
        return {"wanted": 1, "alive": alive, "restarts": self._replicas.restarts}

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
