"""Connections, locks, damaged files, and where a store is."""

from __future__ import annotations

import gc
import os
import shutil
import sqlite3
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from jupyter_chariots.errors import StoreBusy, StoreError, StoreTooNew
from jupyter_chariots.op_store import OpStore

from .lab import COUNT, PREDICT, SECRET, TRAIN, fit, load, open_store, run


def test_the_nearest_store_upward_is_taken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    inner = tmp_path / "a" / "b"
    inner.mkdir(parents=True)
    monkeypatch.chdir(tmp_path)
    with OpStore(secret=SECRET) as outer:
        assert outer.path == (tmp_path / ".chariots" / "op_store.db").resolve()
    assert (tmp_path / ".chariots" / ".gitignore").read_text() == "*\n"
    monkeypatch.chdir(inner)
    with OpStore(secret=SECRET) as found:
        assert found.path == outer.path
    assert os.listdir(inner) == []


def test_a_folder_of_ones_own_gets_no_gitignore(tmp_path: Path) -> None:
    OpStore(tmp_path / "models" / "store.db", secret=SECRET).close()
    assert not (tmp_path / "models" / ".gitignore").exists()
    with OpStore(tmp_path, secret=SECRET) as store:
        assert store.path == tmp_path / "op_store.db"


def test_a_locked_store_is_busy(tmp_path: Path) -> None:
    with open_store(tmp_path, busy_timeout=0.05) as store:
        raw = sqlite3.connect(store.path, isolation_level=None)
        raw.execute("BEGIN IMMEDIATE")
        with pytest.raises(StoreBusy, match="locked") as busy:
            store.commit(TRAIN, fit(TRAIN, {"pca": b"p", "clf": b"c"}))
        assert (busy.value.status, busy.value.hint) == (503, "Try again.")
        assert store.current(TRAIN) == {}  # readers are not in the way of a writer
        raw.execute("ROLLBACK")
        raw.close()
        run(store, TRAIN, pca="p", clf="c")


@pytest.mark.parametrize("content", [b"no database at all, but some text" * 99, None])
def test_a_damaged_store_says_what_to_do(tmp_path: Path, content: bytes | None) -> None:
    path = tmp_path / "s.db"
    if content is None:
        OpStore(path, secret=SECRET).close()
        data = bytearray(path.read_bytes())
        data[100:8192] = b"\xff" * 8092
        path.write_bytes(data)
    else:
        path.write_bytes(content)

    def use() -> None:
        with OpStore(path, secret=SECRET) as store:
            store.news()
            store.definitions()
            store.ops()

    with pytest.raises(StoreError) as damaged:
        use()
    assert "damaged" in damaged.value.message
    assert "backup" in (damaged.value.hint or "")


def test_a_store_that_cannot_be_opened_leaves_no_connection(tmp_path: Path) -> None:
    path = tmp_path / "s.db"
    with sqlite3.connect(path) as raw:
        raw.execute("PRAGMA user_version=999")
    raw.close()
    with pytest.raises(StoreTooNew) as refused:
        OpStore(path, secret=SECRET)
    opened = [
        frame.frame.f_locals["conn"]
        for frame in refused.traceback
        if "conn" in frame.frame.f_locals
    ]
    assert opened
    for connection in opened:
        with pytest.raises(sqlite3.ProgrammingError, match="closed"):
            connection.execute("SELECT 1")


def test_a_folder_that_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreError, match="cannot be made"):
        OpStore(tmp_path / "file" / "store.db", secret=SECRET)


def test_a_closed_store_says_so(tmp_path: Path) -> None:
    store = open_store(tmp_path)
    store.close()
    with pytest.raises(StoreError, match="is closed"):
        store.sequence()


def test_each_thread_has_a_connection_that_ends_with_it(store: OpStore) -> None:
    run(store, TRAIN, save=True, pca="p", clf="c")
    seen: list[object] = []

    def work() -> None:
        seen.append(store.choose(PREDICT).numbers)

    for _ in range(5):
        thread = threading.Thread(target=work)
        thread.start()
        thread.join()
    gc.collect()
    assert seen == [{"pca": "1.0.0", "clf": "1.0.0"}] * 5
    assert len(store._db._handles) == 1


