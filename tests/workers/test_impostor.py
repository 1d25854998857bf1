"""A child that does not keep to the protocol, and a server that does not.

User code has the child's end of the socket in its process. Whatever it writes there, the server
goes on: who waits is answered, the child ends, and no memory is taken for what is only announced.
"""

from __future__ import annotations

import asyncio
import json
import signal
import socket
import stat
import struct
import subprocess
import sys

import pytest

from jupyter_chariots.errors import ChariotsError, WorkerLost
from jupyter_chariots.workers.frames import pack
from jupyter_chariots.workers.launcher import Launcher
from jupyter_chariots.workers.process import Child

from .conftest import alive, until
from .served import Called
from .test_frames import resident

IMPOSTOR = """
import socket, struct, sys
channel = socket.socket(fileno=int(sys.argv[2]))
channel.recv(1 << 16)
channel.sendall(open(sys.argv[1], "rb").read())
while channel.recv(1 << 16):
    pass
"""


def raw(head, body=b"", size=None):
    return struct.pack("!IQ", len(head), len(body) if size is None else size) + head + body


GARBAGE = {
    "text": b"HTTP/1.1 400 Bad Request\r\n\r\n",
    "no header": raw(b""),
    "half of a header": raw(b'{"id": 1'),
    "a list": raw(b"[1]"),
    "nested too deeply": raw(b"[" * 100_000),
    "a header that is too large": struct.pack("!IQ", (1 << 32) - 1, 0),
    "a body that is too large": raw(b'{"id": 1}', size=(1 << 64) - 1),
    "no id": pack({}),
    "an id that nobody gave": pack({"id": 7}),
    "an id that is no number": pack({"id": [1]}),
    "an id that is a text": pack({"id": "1"}),
    "an id that is true": pack({"id": True}),
    "an error that is a text": pack({"id": 1, "error": "it failed"}),
    "an error that is a list": pack({"id": 1, "error": [1]}),
    "a note for nobody": pack({"id": {}, "note": 1}),
}
ODD_ERRORS = [
    {},
    {"code": [], "message": {}},
    {"code": "node_failed", "message": None, "hint": 3, "traceback": [1]},
    {"self": 1, "payload": 2, "cls": 3, "args": 4, "status": "x", "message": "odd"},
]


class Impostor:
    """Starts children that answer the first request with given bytes, and read on."""

    def __init__(self, folder):
        self.folder, self.answer = folder, folder / "answer"
        program, self.python = folder / "impostor.py", folder / "python"
        program.write_text(IMPOSTOR)
        self.python.write_text(
            f'#!/bin/sh\nexec {sys.executable} -S -E {program} {self.answer} "$3"\n'
        )
        self.python.chmod(stat.S_IRWXU)

    async def start(self, answer):
        self.answer.write_bytes(answer)
        log = self.folder / "log"
        return await Child.start(python=str(self.python), cwd=self.folder, log=log, label="odd")


@pytest.fixture
def impostor(tmp_path):
    return Impostor(tmp_path)


@pytest.fixture
def quiet(run):
    """As ``run``; nothing may be raised where nobody waits for it."""

    def finish(work):
        raised = []

        async def watched():
            asyncio.get_running_loop().set_exception_handler(lambda _, said: raised.append(said))
            await work

        run(watched())
        assert raised == []

    return finish


def test_garbage_ends_the_child_and_whoever_waits_is_told(quiet, impostor):
    async def work():
        before = resident()
        for what, answer in GARBAGE.items():
            child = await impostor.start(answer)
            waiting = [child.post({"do": "call"}), child.post({"do": "call"}, bytes(100_000))]
            for one in waiting:
                with pytest.raises(WorkerLost):
                    await one
            await until(lambda child=child: not alive(child.pid))
            await child.stop()
            assert resident() - before < 200 << 20, what

    quiet(work())


def test_an_odd_error_is_an_error(quiet, impostor):
    async def work():
        for error in ODD_ERRORS:
            child = await impostor.start(pack({"id": 1, "error": error}))
            with pytest.raises(ChariotsError) as raised:
                await child.request({"do": "call"})
            assert str(raised.value)
            json.dumps(raised.value.payload())
            child.kill()  # it does not know how to stop
            await child.stop()

    quiet(work())


