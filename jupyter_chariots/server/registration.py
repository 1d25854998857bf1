"""Finding the pipelines of the configured modules, and registering them in the store."""

from __future__ import annotations

from collections.abc import Sequence
from logging import Logger

from ..errors import ChariotsError, Conflict, NameTaken, PipelineNotFound, StoreError
from ..op_store import OpStore
from ..op_store.records import Definition
from ..workers.describe import Described, describe
from ..workers.launcher import Launcher
from .threads import StoreThreads, patiently

__all__ = ["Registration"]


class Registration:
    """What the modules define, and what is wrong with them.

    Args:
        modules: where pipelines are defined: ``module`` or ``module:name``.
        store: of this server.
        launcher: how the child that imports them is started.
        log: of the extension.

    Attributes:
        refused: why pipelines are not served, by name.
        failures: what is wrong with modules and names.
    """

    def __init__(
        self, modules: Sequence[str], store: StoreThreads, launcher: Launcher, log: Logger
    ) -> None:
        self.refused: dict[str, ChariotsError] = {}
        self.failures: list[ChariotsError] = []
        self._modules, self._store, self._launcher, self._log = modules, store, launcher, log

    async def run(self) -> list[Definition]:
        """Find and register all pipelines; those that can be served.

        Raises:
            StoreError: the store cannot be written.
        """
        self.refused.clear()
        self.failures.clear()
        described, errors = await describe(self._modules, self._launcher)
        for error in errors:
            await self._note(error)
        registered = [await self._register(found) for found in described]
        return [definition for definition in registered if definition is not None]

    async def _note(self, error: ChariotsError) -> None:
        """Remember what is wrong with a module or a name, and which pipelines it is about."""
        self._log.error("%s\n%s", error, error.traceback or "")
        self.failures.append(error)
        name = error.details.get("pipeline")
        if name is not None:
            self.refused[name] = Conflict(error.message, hint=error.hint, **error.details)
            return
        module = str(error.details.get("module", "")).partition(":")[0]
        for definition in await self._store(OpStore.definitions):
            if definition.owner == module and definition.source.get("kind") == "module":
                self.refused[definition.name] = error

    async def _register(self, found: Described) -> Definition | None:
        name = found.spec.name
        try:
            definition = await self._registered(found)
        except StoreError:
            raise
        except ChariotsError as error:
            self._log.error("Pipeline %r is not served: %s", name, error)
            self.refused[name] = error
            return None
        self.refused.pop(name, None)
        return definition

    async def _registered(self, found: Described) -> Definition:
        def register(store: OpStore, replace: bool) -> Definition:
            return store.register(
                found.spec, owner=found.owner, source=found.source, replace=replace
            )

        try:
            return await patiently(lambda: self._store(register, False), self._log)
        except NameTaken:
            if not await self._was_moved(found.spec.name):
                raise
        self._log.warning("Pipeline %r is taken over by %s.", found.spec.name, found.owner)
        return await patiently(lambda: self._store(register, True), self._log)

    async def _was_moved(self, name: str) -> bool:
        """Whether the module that a pipeline belongs to defines it no more: it was renamed."""
        try:
            definition = await self._store(OpStore.definition, name)
        except PipelineNotFound:
            return False  # what is taken is the name of an op
        if not definition.trusted or definition.source["kind"] != "module":
            return False
        found, _ = await describe([definition.source["ref"]], self._launcher)
        return name not in {described.spec.name for described in found}