def test_threads_write_side_by_side(store: OpStore) -> None:
    errors: list[BaseException] = []

    def work(name: str) -> None:
        try:
            for index in range(5):
                record = fit(TRAIN, {"pca": f"{name}{index}".encode(), "clf": b"c"})
                store.commit(TRAIN, record, promote=True)
        except BaseException as exc:
            errors.append(exc)

    threads = [threading.Thread(target=work, args=(name,)) for name in "abcd"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []
    numbers = [one.number for one in store.history("pca", limit=99)]
    assert sorted(numbers, key=str) == sorted((f"{n}.0.0" for n in range(1, 21)), key=str)


def test_a_store_that_is_forgotten_is_closed(tmp_path: Path) -> None:
    store = open_store(tmp_path)
    run(store, TRAIN, pca="p", clf="c")
    del store
    gc.collect()


def test_the_rollback_journal_works_as_well(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    table = f"server:/x {tmp_path} nfs4 rw 0 0\n"
    monkeypatch.setattr("jupyter_chariots.op_store.filesystems.mounts", lambda: table)
    with open_store(tmp_path) as store, open_store(tmp_path) as other:
        with sqlite3.connect(store.path) as raw:
            assert raw.execute("PRAGMA journal_mode").fetchone() == ("delete",)
        raw.close()
        run(store, TRAIN, save=True, pca="x" * 70_000, clf="c")
        assert isinstance(store.read("pca", "1.0.0", mapped=True), bytearray)
        load(other, PREDICT)
        run(other, COUNT, save=True, counter="1")
        assert store.start(COUNT).numbers == {"counter": "1.0.0"}


@pytest.mark.parametrize("journal", ["wal", "delete"])
@pytest.mark.parametrize("then", ["gone", "made anew", "replaced by a backup"])
def test_a_store_that_is_removed_while_it_is_open_loses_no_save(
    tmp_path: Path, then: str, journal: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    kind = "nfs4" if journal == "delete" else "ext4"
    monkeypatch.setattr(
        "jupyter_chariots.op_store.filesystems.mounts", lambda: f"/x {tmp_path} {kind} rw 0 0\n"
    )
    with open_store(tmp_path) as store:
        assert store._db.get().journal_mode == journal
        run(store, TRAIN, save=True, pca="p", clf="c")
        backup = tmp_path / "backup"
        shutil.copytree(store.path.parent, backup)
        shutil.rmtree(store.path.parent)
        if then == "made anew":
            open_store(tmp_path).close()
        elif then == "replaced by a backup":
            shutil.copytree(backup, store.path.parent)
        with pytest.raises(StoreError, match="removed or replaced") as lost:
            store.commit(TRAIN, fit(TRAIN, {"pca": b"q", "clf": b"c"}), promote=True)
        assert "restart" in (lost.value.hint or "").lower()
        with pytest.raises(StoreError, match="removed or replaced"):
            in_thread(store.sequence)  # a connection that is opened now makes no empty database
        assert store.path.exists() is (then != "gone")


def test_a_store_that_is_removed_in_the_midst_of_a_save(tmp_path: Path) -> None:
    def save(store: OpStore) -> None:
        with store._db.write() as db:
            db.execute("INSERT INTO news (kind, at) VALUES ('run', '2026-01-01')")
            shutil.rmtree(store.path.parent)

    with open_store(tmp_path) as store:
        with pytest.raises(StoreError, match="removed or replaced"):
            save(store)


def test_a_store_that_is_moved_away_and_back_goes_on(tmp_path: Path) -> None:
    with open_store(tmp_path) as store:
        store.path.parent.rename(tmp_path / "aside")
        (tmp_path / "aside").rename(store.path.parent)
        run(store, TRAIN, save=True, pca="p", clf="c")
    with open_store(tmp_path) as store:
        assert store.choose(PREDICT).numbers == {"pca": "1.0.0", "clf": "1.0.0"}


def in_thread(work: Callable[[], object]) -> object:
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(work).result()
