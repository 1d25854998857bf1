"""Runs that carry state on follow one another, across servers."""

from __future__ import annotations

from jupyter_chariots.op_store import OpStore

from .lab import SECRET


def test_one_holder_at_a_time(store: OpStore) -> None:
    other = OpStore(store.path, secret=SECRET)
    assert store.take_turn("count", "a", 60)
    assert not other.take_turn("count", "b", 60)
    assert other.take_turn("another", "b", 60)
    assert store.take_turn("count", "a", 60)
    store.release_turn("count", "b")  # not the holder
    assert not other.take_turn("count", "b", 60)
    store.release_turn("count", "a")
    assert other.take_turn("count", "b", 60)
    assert not store.renew_turn("count", "a", 60)
    other.close()


def test_a_lease_that_ran_out_is_lost_to_the_next(store: OpStore) -> None:
    assert store.take_turn("count", "a", 0)
    assert store.renew_turn("count", "a", 0)  # nobody took it meanwhile
    assert store.take_turn("count", "b", 60)
    assert not store.renew_turn("count", "a", 60)
    assert store.renew_turn("count", "b", 60)
