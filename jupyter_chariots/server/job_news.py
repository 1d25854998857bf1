"""What is new about jobs: for those who wait for it, and for panels."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections import OrderedDict
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from ..op_store.records import News

__all__ = ["JobNews"]

_PAUSE_S = 0.1
_KEPT_S = 1.0
_REMEMBERED = 10_000

Progress = Mapping[str, Any]


class JobNews:
    """Counts what happens to each job, and knows how far those are that run.

    Args:
        emit: takes the kind of an event and its fields.
        keep: takes how far a job is, once a second at most and the last in any case, to be
            written down.
    """

    def __init__(
        self,
        emit: Callable[[str, dict[str, Any]], None],
        keep: Callable[[str, Progress], object],
    ) -> None:
        self._emit, self._keep = emit, keep
        # later than all that another server, or this one before, has told
        self._last = self._floor = time.time_ns() // 1000
        self._marks: OrderedDict[str, int] = OrderedDict()
        self._listeners: dict[str, set[asyncio.Future[None]]] = {}
        self._progress: dict[str, tuple[str, Progress]] = {}
        self._told: dict[str, asyncio.TimerHandle] = {}
        self._kept: dict[str, tuple[float, Progress]] = {}  # when, and what

    def seen(self, job_id: str) -> int:
        """A number that rises with each change of a job; read it before the job itself."""
        return self._marks.get(job_id, self._floor)

    def progress_of(self, job_id: str) -> Progress | None:
        """How far a job is that runs, as last heard here."""
        found = self._progress.get(job_id)
        return found and found[1]

    def told(self, entry: News) -> None:
        """The store says that something happened to a job."""
        job_id = entry.ref or ""
        if entry.status is None or entry.status.ended or entry.status.value == "queued":
            self._forget(job_id)
        self._changed(job_id)

    def progress(self, job_id: str, pipeline: str, progress: Progress) -> None:
        """A job that runs is so far; told ten times a second at most, the last in any case."""
        self._progress[job_id] = pipeline, progress
        self._changed(job_id)
        if job_id not in self._told:
            self._tell(job_id)

    def printed(self, job_id: str) -> None:
        """Something was added to the log of a job."""
        self._wake(job_id)

    async def after(self, job_id: str, seen: int, wait: float) -> None:
        """Return when something about a job is newer than ``seen``, at the latest after ``wait``
        seconds.
        """
        end = time.monotonic() + wait
        while self.seen(job_id) <= seen and (left := end - time.monotonic()) > 0:
            with self.listening(job_id) as news:
                await asyncio.wait([news], timeout=left)

    @contextlib.contextmanager
    def listening(self, job_id: str) -> Iterator[asyncio.Future[None]]:
        """A future that is done when something happens to a job or its log from now on."""
        listeners = self._listeners.setdefault(job_id, set())
        news: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        listeners.add(news)
        try:
            yield news
        finally:
            listeners.discard(news)
            if not listeners and self._listeners.get(job_id) is listeners:
                del self._listeners[job_id]

    def stop(self) -> None:
        """Nobody waits any longer."""
        for job_id in [*self._told]:
            self._forget(job_id)
        for job_id in [*self._listeners]:
            self._changed(job_id)

    def _changed(self, job_id: str) -> None:
        self._last += 1
        self._marks[job_id] = self._last
        self._marks.move_to_end(job_id)
        if len(self._marks) > _REMEMBERED:
            _, self._floor = self._marks.popitem(last=False)
        self._wake(job_id)

    def _wake(self, job_id: str) -> None:
        for news in self._listeners.pop(job_id, ()):
            if not news.done():
                news.set_result(None)

    def _tell(self, job_id: str, before: Progress | None = None) -> None:
        """Tell how far a job is; once more after a moment, if it is further then, or if that has
        still to be written down.
        """
        self._told.pop(job_id, None)
        pipeline, progress = self._progress.get(job_id, ("", None))
        if progress is None:
            return
        if progress != before:
            fields = {"job": job_id, "pipeline": pipeline, "progress": dict(progress)}
            self._emit("progress", fields)
        loop = asyncio.get_running_loop()
        at, kept = self._kept.get(job_id, (float("-inf"), None))
        if progress != kept and loop.time() - at >= _KEPT_S:
            self._kept[job_id], kept = (loop.time(), progress), progress
            self._keep(job_id, progress)
        if progress != before or progress != kept:
            self._told[job_id] = loop.call_later(_PAUSE_S, self._tell, job_id, progress)

    def _forget(self, job_id: str) -> None:
        self._progress.pop(job_id, None)
        self._kept.pop(job_id, None)
        timer = self._told.pop(job_id, None)
        if timer:
            timer.cancel()
