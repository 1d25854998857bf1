"""Pipelines that notebooks send: registered, served, and served again after a restart.

Nothing that they bring is opened here: definitions and states are bytes, which the store signs
and child processes open.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from logging import Logger
from typing import Any, NamedTuple

from .. import faults
from ..errors import ChariotsError, Conflict, NotTrusted, PipelineNotFound, VersionError
from ..op_store import OpStore
from ..op_store.records import Definition
from ..pipelines.bundle import Bundle
from ..pipelines.header import PROTOCOL
from ..versioning.version import Version
from ..workers.tasks import Tasks
from .bundles import register, renamed, save
from .serving import ServedPipeline
from .threads import StoreThreads, patiently
from .views import schema_view, versions_view

__all__ = ["Notebooks"]

_START_S = 1.0
"""How long an answer to ``serve`` may wait for the first process of a new definition."""


class Notebooks:
    """Serves definitions by value. All methods belong to the event loop.

    Args:
        store: of the server.
        pipelines: what the server serves, by name.
        refused: why it does not serve what it does not.
        make: makes the entry of a definition.
        wake: called after the store was written.
        log: of the extension.
    """

    def __init__(
        self,
        store: StoreThreads,
        pipelines: dict[str, ServedPipeline],
        refused: dict[str, ChariotsError],
        make: Callable[[Definition], ServedPipeline],
        wake: Callable[[], None],
        log: Logger,
    ) -> None:
        self._store, self._make, self._wake, self._log = store, make, wake, log
        self._pipelines, self._refused = pipelines, refused
        self._serving = asyncio.Lock()
        self._retiring: set[ServedPipeline] = set()
        self._tasks = Tasks()

    async def start(self) -> None:
        """Serve what was served before, from the store; no notebook has to be open."""
        async with self._serving:
            for definition in await self._store(OpStore.definitions):
                name = definition.name
                if definition.source.get("kind") != "pickle" or name in self._pipelines:
                    continue
                if await self._may_run(definition):
                    entry = self._pipelines[name] = self._make(definition)
                    entry.loading.restore()

    async def stop(self) -> None:
        """End the processes of what was replaced a moment ago."""
        await self._tasks.cancel()
        await asyncio.gather(*(entry.stop() for entry in self._retiring))

    async def serve(self, bundle: Bundle, owner: str, who: str | None) -> list[dict[str, Any]]:
        """Register, save and serve what a notebook sent.

        Args:
            bundle: what it sent.
            owner: the notebook, to which the names belong from now on.
            who: the user; of nobody if the configuration says so.

        Returns:
            for each pipeline what was done, as the answer of the route describes it.

        Raises:
            Conflict: it cannot run here; nothing was changed.
            NameTaken: a name belongs to another notebook or module; nothing was changed.
        """
        async with self._serving:
            definitions = await self._store(register, bundle, owner, who)
            saved: dict[str, Version] = {}
            held: dict[str, str] = {}
            try:
                for sent, definition in zip(bundle.pipelines, definitions, strict=True):
                    for run in renamed(sent.runs, bundle.header["notebook"], owner):
                        new, known = await self._store(save, definition.spec, run, who)
                        saved.update(new)
                        held.update({op: str(version) for op, version in known.items()})
                done = [await self._serve(definition, saved, who) for definition in definitions]
                await _started([one.entry for one in done if one.is_new])
                faults.reached("definition served")
                return [{**await self._store(_facts, one, saved), "held": held} for one in done]
            finally:
                self._wake()

    async def follow(self, name: str) -> None:
        """Serve a definition by value as another server has registered it; or serve it no more."""
        try:
            await patiently(lambda: self._follow(name), self._log)
        except Exception:
            self._log.exception("What another server has done with %r cannot be followed", name)

    async def serve_again(
        self, definitions: Sequence[Definition], who: str | None
    ) -> list[dict[str, Any]]:
        """Serve what is in the store already; the answer is that of :meth:`serve`."""
        async with self._serving:
            done = [await self._serve(one, {}, who) for one in definitions]
            return [{**await self._store(_facts, one, {}), "held": {}} for one in done]

    async def unserve(self, name: str, who: str | None) -> None:
        """Serve a pipeline no more; its versions and its history stay.

        Raises:
            PipelineNotFound: there is no such pipeline.
        """
        async with self._serving:
            if name not in self._pipelines and name not in self._refused:
                raise PipelineNotFound(f"There is no pipeline {name[:128]!r}.")
            await self._store(OpStore.unregister, name, who)
            self._forget(name)
            self._wake()

    # -- one pipeline ---------------------------------------------------------------------------

    async def _serve(
        self, definition: Definition, saved: Mapping[str, Version], who: str | None
    ) -> _Done:
        name = definition.name
        entry = self._pipelines.get(name)
        fresh = [op for op in definition.spec.stateful if op in saved]
        change, refusal = "unchanged", None
        if entry is not None and entry.rescaled(definition):
            change = "scaled"
        if entry is None or entry.definition.seq != definition.seq:
            change = "served" if entry is None else "replaced"
            entry = self._make(definition)
            await entry.loading.restore("serve", who, newest=bool(fresh))
            self._put(entry)
        elif fresh and not entry.loading.pins:
            change = "loaded"
            try:
                await entry.loading.load_newest(who)
            except VersionError as error:
                change, refusal = "unchanged", error.payload()
        elif entry.loading.served is None:
            await entry.loading.restore("serve", who)
            change = "loaded" if entry.loading.is_loaded else change
        return _Done(entry, change, refusal)

    async def _follow(self, name: str) -> None:
        async with self._serving:
            old = self._pipelines.get(name)
            try:
                definition = await self._store(OpStore.definition, name)
            except PipelineNotFound:
                self._forget(name)
                return
            except NotTrusted as error:
                self._forget(name)
                self._refused[name] = error
                return
            if definition.source["kind"] != "pickle":
                return  # what a module defines is known to those that are configured with it
            if old and (definition.seq <= old.definition.seq or old.rescaled(definition)):
                return
            if not await self._may_run(definition):
                return
            entry = self._make(definition)
            await entry.loading.restore("elsewhere")
            self._put(entry)
            self._tasks.start(entry.loading.follow())  # what was written while it was made
            if old and old.state == "ready":
                entry.warm_up()

    async def _may_run(self, definition: Definition) -> bool:
        """Whether it may be run here; if not, the reason is kept."""
        try:
            await self._store(_check_stored, definition)
        except ChariotsError as error:
            self._log.error("Pipeline %r is not served: %s", definition.name, error)
            self._forget(definition.name)
            self._refused[definition.name] = error
            return False
        self._refused.pop(definition.name, None)
        return True

    def _put(self, entry: ServedPipeline) -> None:
        """Serve this one from now on."""
        self._forget(entry.name)
        self._pipelines[entry.name] = entry
        entry.tell()

    def _forget(self, name: str) -> None:
        """Serve nothing under this name from now on."""
        self._refused.pop(name, None)
        old = self._pipelines.pop(name, None)
        if old:
            old.leave()
            self._tasks.start(self._retire(old))

    async def _retire(self, old: ServedPipeline) -> None:
        """End its processes when they have answered the calls that they have."""
        self._retiring.add(old)
        await old.stop(drain=True)
        self._retiring.discard(old)


class _Done(NamedTuple):
    """What was done with a pipeline that was sent."""

    entry: ServedPipeline
    change: str
    refusal: dict[str, Any] | None

    @property
    def is_new(self) -> bool:
        """Whether it has not run yet."""
        return self.change in ("served", "replaced")


async def _started(entries: Sequence[ServedPipeline]) -> None:
    """Start processes, and wait a moment: what hinders them is said under the cell then."""
    tasks = [entry.warm_up() for entry in entries]
    if tasks:
        await asyncio.wait(tasks, timeout=_START_S)


# In threads: these touch files and the store.


def _check_stored(store: OpStore, definition: Definition) -> None:
    """Whether a definition of the store may be run."""
    if not definition.trusted:
        raise NotTrusted(
            f"The definition of pipeline {definition.name!r} was not signed by you; it was not "
            "opened.",
            hint="Serve the pipeline again, or, if you trust who wrote this store, run: "
            "jupyter chariots trust PATH",
            pipeline=definition.name,
        )
    lost = definition.source["header"].get("lost")
    if lost:
        raise Conflict(
            f"Pipeline {definition.name!r} was served with environment variables whose values only "
            f"another user can read: {', '.join(lost)}.",
            hint="Serve it again, with env=[…], from a kernel that has them.",
            pipeline=definition.name,
        )
    if definition.source["header"]["protocol"] != PROTOCOL:
        raise Conflict(
            f"Pipeline {definition.name!r} was served by another release of jupyter_chariots.",
            hint="Serve it again.",
            pipeline=definition.name,
        )
    store.read_definition(definition.name)


def _facts(store: OpStore, done: _Done, all_saved: Mapping[str, Version]) -> dict[str, Any]:
    entry, served = done.entry, done.entry.loading.served
    saved = {op: all_saved[op] for op in entry.spec.stateful if op in all_saved}
    numbers = {op: store.version_number(op, version) for op, version in saved.items()}
    schema = schema_view(store, entry.spec, served.versions if served else saved)
    return {
        "name": entry.name,
        "change": done.change,
        "revision": entry.definition.revision,
        "owner": entry.definition.owner,
        "pinned": bool(saved and entry.loading.pins),
        "refusal": done.refusal,
        **entry.health(),
        "saved": versions_view(saved, numbers),
        "served": versions_view(served.versions, served.numbers) if served else {},
        "example": (schema or {}).get("example"),
    }
