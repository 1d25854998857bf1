"""The program of a child, seen from outside."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from jupyter_chariots.workers.frames import Decoder, pack

REPOSITORY = Path(__file__).resolve().parents[2]


@pytest.fixture
def child():
    """The process and a function that sends it a request and waits for the answer."""
    ours, theirs = socket.socketpair()
    paths = [str(REPOSITORY), os.environ.get("PYTHONPATH", "")]
    process = subprocess.Popen(
        [sys.executable, "-m", "jupyter_chariots.workers.child", str(theirs.fileno())],
        pass_fds=[theirs.fileno()],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, paths))},
        start_new_session=True,
    )
    theirs.close()
    ours.settimeout(60)
    decoder = Decoder()

    def ask(**header):
        ours.sendall(pack({"id": 1, **header}))
        while data := ours.recv(1 << 16):
            for answer, _ in decoder.feed(data):
                return answer
        return None

    with process, ours:
        assert "pid" in ask(do="setup", path=[], log=os.devnull, runner=None, callbacks=[])
        yield process, ours, ask


def test_it_ends_when_it_is_told_to(child):
    process, _, ask = child
    assert ask(do="stop") is None
    assert process.wait(60) == 0


def test_it_ends_when_the_server_is_gone(child):
    process, ours, _ = child
    ours.close()
    assert process.wait(60) in (0, 1, -signal.SIGTERM)


def test_it_survives_what_it_does_not_understand(child):
    _, _, ask = child
    assert ask(do="nonsense")["error"]["code"] == "error"
    assert ask(do="call")["error"]["code"] == "unavailable"
    assert ask(do="define", spec={})["error"]["code"] == "error"
    assert ask(do="check") == {"id": 1}


def test_it_survives_interrupts_while_it_is_idle(child):
    process, _, ask = child
    for _ in range(20):
        process.send_signal(signal.SIGINT)
        assert ask(do="check")["id"] == 1
    assert process.poll() is None
