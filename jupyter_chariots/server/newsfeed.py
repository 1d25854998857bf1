"""What happens in the store and in this server, told to whoever listens."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from logging import Logger
from pathlib import Path
from typing import Any

from ..errors import ChariotsError
from ..op_store import OpStore
from ..op_store.records import News
from .threads import StoreThreads
from .watcher import Watcher

__all__ = ["SCHEMAS", "Newsfeed", "event_id"]

SCHEMAS = sorted((Path(__file__).parent / "events").glob("*.yaml"))
"""The schemas of the events; the name of a file is the kind of the event."""

_ID = "https://jupyter-chariots.readthedocs.io/events/{}/v1"
_EVENTS = {
    "definition": "served",
    "retired": "served",
    "save": "saved",
    "served": "loaded",
    "job": "job",
}
_PAGE = 500
_MOST_JOBS = 20
_JOBS_S = 0.2
"""So long nobody is told of jobs after it was told of some; then come the last few with news."""

_PAUSE_S = 0.01
"""After news of jobs, which may come by the hundred in a second, and are then read together."""

_RETRY_S = 1.0
"""Until the store is asked again that could not be read."""

Emit = Callable[[str, dict[str, Any]], None]


def event_id(kind: str) -> str:
    """The identifier of the schema of this kind of event."""
    return _ID.format(kind)


class Newsfeed:
    """Follows the store's sequence, emits an event for each entry, and wakes who waits for news.

    Jobs may have news by the hundred in a second, and an event, or a panel that asks for all there
    is, may cost as much as a job. So where they have news faster than anybody could look at them,
    they are told of now and then, and only of the last.

    All methods belong to the event loop.

    Args:
        store: of this server.
        emit: takes the kind of an event and its fields.
        hear: called with each entry of the sequence, in order.
        log: where trouble is told.
    """

    def __init__(
        self, store: StoreThreads, emit: Emit, hear: Callable[[News], None], log: Logger
    ) -> None:
        self.seq = 0
        self.state_seq = 0
        self._store, self._emit, self._hear, self._log = store, emit, hear, log
        self._moved = asyncio.Event()
        self._woken = self._stopped = False
        self._following: asyncio.Task[None] | None = None
        self._watcher: Watcher | None = None
        self._untold: dict[str | None, News] = {}  # the last of each job
        self._pause: asyncio.TimerHandle | None = None
        self._calm = asyncio.Event()
        self._calm.set()

    async def start(self) -> None:
        """Begin with what comes after now; opens the store. Once begun, it goes on.

        Raises:
            ChariotsError: the store cannot be opened.
        """
        if self._watcher:
            return
        self.seq = await self._store(OpStore.sequence)
        self._watcher = Watcher(self._store.opened(), self.wake, self._log)

    @property
    def is_open(self) -> bool:
        """Whether the store is open, and followed."""
        return self._watcher is not None

    async def stop(self) -> None:
        """End the thread that watches; who waits for news waits no longer."""
        self._stopped = True
        if self._watcher:
            await asyncio.to_thread(self._watcher.end)
            self._watcher = None
        if self._following:
            await asyncio.wait([self._following])
        if self._pause:
            self._pause.cancel()
            self._tell_jobs()
        self._move()

    def wake(self) -> None:
        """Something was committed; many calls in a row are as good as one."""
        self._woken = True
        if self._watcher and (self._following is None or self._following.done()):
            self._following = asyncio.get_running_loop().create_task(self._follow())

    async def _follow(self) -> None:
        try:
            while self._woken:
                self._woken = False
                entries = await self._store(OpStore.news, self.seq, _PAGE)
                for entry in entries:
                    self.seq = entry.seq
                    self._take_in(entry)
                if self._untold and self._pause is None:
                    self._tell_jobs()
                elif self._untold:
                    self._calm.clear()
                self._woken = self._woken or len(entries) == _PAGE
                if entries:
                    self._move()
                if any(entry.kind == "job" for entry in entries) and not self._stopped:
                    await asyncio.sleep(_PAUSE_S)
        except ChariotsError as error:  # locked for too long
            self._log.warning("News of the op store cannot be read: %s", error)
            if not self._stopped:
                asyncio.get_running_loop().call_later(_RETRY_S, self.wake)
        except Exception:
            self._log.exception("News of the op store cannot be told")

    def _take_in(self, entry: News) -> None:
        """Pass an entry on; one that cannot be must not keep the next ones back."""
        for take in (self._hear, self._tell_soon if entry.kind == "job" else self._tell):
            try:
                take(entry)
            except Exception:
                self._log.exception("News %d of the op store cannot be told", entry.seq)

    def _tell_soon(self, entry: News) -> None:
        self._untold.pop(entry.ref, None)
        self._untold[entry.ref] = entry

    def _tell_jobs(self) -> None:
        """Tell of the jobs that have news, though not of too many; then pause."""
        self._pause = None
        told, self._untold = [*self._untold.values()][-_MOST_JOBS:], {}
        self._calm.set()
        for entry in told:
            self._tell(entry)
        if told and not self._stopped:
            self._pause = asyncio.get_running_loop().call_later(_JOBS_S, self._tell_jobs)

    def _tell(self, entry: News) -> None:
        fields: dict[str, Any] = {"seq": entry.seq, "pipeline": entry.pipeline}
        if entry.kind == "job":
            fields |= {"id": entry.ref, "status": entry.status and entry.status.value}
        else:
            fields["ref"] = entry.ref
        told = {key: value for key, value in fields.items() if value is not None}
        self._emit(_EVENTS.get(entry.kind, "state"), told)

    def state_changed(self, pipeline: str, state: str) -> None:
        """A process of a pipeline changed its state, which the store knows nothing of."""
        self.state_seq += 1
        fields = {"seq": self.seq, "state_seq": self.state_seq, "pipeline": pipeline}
        self._emit("state", {**fields, "state": state})
        self._move()

    def _move(self) -> None:
        moved, self._moved = self._moved, asyncio.Event()
        moved.set()

    async def after(self, seq: int, state_seq: int | None, wait: float) -> None:
        """Return when there is news after these numbers, at the latest after ``wait`` seconds."""
        loop = asyncio.get_running_loop()
        end = loop.time() + wait
        # the counter of states starts anew with each server, so a larger one is news as well
        while not self._stopped and self.seq <= seq and state_seq in (None, self.state_seq):
            try:
                await asyncio.wait_for(self._moved.wait(), end - loop.time())
            except asyncio.TimeoutError:
                return

    async def calm(self) -> None:
        """Return at once, or, while jobs have news too fast to be told of each, when some are."""
        await self._calm.wait()
