"""The pipelines of one server: found at the start, kept in step with the store."""

from __future__ import annotations

import asyncio
import difflib
import os
from collections.abc import Sequence
from logging import Logger
from typing import Any

from ..errors import ChariotsError, Conflict, NameTaken, PipelineNotFound, Unavailable
from ..op_store import OpStore
from ..op_store.records import Definition, News
from ..versioning.version import now
from ..workers.describe import Described, describe
from ..workers.launcher import Launcher
from ..workers.trainers import Trainers
from .newsfeed import Emit, Newsfeed
from .serving import ServedPipeline
from .threads import StoreThreads
from .views import graph_view, schema_view, stored_view

__all__ = ["PROTOCOL", "PipelineManager"]

PROTOCOL = 1
"""Number of the protocol between server and panels: a panel of another one may look, not act."""


class PipelineManager:
    """Holds the pipelines of a server. All methods belong to the event loop.

    Args:
        modules: where pipelines are defined: ``module`` or ``module:name``.
        store: of this server.
        launcher: how child processes are started.
        emit: takes the kind of a Jupyter event and its fields.
        log: of the extension.
        start_timeout: seconds that a request waits for the start before it is answered 503.
        release: of this package.
    """

    def __init__(
        self,
        modules: Sequence[str],
        store: StoreThreads,
        launcher: Launcher,
        emit: Emit,
        log: Logger,
        *,
        start_timeout: float,
        release: str,
    ) -> None:
        self.pipelines: dict[str, ServedPipeline] = {}
        self.refused: dict[str, ChariotsError] = {}
        self.failures: list[ChariotsError] = []
        self.store = store
        self._modules, self._launcher, self._log = list(modules), launcher, log
        self._start_timeout, self._release = start_timeout, release
        self._since = now()
        self._feed = Newsfeed(store, emit, self._hear, log)
        self._trainers = Trainers(launcher, store)
        self._starting: asyncio.Task[None] | None = None
        self._failed: ChariotsError | None = None
        self._tasks: set[asyncio.Task[None]] = set()

    # -- start and stop -------------------------------------------------------------------------

    def start(self) -> None:
        """Begin to find the pipelines; requests wait for it, the server does not."""
        self._starting = asyncio.get_running_loop().create_task(self._start())

    async def _start(self) -> None:
        try:
            await self._feed.start()
            described, errors = await describe(self._modules, self._launcher)
            for error in errors:
                await self._note(error)
            for found in described:
                await self._register(found)
            await asyncio.gather(*(entry.restore() for entry in self.pipelines.values()))
            self._feed.wake()
        except ChariotsError as error:
            self._failed = error
            self._log.error("No pipeline can be served: %s", error)
        except Exception as error:
            self._failed = ChariotsError(
                f"The start failed unexpectedly: {type(error).__name__}: {error}",
                hint="The server's log has the traceback; please report it.",
            )
            self._log.exception("No pipeline can be served")

    async def _note(self, error: ChariotsError) -> None:
        """Remember what is wrong with a module or a name, and which pipelines it is about."""
        self._log.error("%s\n%s", error, error.traceback or "")
        self.failures.append(error)
        name = error.details.get("pipeline")
        if name is not None:
            self.refused[name] = Conflict(error.message, hint=error.hint, **error.details)
            return
        module = str(error.details.get("module", "")).partition(":")[0]
        for definition in await self.store(OpStore.definitions):
            if definition.owner == module and definition.source.get("kind") == "module":
                self.refused[definition.name] = error

    async def _register(self, found: Described) -> None:
        name = found.spec.name
        try:
            definition = await self._registered(found)
        except ChariotsError as error:
            self._log.error("Pipeline %r is not served: %s", name, error)
            self.refused[name] = error
            return
        self.refused.pop(name, None)
        self.pipelines[name] = ServedPipeline(
            definition, self.store, self._launcher, self._trainers, self._feed, self._log
        )

    async def _registered(self, found: Described) -> Definition:
        def register(store: OpStore, replace: bool) -> Definition:
            return store.register(
                found.spec, owner=found.owner, source=found.source, replace=replace
            )

        try:
            return await self.store(register, False)
        except NameTaken:
            if found.spec.name not in await self._moved_away():
                raise
        self._log.warning("Pipeline %r is taken over by %s.", found.spec.name, found.owner)
        return await self.store(register, True)

    async def _moved_away(self) -> set[str]:
        """Names of pipelines whose module does not define them any more: it was renamed."""
        modules = {
            definition.name: definition.source["ref"]
            for definition in await self.store(OpStore.definitions)
            if definition.trusted and definition.source["kind"] == "module"
        }
        found, _ = await describe(set(modules.values()), self._launcher)
        return modules.keys() - {described.spec.name for described in found}

    async def started(self) -> None:
        """Wait until the pipelines are known.

        Raises:
            Unavailable: it takes too long; the request may be repeated.
            ChariotsError: the start failed.
        """
        if self._starting is None:
            raise Unavailable("The server is just starting.")
        if not self._starting.done():
            await asyncio.wait([self._starting], timeout=self._start_timeout)
            if not self._starting.done():
                raise Unavailable(
                    "The server is still importing the modules of its pipelines: "
                    f"{', '.join(self._modules)}.",
                    hint="Repeat the request in a moment.",
                    retry_after=2,
                )
        if self._failed is not None:
            raise self._failed

    async def stop(self) -> None:
        """End all processes and threads."""
        if self._starting:
            self._starting.cancel()
            await asyncio.wait([self._starting])
        await self._trainers.stop()
        await asyncio.gather(*(entry.stop() for entry in self.pipelines.values()))
        if self._tasks:
            await asyncio.wait(self._tasks)
        await self._feed.stop()
        await self.store.close()

    # -- the pipelines --------------------------------------------------------------------------

    async def pipeline(self, name: str) -> ServedPipeline:
        """The pipeline of this name.

        Raises:
            PipelineNotFound: there is none.
            ChariotsError: why it is not served.
        """
        await self.started()
        if name in self.pipelines:
            return self.pipelines[name]
        if name in self.refused:
            raise self.refused[name]
        near = difflib.get_close_matches(name, self.pipelines, 1)
        broken = [f.details["module"] for f in self.failures if "module" in f.details]
        hints = [
            f"Did you mean {near[0]!r}?" if near else "",
            f"Not imported, see the log: {', '.join(broken)}." if broken else "",
            "" if near else "c.PipelinesServer.app_pipelines names the modules of the pipelines.",
        ]
        raise PipelineNotFound(
            f"There is no pipeline {name[:128]!r}.", hint=" ".join(filter(None, hints))
        )

    async def health(self, name: str) -> dict[str, Any]:
        """Whether it is loaded, and why not.

        Raises:
            PipelineNotFound: there is none.
        """
        await self.started()
        if name in self.refused:
            return _refused_health(self.refused[name])
        return (await self.pipeline(name)).health()

    def running(self) -> dict[str, int]:
        """How many calls and runs are under way, by pipeline."""
        return {name: entry.running for name, entry in self.pipelines.items() if entry.running}

    def _hear(self, entry: News) -> None:
        """Another server may have loaded something: serve it, too."""
        if entry.kind == "served" and entry.pipeline in self.pipelines:
            task = asyncio.get_running_loop().create_task(self.pipelines[entry.pipeline].follow())
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    # -- the whole ------------------------------------------------------------------------------

    async def view(self, name: str) -> dict[str, Any]:
        """All about one pipeline.

        Raises:
            PipelineNotFound: there is none.
        """
        await self.started()
        if name in self.refused:
            return _refused_view(name, self.refused[name])
        entry = await self.pipeline(name)
        served = entry.served.versions if entry.served else {}

        def look(store: OpStore) -> dict[str, Any]:
            schema = schema_view(store, entry.spec, served)
            return {**stored_view(store, entry.spec), "input_schema": schema}

        return {**entry.summary(), **await self.store(look), "graph": graph_view(entry.spec)}

    async def views(self) -> list[dict[str, Any]]:
        """All about each pipeline, by name."""
        await self.started()
        return [await self.view(name) for name in sorted({*self.pipelines, *self.refused})]

    async def news_after(self, seq: int, state_seq: int | None, wait: float) -> None:
        """Return when something is new, at the latest after ``wait`` seconds."""
        await self._feed.after(seq, state_seq, wait)

    async def snapshot(self) -> dict[str, Any]:
        """Everything that a panel shows."""
        starting = self._starting is None or not self._starting.done()
        entries = [] if starting or self._failed else list(self.pipelines.values())
        local = {entry.name: entry.summary() for entry in entries}
        # read before what it numbers: a panel that comes back with it misses nothing
        seq, state_seq = self._feed.seq, self._feed.state_seq

        def stored(store: OpStore) -> dict[str, Any]:
            return {entry.name: stored_view(store, entry.spec) for entry in entries}

        more = await self.store(stored) if entries else {}
        pipelines = [{**local[name], **more[name]} for name in local]
        pipelines += [_refused_view(name, error) for name, error in self.refused.items()]
        failures = [*self.failures, *([self._failed] if self._failed else [])]
        return {
            "protocol": PROTOCOL,
            "seq": seq,
            "state_seq": state_seq,
            "server": {"release": self._release, "pid": os.getpid(), "since": str(self._since)},
            "starting": starting,
            "pipelines": sorted(pipelines, key=lambda view: str(view["name"])),
            "failures": [failure.payload() for failure in failures],
            "jobs": [],
        }


def _refused_view(name: str, error: ChariotsError) -> dict[str, Any]:
    return {"name": name, "state": "failed", **_refused_health(error)}


def _refused_health(error: ChariotsError) -> dict[str, Any]:
    health = {"is_loaded": False, "reason": error.message}
    return {**health, "hint": error.hint} if error.hint else health
