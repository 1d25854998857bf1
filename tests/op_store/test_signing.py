"""Only what this user signed is opened."""

from __future__ import annotations

import functools
import mmap
import os
import sqlite3
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from jupyter_chariots.errors import NotTrusted, StoreError
from jupyter_chariots.op_store import OpStore
from jupyter_chariots.op_store.signing import Signer, read_secret

from .lab import PREDICT, TRAIN, load, run

STRANGER = b"somebody else's secret, as long .."


def change(store: OpStore, sql: str, *values: object) -> None:
    raw = sqlite3.connect(store.path)
    with raw:
        assert raw.execute(sql, values).rowcount > 0
    raw.close()


def test_the_secret_is_made_once_for_this_user_alone(tmp_path: Path) -> None:
    folder = tmp_path / "data"
    secret = read_secret(folder)
    assert len(secret) == 32
    assert read_secret(folder) == secret
    assert os.listdir(folder) == ["chariots_secret"]
    if os.name == "posix":
        assert stat.S_IMODE((folder / "chariots_secret").stat().st_mode) == 0o600


def test_processes_that_start_at_once_agree_on_the_secret(tmp_path: Path) -> None:
    code = (
        "from pathlib import Path; import sys; "
        "from jupyter_chariots.op_store.signing import read_secret; "
        "sys.stdin.read(); print(read_secret(Path(sys.argv[1])).hex())"
    )
    children = [
        subprocess.Popen(
            [sys.executable, "-c", code, str(tmp_path)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for _ in range(4)
    ]
    found = {child.communicate("go")[0] for child in children}
    assert found == {read_secret(tmp_path).hex() + "\n"}


def test_the_secret_is_in_the_jupyter_data_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("JUPYTER_DATA_DIR", str(tmp_path / "data"))
    with OpStore(tmp_path / "store.db") as store:
        assert not (tmp_path / "data").exists()  # nothing to sign yet
        run(store, TRAIN, save=True, pca="p", clf="c")
    assert (tmp_path / "data" / "chariots_secret").exists()
    with OpStore(tmp_path / "store.db") as store:
        load(store, PREDICT)
    monkeypatch.setenv("JUPYTER_DATA_DIR", str(tmp_path / "other"))
    with OpStore(tmp_path / "store.db") as store, pytest.raises(NotTrusted):
        load(store, PREDICT)


def test_a_secret_that_cannot_be_used(tmp_path: Path) -> None:
    (tmp_path / "chariots_secret").write_bytes(b"short")
    with pytest.raises(StoreError, match="too short"):
        read_secret(tmp_path)
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreError, match="cannot be read or made") as error:
        read_secret(tmp_path / "file")
    assert "JUPYTER_DATA_DIR" in (error.value.hint or "")


def test_parts_do_not_run_together() -> None:
    signer = Signer(b"x" * 32)
    assert signer.sign("state", "ab", "c", "d") != signer.sign("state", "a", "bc", "d")
    signature = signer.sign("state", "a", "b", "c")
    assert signer.accepts(signature, "state", "a", "b", "c")
    assert not signer.accepts(signature, "definition", "a", "b", "c")
    assert not signer.accepts(None, "state", "a", "b", "c")
    assert not signer.accepts(b"", "state", "a", "b", "c")


def test_what_somebody_else_signed_is_not_opened(store: OpStore) -> None:
    run(store, TRAIN, save=True, pca="p", clf="c")
    stranger = OpStore(store.path, secret=STRANGER)
    for read in (stranger.read, stranger.verify, functools.partial(stranger.read, mapped=True)):
        with pytest.raises(NotTrusted, match=r"pca 1\.0\.0 was not signed by you") as refused:
            read("pca", "1.0.0")
        assert "jupyter chariots trust PATH" in (refused.value.hint or "")
    stranger.close()


@pytest.mark.parametrize(
    ("sql", "value"),
    [
        ("UPDATE versions SET signature = ? WHERE blob IS NOT NULL", None),
        ("UPDATE versions SET signature = ? WHERE blob IS NOT NULL", b"0" * 32),
        ("UPDATE versions SET major = ? WHERE blob IS NOT NULL AND n_minor = 0", "0" * 40),
    ],
)
def test_a_changed_row_is_not_opened(store: OpStore, sql: str, value: object) -> None:
    run(store, TRAIN, save=True, pca="p", clf="c")
    change(store, sql, value)
    with pytest.raises(NotTrusted):
        store.read("pca", "1.0.0")


def test_the_state_of_another_version_is_not_opened(store: OpStore) -> None:
    """A signature holds for one op, one version and one blob."""
    run(store, TRAIN, save=True, pca="p", clf="c")
    run(store, TRAIN, save=True, pca="evil", clf="c")
    evil = store.version_info("pca", "2.0.0").id
    change(
        store,
        "UPDATE versions SET (blob, signature) = "
        "(SELECT blob, signature FROM versions WHERE id = ?) WHERE n_major = 1",
        evil,
    )
    for name in ("pca", "clf"):
        with pytest.raises(NotTrusted):
            store.read(name, "1.0.0")


def test_changed_bytes_are_not_opened(store: OpStore) -> None:
    run(store, TRAIN, save=True, pca="p", clf="c" * 70_000)
    change(store, "UPDATE blobs SET data = ? WHERE data IS NOT NULL", b"evil")
    (path,) = [p for p in store.path.with_suffix(".blobs").rglob("*") if p.is_file()]
    path.write_bytes(b"evil")
    for name in ("pca", "clf"):
        with pytest.raises(NotTrusted, match="were changed since they were saved"):
            store.read(name, "1.0.0")
        with pytest.raises(NotTrusted, match="were changed since they were saved"):
            store.read(name, "1.0.0", mapped=True)


def test_a_writer_between_the_check_and_the_use_changes_nothing_that_was_settled(
    store: OpStore,
) -> None:
    run(store, TRAIN, save=True, pca="p", clf="c" * 700_000)
    (path,) = [p for p in store.path.with_suffix(".blobs").rglob("*") if p.is_file()]

    def settle(mapping: mmap.mmap) -> None:
        mapping[:300_000] = mapping[:300_000]

    mapping = store.read("clf", "1.0.0", mapped=settle)
    with path.open("r+b") as file:
        file.write(b"e" * 700_000)
    assert mapping[:300_000] == b"c" * 300_000
    with pytest.raises(NotTrusted, match="were changed"):
        store.read("clf", "1.0.0", mapped=settle)
    path.write_bytes(b"c" * 700_000)

    def too_late(mapping: mmap.mmap) -> None:
        path.write_bytes(b"e" * 700_000)  # before the check
        settle(mapping)

    with pytest.raises(NotTrusted, match="were changed"):
        store.read("clf", "1.0.0", mapped=too_late)


def test_training_again_repairs_what_was_changed(store: OpStore) -> None:
    big = "c" * 70_000
    run(store, TRAIN, save=True, pca="p", clf=big)
    (path,) = [p for p in store.path.with_suffix(".blobs").rglob("*") if p.is_file()]
    path.write_bytes(b"evil")
    change(store, "UPDATE versions SET signature = NULL WHERE blob IS NOT NULL")
    run(store, TRAIN, save=True, pca="p", clf=big)
    assert store.read("clf", "1.0.0") == big.encode()
    assert store.read("pca", "1.0.0") == b"p"
