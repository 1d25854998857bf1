"""Calls that the server could not carry out just now are made again, within reason."""

from __future__ import annotations

import pytest

from jupyter_chariots.client.patience import patiently
from jupyter_chariots.errors import ChariotsError, NodeFailed, Unavailable, WorkerLost

SOON = {"retry_after": 0.01}


def outcomes(*steps):
    """A call with these outcomes, one after the other; gives how often it was made."""
    rest = list(steps)

    def call():
        step = rest.pop(0)
        if isinstance(step, ChariotsError):
            raise step
        return step

    return call, lambda: len(steps) - len(rest)


@pytest.mark.parametrize(
    "steps",
    [
        [1],
        [WorkerLost("lost", **SOON), 1],
        [Unavailable("starting", **SOON)] * 4 + [1],
        [WorkerLost("lost", **SOON), Unavailable("starting", **SOON), 1],
    ],
)
def test_what_passes_is_waited_for(steps):
    call, made = outcomes(*steps)
    assert patiently(call) == 1
    assert made() == len(steps)


@pytest.mark.parametrize(
    ("steps", "times"),
    [
        ([WorkerLost("it may have changed something"), 1], 1),
        ([WorkerLost("lost", **SOON), WorkerLost("lost", **SOON), 1], 2),
        ([Unavailable("the connection was lost"), 1], 1),
        ([Unavailable("for long", retry_after=30), 1], 1),
        ([NodeFailed("an op raised", **SOON), 1], 1),
    ],
)
def test_what_does_not_is_told(steps, times):
    call, made = outcomes(*steps)
    with pytest.raises(type(steps[0])):
        patiently(call)
    assert made() == times


def test_only_the_waiting_is_counted(monkeypatch):
    """A call may run for long before its process dies, or before it is told to come again."""
    clock = [0.0]

    def sleep(seconds):
        clock[0] += seconds

    monkeypatch.setattr("jupyter_chariots.client.patience.time.monotonic", lambda: clock[0])
    monkeypatch.setattr("jupyter_chariots.client.patience.time.sleep", sleep)
    steps = [WorkerLost("lost", retry_after=0.0), *[Unavailable("starting", retry_after=2.0)] * 3]
    call, made = outcomes(*steps)

    def long_call():
        sleep(60.0)
        return call()

    with pytest.raises(Unavailable):
        patiently(long_call)
    assert made() == 4  # waits of 0, 2 and 2 s; with another one they would be more than 5 s
