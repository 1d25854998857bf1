"""Migrations: older stores are brought up to date, newer ones refused."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from jupyter_chariots.errors import StoreTooNew
from jupyter_chariots.op_store import OpStore
from jupyter_chariots.op_store.database import Database, Migrations
from jupyter_chariots.op_store.schema import SCHEMA, migrate

from .lab import PREDICT, SECRET, TRAIN, load, open_store, run


def version(path: Path) -> int:
    raw = sqlite3.connect(path)
    found = raw.execute("PRAGMA user_version").fetchone()[0]
    raw.close()
    return int(found)


def test_a_store_of_a_newer_release_is_refused_and_left_alone(tmp_path: Path) -> None:
    with open_store(tmp_path) as store:
        path = store.path
        run(store, TRAIN, save=True, pca="p", clf="c")
    raw = sqlite3.connect(path)
    raw.execute("PRAGMA user_version = 99")
    raw.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    raw.close()
    before = path.read_bytes()
    with pytest.raises(StoreTooNew, match="its schema is 99") as refused:
        open_store(tmp_path)
    assert "pip install --upgrade jupyter-chariots" in (refused.value.hint or "")
    assert path.read_bytes() == before


def test_a_store_of_an_older_release_is_migrated(tmp_path: Path) -> None:
    """The first migration alone stands for a release that knew no more."""
    path = tmp_path / "s.db"
    old = Database(sqlite3.connect(path, isolation_level=None))
    SCHEMA.apply(old, stop_before="0002_pipelines")
    old.execute("PRAGMA user_version = 1")
    old.execute("INSERT INTO ops (name) VALUES ('kept')")
    old.close()
    with OpStore(path, secret=SECRET) as store:
        run(store, TRAIN, save=True, pca="p", clf="c")
        load(store, PREDICT)
        assert "kept" in {one.name for one in store.ops()}
    assert version(path) == 4


def test_a_store_of_a_release_without_jobs_takes_them(tmp_path: Path) -> None:
    path = tmp_path / "s.db"
    old = Database(sqlite3.connect(path, isolation_level=None))
    SCHEMA.apply(old, stop_before="0003_jobs")
    old.execute("PRAGMA user_version = 2")
    old.execute("INSERT INTO news (kind, at) VALUES ('run', '2026-01-01T00:00:00.000000')")
    old.execute(
        "INSERT INTO runs (seq, run_id, pipeline, at) VALUES (1, 'r1', 'train_iris', '2026')"
    )
    old.close()
    with OpStore(path, secret=SECRET) as store:
        assert store.unsaved("train_iris") == "r1"
        store.register(TRAIN, owner="m", source={})
        job = store.submit_job(TRAIN.name, b"{}")
        claimed = store.claim_job("w")
        assert claimed is not None
        assert claimed.job.id == job.id


def test_a_migration_that_fails_leaves_the_store_as_it_was(tmp_path: Path) -> None:
    path = tmp_path / "s.db"
    db = Database(sqlite3.connect(path, isolation_level=None))
    broken = Migrations("test")

    @broken(name="one")
    def _one(db: Database) -> None:
        db.execute("CREATE TABLE one (a)")

    @broken(name="two")
    def _two(db: Database) -> None:
        db.execute("CREATE TABLE two (a)")
        raise RuntimeError("cut off")

    with pytest.raises(RuntimeError):
        migrate(db, path, broken)
    assert db.table_names() == []
    assert not db.conn.in_transaction
    db.close()
    assert version(path) == 0


def test_opening_again_changes_nothing(tmp_path: Path) -> None:
    open_store(tmp_path).close()
    with open_store(tmp_path) as store:
        assert store.sequence() == 0
