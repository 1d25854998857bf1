"""What jobs print: a file for each, written in threads."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import Callable, Collection, Sequence
from pathlib import Path

from ..workers.logs import Page, open_log, read_log
from ..workers.tasks import Tasks
from .threads import StoreThreads

__all__ = ["JobLogs"]


class JobLogs:
    """The logs of the jobs of one store, at most 2 MiB for each job: of more the end stays.

    Args:
        folder: of the logs.
        store: its threads write them.
        on_written: called with the id of a job when something was added to its log.
    """

    def __init__(
        self, folder: Path, store: StoreThreads, on_written: Callable[[str], object]
    ) -> None:
        self._folder, self._store, self._on_written = folder, store, on_written
        self._waiting: list[tuple[str, bytes]] = []
        self._tasks = Tasks()
        self._writing: set[str] = set()
        self._unended: set[str] = set()  # jobs whose last line has no end yet
        self._task: asyncio.Task[None] | None = None

    def hear(self, job_id: str, line: bytes) -> None:
        """A job has printed something: a line of JSON as children send it (:mod:`.output`)."""
        self._waiting.append((job_id, line))
        if self._task is None or self._task.done():
            self._task = self._tasks.start(self._write())

    def note(self, job_id: str, text: str) -> None:
        """Add a line of the server's own."""
        self.hear(job_id, json.dumps({"note": f"[jupyter_chariots] {text}\n"}).encode())

    async def read(self, job_id: str, lines: int, after: str | None) -> Page:
        """A part of a log, as :func:`read_log`.

        Raises:
            BadRequest: ``after`` is no offset.
        """
        return await self._store.run(read_log, self._path(job_id), lines=lines, after=after)

    def written(self) -> set[str]:
        """In a thread: ids of the jobs that have logs."""
        return {path.name.partition(".")[0] for path in self._folder.glob("*.log*")}

    def remove(self, jobs: Collection[str]) -> None:
        """In a thread: remove the logs of jobs that are gone."""
        self._unended.difference_update(jobs)
        for job_id in jobs:
            for path in (self._path(job_id), self._path(job_id).with_suffix(".log.1")):
                path.unlink(missing_ok=True)

    def _path(self, job_id: str) -> Path:
        return self._folder / f"{job_id}.log"

    def is_busy(self, job_id: str) -> bool:
        """Whether something is being added to a log."""
        return job_id in self._writing or any(job == job_id for job, _ in self._waiting)

    async def _write(self) -> None:
        while self._waiting:
            taken, self._waiting = self._waiting, []
            self._writing = {job_id for job_id, _ in taken}
            try:
                await self._store.run(self._append, taken)
            finally:
                written, self._writing = self._writing, set()
                for job_id in written:
                    self._on_written(job_id)

    def _append(self, taken: Sequence[tuple[str, bytes]]) -> None:
        texts: dict[str, list[str]] = {}
        for job_id, line in taken:
            said, parts = json.loads(line), texts.setdefault(job_id, [])
            if "note" in said and job_id in self._unended:
                parts.append("\n")  # who printed it was killed before its end
            parts.append(text := said.get("note") or said.get("text", ""))
            if text.endswith("\n"):
                self._unended.discard(job_id)
            elif text:
                self._unended.add(job_id)
        for job_id, parts in texts.items():
            # a log is not worth a job
            with contextlib.suppress(OSError), open_log(self._path(job_id)) as log:
                log.write("".join(parts).encode("utf-8", "replace"))
