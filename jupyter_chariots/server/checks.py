"""Whether the states that are served are there, whole and signed."""

from __future__ import annotations

import asyncio

from ..op_store import OpStore
from ..op_store.records import Choice, Served
from ..versioning.version import Version
from .threads import StoreThreads

__all__ = ["Checks"]


class Checks:
    """Checks each state once, however many pipelines serve it.

    One after the other: to hash a large one takes seconds, and other threads of the store have to
    stay free for requests. Whoever unpickles a state checks it again in the same breath.

    Args:
        store: of this server.
    """

    def __init__(self, store: StoreThreads) -> None:
        self._store = store
        self._turn = asyncio.Lock()
        self._sound: set[tuple[str, Version]] = set()

    async def check(self, chosen: Choice | Served) -> None:
        """Check all states of a set.

        Raises:
            BlobMissing: one is gone.
            NotTrusted: this user did not sign one, or it was changed since.
        """
        for op, version in chosen.versions.items():
            state = chosen.states.get(op)  # kept under an older version, if re-recorded
            await self._check(op, state.version if state else version)

    async def _check(self, op: str, version: Version) -> None:
        async with self._turn:
            if (op, version) not in self._sound:
                await self._store(OpStore.verify, op, version)
                self._sound.add((op, version))
