"""What a child has started is found and ended, wherever it tries to hide."""

from __future__ import annotations

import os
import secrets
import signal
import subprocess
import sys
import time

import pytest

from jupyter_chariots.workers.descendants import MARKER, end

from ..live import wait_for
from ..processes import descendants

STARTS = {
    "in its group": "subprocess.Popen(sleep)",
    "in a session of its own": "subprocess.Popen(sleep, start_new_session=True)",
    "without its environment": "subprocess.Popen(sleep, env={}, start_new_session=True)",
    "forked": "os.fork() or time.sleep(1000)",
    "of one in a session of its own": (
        "subprocess.Popen(['/bin/sh', '-c', 'sleep 1000; true'], start_new_session=True)"
    ),
}
LEADER = """
import os, signal, subprocess, sys, time
sleep = ["sleep", "1000"]
{start}
print("started", flush=True)
{then}
"""


class Leader:
    """A process as a child of the server is one, with what it has started."""

    def __init__(self, start, then="time.sleep(1000)"):
        self.marker = secrets.token_hex(8)
        self.process = subprocess.Popen(
            [sys.executable, "-c", LEADER.format(start=start, then=then)],
            env={**os.environ, MARKER: self.marker},
            stdout=subprocess.PIPE,
            start_new_session=True,
        )
        assert self.process.stdout
        assert self.process.stdout.readline() == b"started\n"
        self.family = {self.process.pid: self.marker}

    def __enter__(self):
        return self

    def __exit__(self, *_):
        end(self.family, at_once=True)
        with self.process:
            self.process.kill()


@pytest.mark.parametrize("start", STARTS.values(), ids=STARTS)
@pytest.mark.parametrize("at_once", [True, False])
def test_a_leader_ends_with_all_that_it_has_started(start, at_once):
    with Leader(start) as leader:
        wait_for(lambda: descendants(leader.process.pid), "the other process")
        others = descendants(leader.process.pid)
        end(leader.family, at_once=at_once)
        assert not [process.command for process in others if process.alive]
        assert leader.process.wait() == -(signal.SIGKILL if at_once else signal.SIGTERM)


@pytest.mark.parametrize("clue", ["in its group", "in a session of its own"])
def test_what_a_dead_leader_has_left_behind_is_ended(clue):
    with Leader(STARTS[clue]) as leader:
        others = descendants(leader.process.pid)
        leader.process.kill()
        os.waitid(os.P_PID, leader.process.pid, os.WEXITED | os.WNOWAIT)
        assert any(process.alive for process in others)
        end(leader.family)
        assert not any(process.alive for process in others)


def test_who_does_not_listen_is_killed_and_a_stranger_is_left_alone():
    ignore = "signal.signal(signal.SIGTERM, signal.SIG_IGN); "
    with Leader(ignore + STARTS["in its group"]) as leader, Leader("") as stranger:
        others = descendants(leader.process.pid)
        began = time.monotonic()
        end(leader.family, grace=0.2)
        assert time.monotonic() - began >= 0.2
        assert leader.process.wait() == -signal.SIGKILL
        assert not any(process.alive for process in others)
        assert stranger.process.poll() is None


def test_who_must_end_by_itself_to_clean_up_may_do_so(tmp_path):
    """As resource trackers do: they ignore SIGTERM until those whom they serve are gone."""
    tracker = (
        "import os, signal, sys; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('ready', "
        f"flush=True); sys.stdin.read(); open({str(tmp_path / 'cleaned')!r}, 'w')"
    )
    start = (
        "served, mine = os.pipe(); "
        f"p = subprocess.Popen([sys.executable, '-c', {tracker!r}], stdin=served, "
        "stdout=subprocess.PIPE); p.stdout.readline()"
    )
    with Leader(start) as leader:
        end(leader.family)
        assert (tmp_path / "cleaned").exists()


def test_it_never_ends_the_caller():
    """A process of the family may call it, too."""
    then = (
        "from jupyter_chariots.workers.descendants import MARKER, end; "
        "end({os.getpid(): os.environ[MARKER]}); print('alive', flush=True)"
    )
    with Leader(STARTS["in a session of its own"], then) as leader:
        others = descendants(leader.process.pid)
        assert leader.process.stdout.readline() == b"alive\n"
        assert not any(process.alive for process in others)
