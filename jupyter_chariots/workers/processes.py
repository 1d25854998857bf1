"""The processes that hold what a pipeline serves: how they come and go, not when."""

from __future__ import annotations

import asyncio
import contextlib
import math
from collections.abc import AsyncIterator, Callable

from ..op_store.records import Choice, Definition, Served
from .dispatch import Dispatcher
from .launcher import Launcher
from .process import Child
from .retiring import Retiring

__all__ = ["Processes"]


class Processes:
    """The processes that answer the calls of one pipeline, and those that do so no more.

    Args:
        definition: the pipeline, as registered.
        launcher: how they are started.
        dispatcher: gives them the calls.
        on_exit: called with each that has died while it was to answer calls; it is out by then.
    """

    def __init__(
        self,
        definition: Definition,
        launcher: Launcher,
        dispatcher: Dispatcher,
        on_exit: Callable[[Child], object],
    ) -> None:
        self._definition, self._launcher = definition, launcher
        self._dispatcher, self._on_exit = dispatcher, on_exit
        self._retiring = Retiring()

    @property
    def alive(self) -> list[Child]:
        """Those that answer calls now."""
        return [child for child in self._dispatcher.children if child.alive]

    @property
    def known(self) -> list[Child]:
        """Those, and any that is dying, which ``on_exit`` has not been told of yet."""
        return self._dispatcher.children

    async def load(self, served: Choice | Served) -> Child:
        """A new process that holds this set; it gets no calls yet.

        Raises:
            ChariotsError: it does not start; nothing is left of it.
        """
        child = await self._launcher.host(self._definition)
        header = {
            "do": "load",
            "versions": {op: str(version) for op, version in served.versions.items()},
            "stored": {op: str(state.version) for op, state in served.states.items()},
        }
        try:
            await child.request(header, timeout=self._launcher.start_timeout)
        except BaseException:
            await child.dispose()
            raise
        child.on_exit = self._gone
        child.outstanding.took = math.inf  # until it has answered a call
        return child

    @contextlib.asynccontextmanager
    async def loaded(self, served: Choice | Served, number: int) -> AsyncIterator[list[Child]]:
        """So many new processes that hold this set; they end if one fails, or what is done here.

        Raises:
            ChariotsError: one of them does not start; nothing is left of any.
        """
        loading = [asyncio.ensure_future(self.load(served)) for _ in range(number)]
        try:
            yield list(await asyncio.gather(*loading))
        except BaseException:
            for task in loading:
                task.cancel()
            ended = await asyncio.gather(*loading, return_exceptions=True)
            await asyncio.gather(*(one.stop() for one in ended if isinstance(one, Child)))
            raise

    def add(self, child: Child) -> None:
        """Let this process answer calls, too."""
        self._dispatcher.use([*self._dispatcher.children, child])

    def use(self, children: list[Child], *, drain: bool = False) -> None:
        """Let these processes, and no others, answer the calls from now on; end the others.

        Args:
            children: of this pipeline.
            drain: let the others first answer the calls that they have.
        """
        for child in self._dispatcher.children:
            if child not in children:
                self._retiring.add(child, drain=drain)
        self._dispatcher.use(children)

    async def stop(self) -> None:
        """End all of them now, whatever they still have to answer."""
        self.use([])
        await self._retiring.stop()

    def _gone(self, child: Child) -> None:
        if child in self._dispatcher.children:
            self._dispatcher.use([one for one in self._dispatcher.children if one is not child])
            self._on_exit(child)
