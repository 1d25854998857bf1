"""SIGINT ends user code only."""

from __future__ import annotations

import multiprocessing
import os
import signal

import pytest

from jupyter_chariots.workers.interrupts import Interrupts


@pytest.fixture
def install():
    before = signal.getsignal(signal.SIGINT)

    def make(*args):
        made = Interrupts(*args)
        made.install()
        return made

    yield make
    signal.signal(signal.SIGINT, before)


@pytest.fixture
def interrupts(install):
    return install()


def test_inside_it_is_raised(interrupts):
    with pytest.raises(KeyboardInterrupt):
        with interrupts:
            signal.raise_signal(signal.SIGINT)


def test_outside_it_waits_for_the_next_inside(interrupts):
    signal.raise_signal(signal.SIGINT)
    with pytest.raises(KeyboardInterrupt):
        with interrupts:
            raise AssertionError("not reached")


def test_what_is_not_meant_goes_on(install):
    answers = [False, True]
    interrupts = install(lambda: answers.pop(0))
    with interrupts:
        signal.raise_signal(signal.SIGINT)
    assert answers == [True]
    with pytest.raises(KeyboardInterrupt):
        with interrupts:
            signal.raise_signal(signal.SIGINT)


def test_one_that_was_not_meant_is_forgotten(install):
    interrupts = install(lambda: False)
    signal.raise_signal(signal.SIGINT)
    with interrupts:
        pass


def test_it_can_be_asked_for_without_a_signal(interrupts):
    interrupts.ask()
    with pytest.raises(KeyboardInterrupt):
        with interrupts:
            raise AssertionError("not reached")


def test_a_forked_process_is_interrupted_as_ever(interrupts):
    process = multiprocessing.get_context("fork").Process(target=_raise_and_catch)
    process.start()
    process.join(30)
    assert process.exitcode == 7


def _raise_and_catch():
    try:
        signal.raise_signal(signal.SIGINT)
    except KeyboardInterrupt:
        os._exit(7)
