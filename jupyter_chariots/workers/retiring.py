"""Children that nobody needs any more, on their way out."""

from __future__ import annotations

import asyncio

from .process import Child

__all__ = ["Retiring"]


class Retiring:
    """Ends children in the background, and can be told to hurry."""

    def __init__(self) -> None:
        self._ending: dict[Child, asyncio.Task[None]] = {}

    def add(self, child: Child, *, drain: bool = False) -> None:
        """End this one.

        Args:
            child: nobody sends it requests any more.
            drain: first let the requests that it has be answered.
        """
        task = asyncio.get_running_loop().create_task(child.stop(drain=drain))
        self._ending[child] = task
        task.add_done_callback(lambda _: self._ending.pop(child, None))

    async def stop(self) -> None:
        """End all of them now, whatever they still have to answer."""
        ending = dict(self._ending)
        # it goes on to its end even if the waiting is cancelled, and can be waited for again
        await asyncio.shield(asyncio.gather(*(child.stop() for child in ending), *ending.values()))
