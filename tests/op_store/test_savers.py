"""Where large blobs go."""

from __future__ import annotations

import mmap
import os
from pathlib import Path

import pytest

from jupyter_chariots.errors import BlobMissing, ConfigurationError, InvalidName
from jupyter_chariots.op_store import BaseSaver, FileSaver, FsspecSaver, OpStore

from .lab import SECRET, TRAIN, run


class MemorySaver(BaseSaver):
    """What a user's own saver must have, and no more."""

    def __init__(self) -> None:
        self.kept: dict[str, bytes] = {}

    def save(self, serialized_object: bytes, path: str) -> None:
        self.kept[path] = bytes(serialized_object)

    def load(self, path: str) -> bytes:
        if path not in self.kept:
            raise BlobMissing(f"No {path}.")
        return self.kept[path]


@pytest.fixture(params=["file", "memory", "fsspec"])
def saver(request: pytest.FixtureRequest, tmp_path: Path) -> BaseSaver:
    if request.param == "fsspec":
        pytest.importorskip("fsspec")
        return FsspecSaver((tmp_path / "remote").as_uri())
    return MemorySaver() if request.param == "memory" else FileSaver(tmp_path / "files")


def test_bytes_come_back(saver: BaseSaver) -> None:
    assert not saver.exists("a/b")
    saver.save(b"one", "a/b")
    saver.save(b"two", "a/b")
    assert saver.exists("a/b")
    assert saver.load("a/b") == b"two"
    with pytest.raises(BlobMissing):
        saver.load("a/c")


def test_removal_and_ages(saver: BaseSaver) -> None:
    saver.save(b"one", "a/b")
    if isinstance(saver, MemorySaver):
        assert list(saver.ages()) == []
        return
    assert [(path, age < 60) for path, age in saver.ages()] == [("a/b", True)]
    saver.remove("a/b")
    saver.remove("a/b")
    assert not saver.exists("a/b")
    assert list(saver.ages()) == []


def test_a_store_uses_it_for_large_states_only(saver: BaseSaver, tmp_path: Path) -> None:
    big = "x" * 70_000
    with OpStore(tmp_path / "s.db", saver=saver, secret=SECRET) as store:
        run(store, TRAIN, save=True, pca=big, clf="small")
        assert store.read("pca", "1.0.0") == big.encode()
        assert store.read("clf", "1.0.0") == b"small"
        large, small = (store.read(op, "1.0.0", mapped=True) for op in ("pca", "clf"))
        assert isinstance(large, mmap.mmap) == isinstance(saver, FileSaver)
        assert (bytes(large), small) == (big.encode(), b"small")
        if isinstance(saver, MemorySaver):
            assert len(saver.kept) == 1
            saver.kept.clear()
            with pytest.raises(BlobMissing, match=r"The bytes of pca 1\.0\.0 are gone"):
                store.read("pca", "1.0.0")
        store.gc()


def test_a_leading_slash_is_ignored(tmp_path: Path) -> None:
    saver = FileSaver(str(tmp_path))
    saver.save(b"x", "/models/pca")
    assert saver.load("models/pca") == b"x"
    assert (tmp_path / "models" / "pca").read_bytes() == b"x"


@pytest.mark.parametrize(
    "path", ["../out", "a/../../out", "", "/", "a\\..\\..\\out", "C:/out", "a\0b", "./.."]
)
def test_leaving_the_root_is_refused(tmp_path: Path, path: str) -> None:
    saver = FileSaver(tmp_path / "root")
    for act in (saver.load, saver.exists, saver.remove, lambda at: saver.save(b"x", at)):
        with pytest.raises(InvalidName):
            act(path)
    assert not (tmp_path / "out").exists()


@pytest.mark.skipif(os.name != "posix", reason="symbolic links need a privilege on Windows")
def test_leaving_the_root_by_a_link_is_refused(tmp_path: Path) -> None:
    (tmp_path / "outside").mkdir()
    saver = FileSaver(tmp_path / "root")
    saver.save(b"x", "a")
    (tmp_path / "root" / "link").symlink_to(tmp_path / "outside")
    with pytest.raises(InvalidName, match="leads out"):
        saver.save(b"x", "link/a")
    assert os.listdir(tmp_path / "outside") == []


def test_a_save_that_fails_leaves_nothing(tmp_path: Path) -> None:
    saver = FileSaver(tmp_path)
    saver.save(b"old", "a")
    (tmp_path / "b").mkdir()
    with pytest.raises(OSError, match="b"):
        saver.save(b"new", "b")  # a folder is in the way of the rename
    assert sorted(os.listdir(tmp_path)) == ["a", "b"]


def test_arrays_are_saved_as_bytes(tmp_path: Path) -> None:
    saver = FileSaver(tmp_path)
    saver.save(memoryview(b"abcd").cast("H"), "a")  # type: ignore[arg-type]
    assert saver.load("a") == b"abcd"


def test_an_unknown_protocol_is_a_configuration_error(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="nowhere://x"):
        OpStore(tmp_path / "s.db", saver="nowhere://x")


def test_a_folder_may_be_named(tmp_path: Path) -> None:
    with OpStore(tmp_path / "s.db", saver=str(tmp_path / "big"), secret=SECRET) as store:
        run(store, TRAIN, pca="x" * 70_000, clf="c")
    assert len(list((tmp_path / "big").iterdir())) == 1
