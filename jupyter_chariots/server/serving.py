"""One pipeline as this server serves it."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from logging import Logger
from typing import Any

from ..errors import BadRequest, ChariotsError, NotLoaded, VersionError
from ..op_store import OpStore
from ..op_store.records import Choice, Definition, Served
from ..workers.launcher import Launcher
from ..workers.replicas import Replicas
from ..workers.trainers import Trainers
from .newsfeed import Newsfeed
from .threads import StoreThreads
from .views import plain, versions_view

__all__ = ["ServedPipeline"]


class ServedPipeline:
    """Calls, loads and saves one pipeline; remembers what it serves, or why it serves nothing.

    The store is the truth: what is kept here is what it said last.

    Args:
        definition: as registered.
        store: of this server.
        launcher: how the process that answers calls is started.
        trainers: run what changes state.
        feed: is told what changed.
        log: where refusals at the start are told.
    """

    def __init__(
        self,
        definition: Definition,
        store: StoreThreads,
        launcher: Launcher,
        trainers: Trainers,
        feed: Newsfeed,
        log: Logger,
    ) -> None:
        self.definition, self.spec, self.name = definition, definition.spec, definition.name
        self.served: Served | None = None
        self.reason: ChariotsError | None = None
        self.running = 0
        self._store, self._trainers, self._log = store, trainers, log
        self._feed = feed
        self._loading = asyncio.Lock()
        self._replicas: Replicas | None = None
        if not self.spec.changes:
            self._replicas = Replicas(definition, None, launcher, lambda _: self._tell())

    # -- what it serves -----------------------------------------------------------------------

    async def restore(self) -> None:
        """At a start of the server: serve what was served before.

        Without a served set the newest that fits is loaded; with one of another definition each op
        keeps its state, if it is of the same code line. What is refused becomes the reason.
        """
        async with self._loading:
            try:
                served = await self._store(OpStore.served, self.name)
                if served is None:
                    await self._commit(await self._choose(None), "start", None)
                elif served.definition != self.definition.digest or served.until is not None:
                    kept = await self._store(OpStore.carry_over, self.spec)
                    await self._commit(kept, "definition", None)
                else:
                    await self._verify(served)
                    self._take(served)
            except ChariotsError as error:
                self.reason = error
                self._log.warning("Pipeline %r is not loaded: %s", self.name, error)
            except Exception as error:  # one pipeline must not keep the others from being served
                self.reason = ChariotsError(f"It could not be restored: {error!r}")
                self._log.exception("Pipeline %r is not loaded", self.name)
            self._tell()

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
        async with self._loading:
            served = await self._store(OpStore.served, self.name)
            if served is None or served.until is not None:
                return
            if served.definition != self.definition.digest:
                return  # of newer code, which this server will know after its next start
            if self.served is not None and served.seq <= self.served.seq:
                return
            try:
                if self._replicas and self._replicas.state != "cold":
                    await self._replicas.switch(served)
                else:
                    await self._verify(served)
            except ChariotsError as error:
                self._log.error("Pipeline %r cannot serve what was loaded: %s", self.name, error)
                return
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
            await self._verify(choice)
            await write()
        self._take(written[0])
        self._feed.wake()
        self._tell()
        return written[0]

    async def _verify(self, chosen: Choice | Served) -> None:
        """Check that every state is there and signed."""
        for op, version in chosen.versions.items():
            state = chosen.states.get(op)  # kept under an older version, if re-recorded
            await self._store(OpStore.verify, op, state.version if state else version)

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
        health: dict[str, Any] = {"is_loaded": self.is_loaded}
        warnings = list(self.served.warnings) if self.served and self.is_loaded else []
        if self._replicas and self._replicas.state == "failed" and self._replicas.reason:
            warnings.append(self._replicas.reason)
        if not self.is_loaded:
            health.update(_reason(self._not_loaded()))
        if warnings:
            health["warnings"] = warnings
        return health

    async def versions(self) -> dict[str, str]:
        """The version of each node in the current set."""
        current = await self._store(OpStore.current, self.spec)
        nodes = self.spec.node_versions(current)
        return {node: str(version) for node, version in nodes.items()}

    def summary(self) -> dict[str, Any]:
        """What this server knows of it without asking the store."""
        served = self.served
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
            "served": served
            and {
                "seq": served.seq,
                "versions": versions_view(served.versions, served.numbers),
                "pins": dict(served.pins),
                "cause": served.cause,
                "who": served.who,
                "at": plain(served.at),
            },
        }

    def _processes(self) -> dict[str, int]:
        if self._replicas is None:
            return {"wanted": 0, "alive": 0, "restarts": 0}
        alive = len(self._replicas.pids)
        return {"wanted": 1, "alive": alive, "restarts": self._replicas.restarts}

    def _not_loaded(self) -> ChariotsError:
        reason = self.reason
        if reason is not None and not isinstance(reason, VersionError):
            return reason
        said = reason.message if reason else "load it."
        why = said.removeprefix(f"Pipeline {self.name!r} cannot be loaded: ")
        return NotLoaded(
            f"Pipeline {self.name!r} is not loaded: {why}",
            hint=reason.hint if reason else None,
            **{"pipeline": self.name, **(reason.details if reason else {})},
        )


def _reason(error: ChariotsError) -> dict[str, Any]:
    """Why a pipeline is not loaded, as its health check says it."""
    payload = error.payload()
    reason = {"reason": error.message}
    return {**reason, **{key: payload[key] for key in ("hint", "remedy") if key in payload}}
