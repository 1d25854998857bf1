"""What one pipeline serves: taken up at a start, loaded, followed, or why it is nothing."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from copy import copy
from logging import Logger
from typing import Any

from ..errors import BadRequest, ChariotsError, NotLoaded, Unavailable, VersionError
from ..op_store import OpStore
from ..op_store.newer import Newer
from ..op_store.records import Choice, Definition, Served
from ..workers.replicas import Replicas
from ..workers.tasks import Tasks
from .checks import Checks
from .retries import Retries
from .threads import StoreThreads, patiently

__all__ = ["Loading"]

_MOMENT_S = 2.0
_PAUSE_S = 0.02


class Loading:
    """The set of versions that a pipeline serves, from one load to the next.

    The store is the truth: what is kept here is what it said last. ``restore`` has to be called
    once it is made; it takes up what was served before, in the background: ``restoring`` ends when
    that is known and calls can be answered, ``checking`` when its states have been found whole and
    signed.

    Args:
        definition: of the pipeline, as registered.
        store: of this server.
        checks: of the states that it serves.
        replicas: answer its calls; ``None`` if it changes state.
        wake: called when something was written to the store.
        tell: called when something else is served, or nothing any more.
        log: where refusals at the start are told.

    Attributes:
        served: what it serves, or served last.
        reason: why it serves nothing.
        looks: for what is newer.
    """

    def __init__(
        self,
        definition: Definition,
        store: StoreThreads,
        checks: Checks,
        replicas: Replicas | None,
        wake: Callable[[], None],
        tell: Callable[[], None],
        log: Logger,
    ) -> None:
        self.definition, self.spec, self.name = definition, definition.spec, definition.name
        self.served: Served | None = None
        self.reason: ChariotsError | None = Unavailable(
            f"Pipeline {self.name!r} is still being restored.",
            hint="Repeat the request in a moment.",
            retry_after=2,
        )
        self._store, self._checks, self._replicas, self._log = store, checks, replicas, log
        self._wake, self._tell = wake, tell
        self._lock = asyncio.Lock()
        self._tasks = Tasks()
        self._looking: asyncio.Task[None] | None = None
        self.looks = Retries(f"Pipeline {self.name!r} does not load by itself", log)
        self.restoring: asyncio.Task[None]
        self.checking: asyncio.Task[None]

    @property
    def is_loaded(self) -> bool:
        """Whether every op that needs learned state has it."""
        return self.served is not None and self.reason is None

    @property
    def pins(self) -> Mapping[str, str]:
        """The versions that the last load chose."""
        return self.served.pins if self.served else {}

    async def stop(self) -> None:
        """End what goes on in the background."""
        await self._tasks.cancel()

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
        async with self._lock:
            try:
                await patiently(lambda: self._take_up(cause, who, newest), self._log)
            except Exception as error:
                self._not_restored(error)
            self._tell()
        self.look_for_newer()

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
        elif not self._is_of_this_definition(served):
            kept = await self._store(OpStore.carry_over, self.spec)
            await self._commit(kept, "definition", who)
        else:
            self._take(served)

    async def _take_up_from_elsewhere(self, served: Served | None) -> None:
        """Serve what another server does, which writes the served set of the new definition.

        It writes that a moment after the definition; until then the old one answers here.
        """
        if served is None:
            await self._choose(None)  # raises the reason that the other one has found
        elif not self._is_of_this_definition(served):
            await self._store(OpStore.carry_over, self.spec)
        loop = asyncio.get_running_loop()
        until = loop.time() + _MOMENT_S
        while not self._is_of_this_definition(served) and loop.time() < until:
            await asyncio.sleep(_PAUSE_S)
            served = await self._store(OpStore.served, self.name)
        if served and self._is_of_this_definition(served):
            self._take(served)

    def _is_of_this_definition(self, served: Served | None) -> bool:
        return (
            served is not None
            and served.definition == self.definition.digest
            and served.until is None
        )

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
        async with self._lock:
            served = await self._commit(await self._choose(versions), "load", who)
            return list(served.warnings)

    async def unload(self, who: str) -> None:
        """Serve nothing until the next load, or until this server is started again.

        Only this server: what the store says of the pipeline stays, and other servers go on.
        """
        async with self._lock:
            if not self.is_loaded:
                return
            self.reason = NotLoaded(
                f"{who} unloaded it.", hint=f'client.load_pipeline("{self.name}") loads it again.'
            )
            if self._replicas:
                await self._replicas.unload()
            self._tell()

    async def load_newest(self, who: str | None) -> None:
        """Switch to what a notebook has just saved.

        Raises:
            VersionError: refused; what was served is served still.
        """
        async with self._lock:
            await self._commit(await self._choose(None), "serve", who)

    async def follow(self) -> None:
        """Switch to the served set that another server has written, if there is one."""
        trouble = f"Pipeline {self.name!r} cannot serve what another server has loaded"
        await Retries(trouble, self._log).run(self._follow)

    async def _follow(self) -> None:
        async with self._lock:
            served = await self._store(OpStore.served, self.name)
            if served is None or served.until is not None:
                return
            if served.definition != self.definition.digest:
                return  # of newer code, which this server will know after its next start
            if self.served is not None and served.seq <= self.served.seq:
                return
            if self._replicas:
                await self._replicas.switch(served, check=lambda: self._checks.check(served))
            else:
                await self._checks.check(served)
            self._take(served)
            self._tell()

    async def _choose(self, pins: Mapping[str, str] | None) -> Choice:
        return await self._store(OpStore.choose, self.spec, pins)

    async def _commit(self, choice: Choice, cause: str, who: str | None) -> Served:
        """Start on the choice, write the served row, switch; on any error nothing changes."""
        written: list[Served] = []

        async def check() -> None:
            await self._checks.check(choice)

        async def write() -> None:
            commit = OpStore.commit_load
            written.append(await self._store(commit, self.spec, choice, cause=cause, who=who))

        if self._replicas:
            await self._replicas.switch(choice, write, check=None if cause == "load" else check)
        else:
            await check()
            await write()
        self._take(written[0])
        self._wake()
        self._tell()
        return written[0]

    # -- what is newer --------------------------------------------------------------------------

    def look_for_newer(self) -> None:
        """Something was saved: load it, if the pipeline is one that does so by itself."""
        if not self.spec.auto_load:
            return
        self.looks.hurry()
        if self._looking is None or self._looking.done():
            self._looking = self._tasks.start(self.looks.run(self._auto_load))

    async def _auto_load(self) -> None:
        """Serve the newest versions if they are others, go together, and nothing is pinned."""
        async with self._lock:
            newer: Newer | None = await self._store(OpStore.newer, self.spec)
            if newer is None or newer.choice is None or newer.pinned:
                return
            if self.served is None or newer.choice.versions != self.served.versions:
                await self._commit(newer.choice, "auto_load", None)

    def _take(self, served: Served) -> None:
        self.served, self.reason = served, None
        if self._replicas:
            self._replicas.served = served

    def refusal(self) -> ChariotsError:
        """Why it cannot be called."""
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
