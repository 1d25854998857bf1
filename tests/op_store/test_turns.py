"""Runs that carry state on follow one another, across servers."""

from __future__ import annotations

from jupyter_chariots.op_store import OpStore
from jupyter_chariots.op_store.silence import Silences

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


def test_no_jump_of_a_clock_takes_a_turn(store: OpStore) -> None:
    """The holder goes on renewing; whoever waits was suspended, or its clock was set."""
    now = [0.0]
    with OpStore(store.path, secret=SECRET) as other:
        other._silences = Silences(lambda: now[0])
        assert store.take_turn("count", "a", 10)
        for _ in range(6):
            assert not other.take_turn("count", "b", 10)
            now[0] += 1e6
            assert store.renew_turn("count", "a", 10)


def test_many_short_turns_are_not_one_silent_one(store: OpStore) -> None:
    now = [0.0]
    with OpStore(store.path, secret=SECRET) as other:
        other._silences = Silences(lambda: now[0])
        for _ in range(20):
            assert store.take_turn("count", "a", 10)
            assert not other.take_turn("count", "b", 10)
            store.release_turn("count", "a")
            now[0] += 2


def test_the_turn_of_a_holder_that_is_gone_is_given_on(store: OpStore) -> None:
    now = [0.0]
    with OpStore(store.path, secret=SECRET) as other:
        other._silences = Silences(lambda: now[0])
        assert store.take_turn("count", "a", 10)
        taken = []
        for _ in range(6):
            taken.append(other.take_turn("count", "b", 10))
            now[0] += 2
        assert taken == [False] * 5 + [True]
        assert not store.renew_turn("count", "a", 10)
