"""Definitions that come with their code, as bytes."""

from __future__ import annotations

from typing import Any

import pytest

from jupyter_chariots.errors import Conflict, NameTaken, NotTrusted, PipelineNotFound
from jupyter_chariots.op_store import OpStore
from jupyter_chariots.op_store.blobs import SMALL
from jupyter_chariots.op_store.records import Definition
from jupyter_chariots.versioning.spec import PipelineSpec

from .lab import PREDICT, TRAIN

HEADER = {"protocol": 1, "python": "3.11", "env": {}, "kernel_id": "one"}


def register(
    store: OpStore,
    *specs: PipelineSpec,
    data: bytes = b"first",
    owner: str = "a.ipynb",
    **header: Any,
) -> list[Definition]:
    return store.register_by_value(
        specs, [data] * len(specs), [{**HEADER, **header}] * len(specs), owner=owner
    )


def test_the_bytes_come_back(store: OpStore) -> None:
    large = b"x" * (SMALL + 1)
    register(store, TRAIN)
    register(store, PREDICT, data=large)
    assert store.read_definition(TRAIN.name) == b"first"
    assert store.read_definition(PREDICT.name) == large
    with pytest.raises(PipelineNotFound):
        store.read_definition("none")


def test_other_bytes_of_the_same_definition_change_nothing(store: OpStore) -> None:
    (made,) = register(store, TRAIN)
    assert register(store, TRAIN, data=b"second", kernel_id="two") == [made]
    assert store.read_definition(TRAIN.name) == b"first"


def test_another_environment_is_another_definition_of_the_same_revision(store: OpStore) -> None:
    (made,) = register(store, TRAIN)
    (again,) = register(store, TRAIN, data=b"second", python="3.12")
    assert again.seq > made.seq
    assert again.revision == made.revision
    assert store.read_definition(TRAIN.name) == b"second"
    with pytest.raises(Conflict):
        store.read_definition(TRAIN.name, made.source["blob"])


def test_all_or_none(store: OpStore) -> None:
    register(store, PREDICT, owner="b.ipynb")
    with pytest.raises(NameTaken):
        register(store, TRAIN, PREDICT)
    assert [one.name for one in store.definitions()] == [PREDICT.name]


def test_bytes_that_were_changed_are_not_given_out(store: OpStore) -> None:
    register(store, TRAIN)
    with store._db.write() as db:
        db.execute("UPDATE blobs SET data = ?", (b"evil!",))
    with pytest.raises(NotTrusted):
        store.read_definition(TRAIN.name)


def test_what_is_served_is_not_collected(store: OpStore) -> None:
    register(store, TRAIN, data=b"old")
    register(store, TRAIN, data=b"new", python="3.12")
    assert store.gc().blobs == 1
    assert store.read_definition(TRAIN.name) == b"new"
    store.unregister(TRAIN.name)
    assert store.gc().blobs == 1