def test_an_answer_that_comes_twice_or_breaks_off_is_the_last_one(quiet, impostor):
    async def work():
        for more in [pack({"id": 1}), pack({"id": 3}), raw(b'{"id": 2}', b"half", 100)]:
            child = await impostor.start(pack({"id": 1}, b"right") + more)
            first, second = child.post({"do": "call"}), child.post({"do": "call"})
            assert (await first)[1] == b"right"
            if more.endswith(b"half"):
                child.kill()  # the rest never comes
            with pytest.raises(WorkerLost):
                await second
            await child.stop()

    quiet(work())


def test_a_child_that_greets_in_another_way_is_not_taken(run, impostor, tmp_path):
    impostor.answer.write_bytes(pack({"id": 1, "hello": "there"}))
    launcher = Launcher(
        tmp_path / "store.db", cwd=tmp_path, logs=tmp_path, python=str(impostor.python)
    )
    with pytest.raises(ChariotsError, match="release"):
        run(launcher.start("odd"))


def test_user_code_that_writes_to_the_socket_takes_only_its_own_calls_along(workshop, quiet):
    """Batched calls, too: parts of an answer that are missing are no answer."""
    workshop.module(
        """
        import gc, socket, time
        from jupyter_chariots import Node, Pipeline
        from jupyter_chariots.workers.frames import pack

        def write(rows):
            if rows[0][0] == "slow":
                time.sleep(0.2)
            if rows[0][0] == "bad":
                channel = next(o for o in gc.get_objects() if isinstance(o, socket.socket))
                numbers = range(1, 20)
                channel.sendall(b"".join(pack({"id": n, "lengths": [1]}, b"x") for n in numbers))
            return rows

        odd = Pipeline(
            [Node(write, ["__pipeline_input__"], "__pipeline_output__")], "odd", batchable=True
        )
        """,
        "odd_pipelines",
    )

    async def work():
        from jupyter_chariots.workers.describe import describe

        described, _ = await describe(["odd_pipelines"], workshop.launcher)
        (one,) = described
        definition = workshop.store.register(one.spec, owner=one.owner, source=dict(one.source))
        called = Called(workshop, "odd")
        called.workshop.define = lambda _: _give({"odd": definition, "train": definition})
        async with called:
            first = asyncio.ensure_future(called.call([["slow"]]))
            await asyncio.sleep(0)
            others = [asyncio.ensure_future(called.call([["bad"]])) for _ in range(3)]
            assert (await first)["pipeline_output"] == [["slow"]]
            for other in others:
                with pytest.raises((WorkerLost, ValueError)):
                    await other
            assert (await called.call([["good"]]))["pipeline_output"] == [["good"]]

    quiet(work())


async def _give(value):
    return value


# -- the other direction ------------------------------------------------------------------------

TO_CHILDREN = [
    b"GET / HTTP/1.1\r\n\r\n",
    raw(b"[]"),
    raw(b"{}"),
    raw(b'{"id": 1}'),
    pack({"do": "call"}),
    raw(b'{"id": 1, "do": "call"}', size=(1 << 64) - 1),
    pack({"id": 1, "do": "setup"})[:-3],
]
ODD_REQUESTS = [
    {"id": 1, "do": "nothing"},
    {"id": 2, "do": []},
    {"id": 3, "do": "call"},
    {"id": 4, "do": "calls", "lengths": [1, 2, -3]},
    {"id": 5, "do": "define"},
    {"id": 6, "do": "load", "versions": 3},
    {"id": 7, "do": "__init__"},
]


def start_child(tmp_path):
    ours, theirs = socket.socketpair()
    with theirs:
        process = subprocess.Popen(
            [sys.executable, "-m", "jupyter_chariots.workers.child", str(theirs.fileno())],
            pass_fds=[theirs.fileno()],
            stdin=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
    return ours, process


def test_a_child_ends_by_itself_when_it_is_sent_garbage(tmp_path):
    started = [(start_child(tmp_path), garbage) for garbage in TO_CHILDREN]
    for (ours, process), garbage in started:
        with ours:
            ours.sendall(garbage)
            ours.shutdown(socket.SHUT_WR)
            assert process.wait(60) != -signal.SIGSEGV, garbage
            assert process.returncode in (0, 1), garbage


def test_a_child_refuses_what_it_does_not_understand_and_goes_on(run, workshop):
    async def work():
        child = await workshop.launcher.start("odd")
        for request in ODD_REQUESTS:
            with pytest.raises(ChariotsError):
                await child.request({name: request[name] for name in request if name != "id"})
        assert (await child.request({"do": "check"}))[0]["id"]
        await child.stop()

    run(work())
