"""The numbers that people read."""

from __future__ import annotations

import pytest

from jupyter_chariots.errors import InvalidName
from jupyter_chariots.op_store import OpStore
from jupyter_chariots.versioning.spec import OpSpec

from .lab import MAJOR, MINOR, PATCH, fit, op, pipeline


def train(store: OpStore, one: OpSpec, state: str) -> str | None:
    spec = pipeline("train", one)
    committed = store.commit(spec, fit(spec, {one.name: state.encode()}), promote=True)
    return store.version_number(one.name, committed.versions[one.name])


def test_each_major_has_its_own_number(store: OpStore) -> None:
    one = op("m", fits=True, level=MAJOR)
    assert [train(store, one, s) for s in "abcd"] == ["1.0.0", "2.0.0", "3.0.0", "4.0.0"]
    assert train(store, one, "b") == "2.0.0"


def test_minor_and_patch_count_within_their_major(store: OpStore) -> None:
    def made(version: tuple[str, str, str], state: str) -> str | None:
        return train(store, op("m", version, fits=True, level=PATCH), state)

    assert made(("1", "0", "0"), "a") == "1.0.0"
    assert made(("1", "0", "0"), "b") == "1.0.1"
    assert made(("1", "1", "0"), "a") == "1.1.0"
    assert made(("1", "1", "0"), "c") == "1.1.1"
    assert made(("2", "1", "0"), "c") == "2.0.0"
    assert made(("1", "0", "5"), "z") == "1.0.2"
    assert made(("1", "0", "0"), "b") == "1.0.1"
    assert made(("1", "2", "0"), "z") == "1.2.0"


def test_minor_level_states(store: OpStore) -> None:
    one = op("m", fits=True, level=MINOR)
    assert [train(store, one, s) for s in "abab"] == ["1.0.0", "1.1.0", "1.0.0", "1.1.0"]


def test_candidates_have_no_number_until_they_are_saved(store: OpStore) -> None:
    spec = pipeline("train", op("m", fits=True))
    first = store.commit(spec, fit(spec, {"m": b"a"}))
    store.commit(spec, fit(spec, {"m": b"b"}), promote=True)
    assert store.version_number("m", first.versions["m"]) is None
    store.save("train", first.run_id)
    assert store.version_number("m", first.versions["m"]) == "2.0.0"


def test_numbers_are_per_op(store: OpStore) -> None:
    assert train(store, op("a", fits=True), "x") == "1.0.0"
    assert train(store, op("b", fits=True), "x") == "1.0.0"


@pytest.mark.parametrize("name", ["../evil", "a/b", "", ".hidden", "x" * 129, "a b", "é"])
def test_names_are_checked(store: OpStore, name: str) -> None:
    spec = pipeline("train", op(name, fits=True))
    with pytest.raises(InvalidName):
        store.commit(spec, fit(spec, {name: b"x"}))
    with pytest.raises(InvalidName):
        store.register(pipeline(name), owner="m", source={})
    assert store.sequence() == 0
