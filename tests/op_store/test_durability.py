"""What is safe from a power cut when a method returns, and who waits for the disk."""

from __future__ import annotations

import errno
import os
import signal
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from jupyter_chariots import faults
from jupyter_chariots.errors import StoreError
from jupyter_chariots.op_store import OpStore
from jupyter_chariots.versioning.status import JobStatus

from .lab import SECRET, TRAIN, open_store, run

pytestmark = pytest.mark.skipif(os.name != "posix", reason="elsewhere each commit waits by itself")

Sync = Callable[[int], None]
SYNC = "fdatasync" if hasattr(os, "fdatasync") else "fsync"


@pytest.fixture
def queue(store: OpStore) -> OpStore:
    run(store, TRAIN, save=True, pca="p", clf="c")
    store.register(TRAIN, owner="notebook.ipynb", source={})
    return store


def watch(monkeypatch: pytest.MonkeyPatch, look: Callable[[Sync, int], None]) -> None:
    """Have ``look`` called instead of the system's call, with that as its first argument."""
    real: Sync = getattr(os, SYNC)
    monkeypatch.setattr(os, SYNC, lambda descriptor: look(real, descriptor))


def test_the_log_is_on_the_disk_when_a_method_returns(
    queue: OpStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    written: dict[int, float] = {}
    synced: list[tuple[float, float]] = []

    def look(real: Sync, descriptor: int) -> None:
        begun = time.monotonic()
        real(descriptor)
        if os.path.samestat(os.fstat(descriptor), os.stat(f"{queue.path}-wal")):
            synced.append((begun, time.monotonic()))

    def reached(point: str) -> None:
        if point == "before commit":
            written[threading.get_ident()] = time.monotonic()

    def submit(number: int) -> None:
        queue.submit_job(TRAIN.name, b"%d" % number)
        returned = time.monotonic()
        since = written[threading.get_ident()]
        assert any(since <= begun and ended <= returned for begun, ended in list(synced))

    watch(monkeypatch, look)
    monkeypatch.setattr(faults, "reached", reached)
    with ThreadPoolExecutor(8) as threads:
        list(threads.map(submit, range(80)))
    assert queue.job_counts()[JobStatus.QUEUED] == 80


def test_one_wait_serves_all_who_have_written_by_then(
    queue: OpStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    count, waits = 16, 0

    def look(real: Sync, descriptor: int) -> None:
        nonlocal waits
        waits += 1
        end = time.monotonic() + 30
        # the others write while the first one waits for the disk, which so takes its time
        while queue.job_counts()[JobStatus.QUEUED] < count and time.monotonic() < end:
            pass
        real(descriptor)

    watch(monkeypatch, look)
    with ThreadPoolExecutor(count) as threads:
        list(threads.map(lambda i: queue.submit_job(TRAIN.name, b"%d" % i), range(count)))
    assert 2 <= waits < count / 2


def test_a_claim_does_not_wait(queue: OpStore, monkeypatch: pytest.MonkeyPatch) -> None:
    queue.submit_job(TRAIN.name, b"1")
    waits: list[int] = []
    watch(monkeypatch, lambda real, descriptor: waits.append(descriptor))
    claim = queue.claim_job("w")
    assert claim is not None
    assert not waits
    queue.renew_jobs([claim.lease])
    assert not waits
    queue.finish_job(claim.lease, b"1", {})
    assert len(waits) == 1


def test_a_disk_that_failed_is_not_trusted_again(
    queue: OpStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(real: Sync, descriptor: int) -> None:
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    with monkeypatch.context() as patch:
        watch(patch, broken)
        with pytest.raises(StoreError, match=r"disk .* failed.*may be lost"):
            queue.submit_job(TRAIN.name, b"1")
    # a system reports it once, and forgets what it could not write
    with pytest.raises(StoreError, match=r"disk .* failed"):
        queue.submit_job(TRAIN.name, b"2")
    with OpStore(queue.path, secret=SECRET) as again:
        again.submit_job(TRAIN.name, b"3")


def test_a_store_reached_by_a_link(tmp_path: Path) -> None:
    with open_store(tmp_path) as store:
        run(store, TRAIN, save=True, pca="p", clf="c")
        store.register(TRAIN, owner="notebook.ipynb", source={})
        (tmp_path / "link.db").symlink_to(store.path)
        with OpStore(tmp_path / "link.db", secret=SECRET) as linked:
            linked.submit_job(TRAIN.name, b"1")
        assert store.job_counts()[JobStatus.QUEUED] == 1


@pytest.mark.skipif(not hasattr(os, "fork"), reason="nothing is forked here")
@pytest.mark.filterwarnings("ignore:This process.*is multi-threaded:DeprecationWarning")
@pytest.mark.filterwarnings("ignore:os.fork:RuntimeWarning")  # jax, where it was imported
def test_a_process_that_is_forked_while_another_thread_waits_for_the_disk(
    queue: OpStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    waiting, go_on = threading.Event(), threading.Event()

    def look(real: Sync, descriptor: int) -> None:
        if threading.current_thread().name == "writer":
            waiting.set()
            go_on.wait(30)
        real(descriptor)

    watch(monkeypatch, look)
    writer = threading.Thread(target=queue.submit_job, args=[TRAIN.name, b"1"], name="writer")
    writer.start()
    assert waiting.wait(30)
    child = os.fork()
    if child == 0:
        signal.alarm(30)
        try:
            queue.submit_job(TRAIN.name, b"2")
            os._exit(0)
        finally:
            os._exit(1)
    status = os.waitpid(child, 0)[1]
    go_on.set()
    writer.join()
    assert status == 0
    assert queue.job_counts()[JobStatus.QUEUED] == 2
