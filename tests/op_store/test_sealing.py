"""Values that only this user's secret opens."""

from __future__ import annotations

import base64
from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from jupyter_chariots.op_store import OpStore
from jupyter_chariots.op_store.sealing import open_value, seal_value
from jupyter_chariots.op_store.signing import Signer

from .lab import data, pca, pipeline

MINE, OTHERS = Signer(b"m" * 32), Signer(b"o" * 32)
SECRET = "hunter2-hunter2"
HEADER = {"protocol": 1, "notebook": "/a.ipynb", "kernel_id": "k", "env": {"KEY": SECRET}}
PREDICT = pipeline("p", data(), pca())


@given(st.text(st.characters(exclude_categories=())), st.text(max_size=20))
def test_what_is_sealed_can_be_opened(value: str, name: str) -> None:
    value = value.encode("utf-8", "ignore").decode()
    name = name.encode("utf-8", "ignore").decode()
    sealed = seal_value(MINE, name, value)
    assert open_value(MINE, name, sealed) == value
    assert seal_value(MINE, name, value) == sealed
    assert open_value(OTHERS, name, sealed) is None
    assert open_value(MINE, f"{name}2", sealed) is None


def test_bytes_that_are_no_text_come_through() -> None:
    value = b"\xff\x80\x00".decode("utf-8", "surrogateescape")
    assert open_value(MINE, "A", seal_value(MINE, "A", value)) == value


def test_what_was_changed_is_not_opened() -> None:
    sealed = bytearray(base64.b64decode(seal_value(MINE, "KEY", SECRET)))
    for place in range(len(sealed)):
        changed = bytes(one ^ (place == index) for index, one in enumerate(sealed))
        assert open_value(MINE, "KEY", base64.b64encode(changed).decode()) is None
    for text in ("", "?", "YQ=="):
        assert open_value(MINE, "KEY", text) is None


def serve(store: OpStore, env: dict[str, str], blob: bytes = b"definition"):
    (made,) = store.register_by_value([PREDICT], [blob], [{**HEADER, "env": env}], owner="/a.ipynb")
    return made


def test_values_of_the_environment_are_not_in_the_files_of_the_store(store: OpStore) -> None:
    made = serve(store, {"KEY": SECRET})
    assert made.source["header"]["env"] == {"KEY": SECRET}
    assert SECRET not in repr(made)
    again = store.definition("p")
    assert again.source == made.source
    assert serve(store, {"KEY": SECRET}, b"another pickle").seq == made.seq  # unchanged
    assert serve(store, {"KEY": "another"}).seq != made.seq
    for file in store.path.parent.rglob("*"):
        if file.is_file():
            assert SECRET.encode() not in file.read_bytes()


def test_another_user_who_trusts_the_store_has_the_names_only(store: OpStore) -> None:
    serve(store, {"KEY": SECRET})
    other = OpStore(store.path, secret=b"z" * 32)
    (found,) = other.definitions()
    assert not found.trusted
    assert SECRET not in str(found.source)
    other.trust()
    header = other.definition("p").source["header"]
    assert header["env"] == {}
    assert header["lost"] == ["KEY"]


def test_names_move_with_a_notebook(store: OpStore, tmp_path) -> None:
    here, there = tmp_path / "a.ipynb", tmp_path / "b.ipynb"
    here.touch()

    def register(owner, formerly=(), patch="0"):
        op = replace(pca(("1", "0", patch)), origin=str(owner))
        (made,) = store.register_by_value(
            [pipeline("p", data(), op)], [b"x"], [HEADER], owner=str(owner), formerly=formerly
        )
        return made

    register(here)
    assert {one.name: one.owner for one in store.ops()}["pca"] == str(here)
    register(there, formerly=[str(here)], patch="1")  # renamed; another file has the old name
    assert store.definition("p").owner == str(there)
    assert {one.name: one.owner for one in store.ops()}["pca"] == str(there)
    # there is no such file: its names are free
    register(here, patch="2")
    assert {one.name: one.owner for one in store.ops()}["pca"] == str(here)
