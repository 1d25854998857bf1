"""SIGINT ends user code only."""

from __future__ import annotations

import os
import signal
import subprocess
import sys

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


# In a process of its own: libraries that other tests have imported may not stand a fork.
FORKS = """
import os, signal
from jupyter_chariots.workers.interrupts import Interrupts

Interrupts().install()
pid = os.fork()
if pid == 0:
    try:
        signal.raise_signal(signal.SIGINT)
    except KeyboardInterrupt:
        os._exit(7)
    os._exit(1)
print(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
"""


def test_a_forked_process_is_interrupted_as_ever():
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    command = [sys.executable, "-c", FORKS]
    assert subprocess.check_output(command, env=environment, timeout=120) == b"7\n"
