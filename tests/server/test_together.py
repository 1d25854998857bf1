"""Changes of the store that many ask for at once."""

from __future__ import annotations

import asyncio
import errno
import os
import threading
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from jupyter_chariots.errors import JobNotFound, PipelineNotFound, StoreError
from jupyter_chariots.op_store import OpStore
from jupyter_chariots.server.threads import StoreThreads
from jupyter_chariots.server.together import Together
from jupyter_chariots.versioning.status import JobStatus

from ..op_store.lab import TRAIN, open_store

SYNC = "fdatasync" if hasattr(os, "fdatasync") else "fsync"
NAMES = [TRAIN.name]


class Bench:
    """A store with one pipeline, and what is said when something was written."""

    def __init__(self, folder: Path) -> None:
        self.store = open_store(folder)
        self.store.register(TRAIN, owner="notebook.ipynb", source={})
        self.threads = StoreThreads(lambda: self.store)
        self.written = 0
        self.together = Together(self.threads, self._on_written)

    def _on_written(self) -> None:
        self.written += 1

    def submit(self, body: bytes, name: str = TRAIN.name, **given: Any) -> Awaitable[Any]:
        def prepare(store: OpStore) -> Any:
            return store.submission(name, body, **given)

        return self.together(prepare, len(body))

    def claim(self, most: int) -> Awaitable[Any]:
        def prepare(store: OpStore) -> Any:
            return store.claiming("w", most, NAMES)

        return self.together(prepare, durable=False)


def in_loop(folder: Path, work: Callable[[Bench], Awaitable[None]]) -> None:
    async def main() -> None:
        bench = Bench(folder)
        try:
            await asyncio.wait_for(work(bench), 60)
        finally:
            await bench.threads.close()

    asyncio.run(main())


def test_what_comes_at_once_is_written_at_once(tmp_path: Path) -> None:
    async def work(bench: Bench) -> None:
        jobs = await asyncio.gather(*(bench.submit(b"%d" % i) for i in range(50)))
        assert len({job.id for job in jobs}) == 50
        assert bench.store.job_counts()[JobStatus.QUEUED] == 50
        assert bench.written == 1

    in_loop(tmp_path, work)


def test_a_change_that_is_refused_leaves_the_others(tmp_path: Path) -> None:
    async def work(bench: Bench) -> None:
        first, unknown, orphan, last = await asyncio.gather(
            bench.submit(b"1"),
            bench.submit(b"2", "unknown"),
            bench.submit(b"3", after=["nobody"]),
            bench.submit(b"4"),
            return_exceptions=True,
        )
        assert isinstance(unknown, PipelineNotFound)
        assert isinstance(orphan, JobNotFound)
        assert [job.id for job in bench.store.jobs()] == [last.id, first.id]

    in_loop(tmp_path, work)


def test_a_job_is_claimed_in_the_transaction_that_records_it(tmp_path: Path) -> None:
    async def work(bench: Bench) -> None:
        job, claims = await asyncio.gather(bench.submit(b"1"), bench.claim(2))
        ((claim, body),) = claims
        assert (claim.job.id, body, job.status) == (job.id, b"1", JobStatus.QUEUED)
        assert bench.written == 1

    in_loop(tmp_path, work)


def test_a_large_input_is_written_as_well(tmp_path: Path) -> None:
    async def work(bench: Bench) -> None:
        body = b"x" * 200_000
        job = await bench.submit(body)
        assert bench.store.job_input(job.id) == body

    in_loop(tmp_path, work)


@pytest.mark.skipif(os.name != "posix", reason="elsewhere each transaction waits for the disk")
def test_the_disk_is_waited_for_beside_what_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    waiting, go_on = threading.Event(), threading.Event()
    real = getattr(os, SYNC)

    def slow(descriptor: int) -> None:
        waiting.set()
        go_on.wait(30)
        real(descriptor)

    async def work(bench: Bench) -> None:
        monkeypatch.setattr(os, SYNC, slow)
        first = asyncio.ensure_future(bench.submit(b"1"))
        await asyncio.to_thread(waiting.wait, 30)
        (claim,) = await bench.claim(2)  # it is there, and is claimed meanwhile
        second = asyncio.ensure_future(bench.submit(b"2"))
        await asyncio.sleep(0)
        (other,) = await bench.claim(2)
        assert not first.done()
        assert not second.done()
        go_on.set()
        jobs = [(await first).id, (await second).id]
        assert jobs == [claim[0].job.id, other[0].job.id]

    in_loop(tmp_path, work)


@pytest.mark.skipif(os.name != "posix", reason="elsewhere each transaction waits for the disk")
def test_a_disk_that_fails_is_told_to_who_asked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(descriptor: int) -> None:
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    async def work(bench: Bench) -> None:
        monkeypatch.setattr(os, SYNC, broken)
        with pytest.raises(StoreError, match="may be lost"):
            await bench.submit(b"1")

    in_loop(tmp_path, work)
