"""States by the digest of their content."""

from __future__ import annotations

import mmap
from pathlib import Path

import pytest

from jupyter_chariots.errors import BlobMissing, StoreError
from jupyter_chariots.op_store import OpStore
from jupyter_chariots.op_store.blobs import SMALL

from .lab import TRAIN, run


def files(store: OpStore) -> list[Path]:
    return [path for path in store.path.with_suffix(".blobs").rglob("*") if path.is_file()]


def test_small_states_live_in_the_database(store: OpStore) -> None:
    run(store, TRAIN, save=True, pca="x" * SMALL, clf="")
    assert files(store) == []
    assert store.read("pca", "1.0.0") == b"x" * SMALL
    assert store.read("clf", "1.0.0") == b""


def test_equal_states_are_stored_once(store: OpStore) -> None:
    big = "x" * (SMALL + 1)
    run(store, TRAIN, save=True, pca=big, clf=big)
    (file,) = files(store)
    run(store, TRAIN, save=True, pca=big, clf="c")
    assert files(store) == [file]


def test_a_missing_file_is_said_and_repaired_by_training_again(store: OpStore) -> None:
    big = "x" * (SMALL + 1)
    run(store, TRAIN, save=True, pca=big, clf="c")
    for file in files(store):
        file.unlink()
    with pytest.raises(BlobMissing, match=r"The bytes of pca 1\.0\.0 are gone"):
        store.read("pca", "1.0.0")
    run(store, TRAIN, pca=big, clf="c")
    assert store.read("pca", "1.0.0") == big.encode()


def test_a_saver_that_fails_leaves_the_store_as_it_was(store: OpStore) -> None:
    store.path.with_suffix(".blobs").write_text("a file where the folder should be")
    with pytest.raises(StoreError, match="could not be written") as failed:
        run(store, TRAIN, save=True, pca="x" * (SMALL + 1), clf="c")
    assert "space left" in (failed.value.hint or "")
    assert (store.sequence(), store.unsaved(TRAIN)) == (0, None)


def test_a_file_that_gc_took_before_the_commit_is_written_again(store: OpStore) -> None:
    """Between the write of the file and the transaction, gc may hold it for an orphan."""
    payload = b"x" * (SMALL + 1)
    blob = store._blobs.prepare(payload)
    for file in files(store):
        file.unlink()
    with store._db.write() as db:
        store._blobs.insert(db, blob)
    assert [file.read_bytes() for file in files(store)] == [payload]


def test_a_mapped_state_is_its_own(store: OpStore) -> None:
    """Writing into it changes nothing stored, and it outlives the file."""
    big = "x" * (SMALL + 1)
    run(store, TRAIN, save=True, pca=big, clf="c")
    mapped = store.read("pca", "1.0.0", mapped=True)
    assert isinstance(mapped, mmap.mmap)
    mapped[:1] = b"y"
    assert store.read("pca", "1.0.0") == big.encode()
    for file in files(store):
        file.unlink()
    assert mapped[:] == b"y" + big.encode()[1:]
    with pytest.raises(BlobMissing, match=r"The bytes of pca 1\.0\.0 are gone"):
        store.read("pca", "1.0.0", mapped=True)
