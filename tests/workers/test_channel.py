"""The connection between server and child, over TCP as well."""

from __future__ import annotations

import asyncio
import socket
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from jupyter_chariots.errors import ConfigurationError, WorkerLost
from jupyter_chariots.workers import channel
from jupyter_chariots.workers.channel import Offer, join

from .conftest import alive, until
from .served import Called


@pytest.fixture(params=["socket pair", "tcp"])
def way(request, monkeypatch):
    """Both kinds, on a platform that has both."""
    monkeypatch.setattr(channel, "LOOPBACK", request.param == "tcp")
    return request.param


@pytest.mark.usefixtures("way")
def test_a_child_answers_calls_dies_and_is_started_again(workshop, run):
    async def work():
        async with Called(workshop, "play") as called:
            first = await called.output(["pid"])
            assert await called.output(["wait", "seen", str(workshop.folder)]) == first
            with pytest.raises(WorkerLost, match="exit code 3"):
                await called.call(["exit", 3])
            assert await called.output(["pid"]) != first

    run(work())


@pytest.mark.usefixtures("way")
def test_a_child_sees_that_the_server_has_hung_up_though_it_is_busy(workshop, run):
    name = workshop.module("open('seen', 'w').close()\nwhile True: pass\n")

    async def work():
        child = await workshop.launcher.start("train")
        busy = asyncio.ensure_future(child.request({"do": "describe", "module": name}))
        await workshop.seen("seen")
        waiting = asyncio.ensure_future(child.request({"do": "check"}))  # unread
        child._transport.abort()
        await until(lambda: not alive(child.pid))
        for request in (busy, waiting):
            with pytest.raises(WorkerLost):
                await request
        await child.stop()

    run(work())


@pytest.mark.usefixtures("way")
def test_an_interpreter_that_ends_at_once_is_no_long_wait(workshop, run):
    with pytest.raises((WorkerLost, ConfigurationError)):
        run(workshop.launch(python="/bin/false").start("train"))


def test_only_the_child_is_let_in(monkeypatch):
    monkeypatch.setattr(channel, "LOOPBACK", True)
    offer = Offer()
    address = ("127.0.0.1", int(offer.argument.removeprefix("tcp:")))
    for name, value in offer.env.items():
        monkeypatch.setenv(name, value)
    with ThreadPoolExecutor(1) as pool, offer:
        accepted = pool.submit(offer.accept, lambda: True)
        with socket.create_connection(address) as stranger:
            stranger.sendall(b"0" * 32)
            assert stranger.recv(1) == b""
        with socket.create_connection(address):
            pass  # says nothing
        ours, hung_up = join(offer.argument)
        accepted.result(60)
    assert not set(offer.env) & set(channel.os.environ)
    offer.socket.sendall(b"hello")
    assert ours.recv(5) == b"hello"
    waiting = threading.Thread(target=hung_up)
    waiting.start()
    offer.hang_up()
    waiting.join(60)
    assert not waiting.is_alive()
    ours.close()
