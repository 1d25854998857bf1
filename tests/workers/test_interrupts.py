"""SIGINT ends user code only."""

from __future__ import annotations

import signal

import pytest

from jupyter_chariots.workers.interrupts import Interrupts


@pytest.fixture
def interrupts():
    before = signal.getsignal(signal.SIGINT)
    made = Interrupts()
    made.install()
    yield made
    signal.signal(signal.SIGINT, before)


def test_inside_it_is_raised(interrupts):
    with pytest.raises(KeyboardInterrupt):
        with interrupts:
            signal.raise_signal(signal.SIGINT)


def test_outside_it_waits_for_the_next_inside(interrupts):
    signal.raise_signal(signal.SIGINT)
    with pytest.raises(KeyboardInterrupt):
        with interrupts:
            raise AssertionError("not reached")


def test_after_a_reset_it_is_forgotten(interrupts):
    signal.raise_signal(signal.SIGINT)
    interrupts.reset()
    with interrupts:
        pass
    signal.raise_signal(signal.SIGINT)
