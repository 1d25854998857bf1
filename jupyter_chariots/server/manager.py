"""The pipelines of one server: found at the start, kept in step with the store."""

from __future__ import annotations

import asyncio
import difflib
import os
from collections.abc import Callable, Sequence
from copy import copy
from logging import Logger
from typing import Any

from ..errors import ChariotsError, PipelineNotFound, StoreError, Unavailable
from ..op_store import OpStore
from ..op_store.records import Definition, News, Served
from ..versioning.version import now
from ..workers.launcher import Launcher
from ..workers.logs import Page, log_of, read_log
from ..workers.pools.base import BaseWorkerPool
from ..workers.tasks import Tasks
from ..workers.trainers import Trainers
from .app_notebooks import AppNotebooks, AppSettings
from .checks import Checks
from .job_desk import JobDesk
from .newsfeed import Emit, Newsfeed
from .notebooks import Notebooks
from .registration import Registration
from .scale import Scale
from .serving import ServedPipeline
from .threads import StoreThreads, patiently
from .views import graph_view, refusal_view, schema_view, stored_view

__all__ = ["PROTOCOL", "PipelineManager"]

_DAY_S = 24 * 3600

PROTOCOL = 1
"""Number of the protocol between server and panels: a panel of another one may look, not act."""


class PipelineManager:
    """Holds the pipelines of a server. All methods belong to the event loop.

    Args:
        modules: where pipelines are defined: ``module`` or ``module:name``.
        apps: notebooks whose pipelines are served.
        store: of this server.
        launcher: how child processes are started.
        scale: how many of them answer calls.
        pool: where jobs run; or why they do not.
        address: of this server, and what workers elsewhere authenticate with.
        active: called again and again while jobs run.
        emit: takes the kind of a Jupyter event and its fields.
        log: of the extension.
        start_timeout: seconds that a request waits for the start before it is answered 503.
        release: of this package.
    """

    def __init__(
        self,
        modules: Sequence[str],
        apps: AppSettings,
        store: StoreThreads,
        launcher: Launcher,
        scale: Scale,
        pool: BaseWorkerPool | ChariotsError,
        address: Callable[[], tuple[str, str]],
        active: Callable[[], object],
        emit: Emit,
        log: Logger,
        *,
        start_timeout: float,
        release: str,
    ) -> None:
        self.pipelines: dict[str, ServedPipeline] = {}
        self.store = store
        self._modules, self._launcher, self._log = list(modules), launcher, log
        self._scale = scale
        self._start_timeout, self._release = start_timeout, release
        self._since = now()
        self._feed = Newsfeed(store, emit, self._hear, log)
        self._registration = Registration(self._modules, store, launcher, log)
        self._checks = Checks(store)
        self._trainers = Trainers(launcher, store)
        self.jobs = JobDesk(
            store,
            self._feed,
            self._trainers,
            launcher.guard,
            pool,
            self._to_run,
            lambda: list(self.pipelines),
            launcher.logs / "jobs",
            address,
            emit,
            active,
            log,
        )
        self.notebooks = Notebooks(
            store, self.pipelines, self.refused, self._entry, self._feed.wake, log
        )
        self.apps = AppNotebooks(apps, store, launcher, self.notebooks, self.pipelines, log)
        self._starting: asyncio.Task[None] | None = None
        self._failed: ChariotsError | None = None
        self._tasks = Tasks()
        self._stored: dict[str, Any] = {}  # by pipeline: what it is an answer for, and the answer

    # -- start and stop -------------------------------------------------------------------------

    def start(self) -> None:
        """Begin to find the pipelines; requests wait for it, the server does not."""
        self._failed = None
        self._starting = self._tasks.start(self._start())

    async def _start(self) -> None:
        try:
            await patiently(self._feed.start, self._log)
            for definition in await self._registration.run():
                entry = self.pipelines[definition.name] = self._entry(definition)
                entry.loading.restore()
            await self.notebooks.start()
            self.apps.start()
            self._feed.wake()
            await self.jobs.start()
            self._tasks.start(self._clean())
        except ChariotsError as error:
            self._failed = error
            self._log.error("No pipeline can be served: %s", error)
        except Exception as error:
            self._failed = ChariotsError(
                f"The start failed unexpectedly: {type(error).__name__}: {error}",
                hint="The server's log has the traceback; please report it.",
            )
            self._log.exception("No pipeline can be served")

    def _entry(self, definition: Definition) -> ServedPipeline:
        return ServedPipeline(
            definition,
            self.store,
            self._checks,
            self._launcher,
            self._trainers,
            self.jobs,
            self._scale,
            self._feed,
            self._log,
        )

    async def _clean(self) -> None:
        """Remove from the store what nothing needs: now, when all is restored, and once a day."""
        while True:
            if self.pipelines:
                await asyncio.wait([entry.loading.checking for entry in self.pipelines.values()])
            try:
                removed = await self.store(OpStore.gc)
                await self.store(self.jobs.clean)
                self._log.debug("Removed from the op store: %s", removed)
            except Exception as error:  # nobody waits for it, and the next time is not far
                self._log.info("The op store was not cleaned: %s", error)
            await asyncio.sleep(_DAY_S)

    async def started(self) -> None:
        """Wait until the pipelines are known. A start that the store refused is tried again.

        Raises:
            Unavailable: it takes too long; the request may be repeated.
            ChariotsError: the start failed.
        """
        if self._starting is None:
            raise Unavailable("The server is just starting.")
        if isinstance(self._failed, StoreError) and self._starting.done():
            self.start()
        if not await self._ended(self._starting):
            raise Unavailable(
                "The server is still importing the modules of its pipelines: "
                f"{', '.join(self._modules)}.",
                hint="Repeat the request in a moment.",
                retry_after=2,
            )
        if self._failed is not None:
            raise copy(self._failed)  # the kept one would grow by the frames of each raise

    async def _ended(self, task: asyncio.Task[None]) -> bool:
        """Wait for a part of the start, but not for too long."""
        if not task.done():
            await asyncio.wait([task], timeout=self._start_timeout)
        return task.done()

    async def stop(self) -> None:
        """End all processes and threads."""
        self._failed = Unavailable("The server is stopping.", hint="Try again when it is up.")
        await self.jobs.stop()
        await self._tasks.cancel()
        await self.apps.stop()
        await self.notebooks.stop()
        entries = self.pipelines.values()
        await asyncio.gather(self._trainers.stop(), *(entry.stop() for entry in entries))
        if self._launcher.guard:
            await asyncio.to_thread(self._launcher.guard.close)
        await self._feed.stop()
        await self.store.close()

    # -- the pipelines --------------------------------------------------------------------------

    async def pipeline(self, name: str) -> ServedPipeline:
        """The pipeline of this name, as soon as it is known what it serves.

        Raises:
            PipelineNotFound: there is none.
            ChariotsError: why it is not served.
        """
        await self.started()
        if name not in self.refused:
            await self.apps.wait_for(name, self._start_timeout)
        if name in self.pipelines:
            entry = self.pipelines[name]
            await self._ended(entry.loading.restoring)
            return entry
        if name in self.refused:
            raise copy(self.refused[name])
        near = difflib.get_close_matches(name, self.pipelines, 1)
        failures = self._registration.failures
        broken = [f.details["module"] for f in failures if "module" in f.details]
        hints = [
            f"Did you mean {near[0]!r}?" if near else "",
            f"Not imported, see the log: {', '.join(broken)}." if broken else "",
            *map(str, self.apps.failures.values()),
            ""
            if near
            else "Serve it with client.serve(…), or name its module in "
            "c.PipelinesServer.app_pipelines.",
        ]
        raise PipelineNotFound(
            f"There is no pipeline {name[:128]!r}.", hint=" ".join(filter(None, hints))
        )

    async def is_followed(self, entry: ServedPipeline) -> bool:
        """Wait until an entry is gone whose definition the store has replaced; whether it is."""
        loop, feed = asyncio.get_running_loop(), self._feed
        until = loop.time() + self._start_timeout
        while self.pipelines.get(entry.name) is entry:
            before = feed.seq, feed.state_seq
            await feed.after(*before, until - loop.time())
            if (feed.seq, feed.state_seq) == before:  # in time, or not until the server stopped
                return False
        return True

    async def health(self, name: str) -> dict[str, Any]:
        """Whether it is loaded, and why not.

        Raises:
            PipelineNotFound: there is none.
        """
        await self.started()
        if name in self.refused:
            return refusal_view(self.refused[name])
        entry = await self.pipeline(name)
        await self._ended(entry.loading.checking)
        return entry.health()

    async def loaded(self) -> dict[str, bool]:
        """For each pipeline whether it is loaded."""
        await self.started()
        for entry in self.pipelines.values():
            await self._ended(entry.loading.checking)
        loaded = {name: entry.loading.is_loaded for name, entry in self.pipelines.items()}
        return {**loaded, **dict.fromkeys(self.refused, False)}

    @property
    def refused(self) -> dict[str, ChariotsError]:
        """Why pipelines are not served, by name."""
        return self._registration.refused

    def running(self) -> dict[str, int]:
        """How many calls and runs are under way, by pipeline, and how many jobs."""
        calls = {name: entry.running for name, entry in self.pipelines.items() if entry.running}
        return {**calls, "jobs": self.jobs.running} if self.jobs.running else calls

    def _to_run(self, name: str) -> tuple[Definition, Served | None] | None:
        """What a job of a pipeline runs."""
        entry = self.pipelines.get(name)
        if entry is None:
            return None
        return entry.definition, entry.loading.served if entry.loading.is_loaded else None

    def _hear(self, entry: News) -> None:
        """Another server may have loaded or defined something, or ended it: do the same."""
        if entry.pipeline and entry.kind in ("definition", "retired"):
            self._tasks.start(self.notebooks.follow(entry.pipeline))
            self.jobs.host.wake()
        elif entry.kind == "served" and entry.pipeline in self.pipelines:
            self._tasks.start(self.pipelines[entry.pipeline].loading.follow())
        elif entry.kind == "job":
            self.jobs.hear(entry)
        elif entry.kind in ("save", "link"):
            for pipeline in self.pipelines.values():
                pipeline.loading.look_for_newer()

    async def log(self, name: str, lines: int, after: str | None) -> Page:
        """A part of what the processes of a pipeline have printed, as :func:`read_log`.

        Raises:
            PipelineNotFound: there is none.
            BadRequest: ``after`` is no offset.
        """
        await self.started()
        if name not in self.refused:  # what is refused may have said why
            await self.pipeline(name)
        path = log_of(self._launcher.logs, name)
        return await self.store.run(read_log, path, lines=lines, after=after)

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
        served = entry.loading.served.versions if entry.loading.served else {}

        def look(store: OpStore) -> dict[str, Any]:
            schema = schema_view(store, entry.spec, served)
            about = {"input_schema": schema, "op_store": str(store.path)}
            return {**stored_view(store, entry.spec), **about}

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

        nothing: dict[str, Any] = {"jobs": [], "job_counts": {}}
        jobs = nothing if starting or self._failed else await self.jobs.overview()
        more = await self._stored_views(entries)
        pipelines = [{**local[name], **more[name]} for name in local]
        pipelines += [_refused_view(name, error) for name, error in self.refused.items()]
        failures = [*self._registration.failures, *self.apps.failures.values()]
        failures += [self._failed] if self._failed else []
        return {
            "protocol": PROTOCOL,
            "seq": seq,
            "state_seq": state_seq,
            "server": {"release": self._release, "pid": os.getpid(), "since": str(self._since)},
            "starting": starting,
            "pipelines": sorted(pipelines, key=lambda view: str(view["name"])),
            "failures": [failure.payload() for failure in failures],
            **jobs,
        }

    async def _stored_views(self, entries: Sequence[ServedPipeline]) -> dict[str, Any]:
        """What the store says of each pipeline; it is asked again when it has changed."""
        wanted = [
            (entry.spec, (entry.definition.seq, entry.loading.served and entry.loading.served.seq))
            for entry in entries
        ]
        known = self._stored

        def look(store: OpStore) -> dict[str, Any]:
            seq = store.sequence()  # before what it numbers
            found = {}
            for spec, what in wanted:
                key, view = known.get(spec.name, (None, None))
                fresh = (seq, what)
                found[spec.name] = fresh, view if key == fresh else stored_view(store, spec)
            return found

        self._stored = await self.store(look) if entries else {}
        return {name: view for name, (_, view) in self._stored.items()}


def _refused_view(name: str, error: ChariotsError) -> dict[str, Any]:
    return {"name": name, "state": "failed", **refusal_view(error)}
