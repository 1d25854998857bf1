"""Clients that send too much, or too slowly, or do not read: others are served meanwhile.

Bodies that are too large are refused while they come; the server never has them.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import socket
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from jupyter_chariots.server import bodies

from ..live import LiveServer, wait_for
from .conftest import SAMPLES

LIMIT = 1 << 20
PIECE = bytes(1 << 20)
MOST = 48 << 20
"""Bytes of memory that a server may take for whatever it is sent: noise, and no body."""


@pytest.fixture(scope="module")
def server(tmp_path_factory) -> Iterator[LiveServer]:
    folder = tmp_path_factory.mktemp("bodies")
    arguments = [f"--PipelinesServer.max_body_size={LIMIT}"]
    with LiveServer(
        folder / "root", folder / "home", app_pipelines=[SAMPLES], arguments=arguments
    ) as server:
        assert server.post("pipelines/doubled/main", {"pipeline_input": 1}).status == 200
        yield server


def memory(server: LiveServer) -> int:
    """Bytes that the server had at most since it was asked the last time."""
    process = Path(f"/proc/{server.pid}")
    peak = int((process / "status").read_text().partition("VmHWM:")[2].split()[0]) << 10
    (process / "clear_refs").write_text("5")  # it begins to count anew
    return peak


class Sender:
    """A connection of which every byte is written by hand."""

    def __init__(self, server: LiveServer, receive: int | None = None) -> None:
        self.server, self.socket = server, socket.socket()
        if receive:  # bytes that come in before they are read
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive)
        self.socket.settimeout(120)
        self.socket.connect(("127.0.0.1", server.port))

    def head(self, route: str, *lines: str, token: str | None = None) -> None:
        token = self.server.token if token is None else token
        own = [f"Authorization: token {token}"] if token else []
        text = [f"POST /chariots/{route} HTTP/1.1", "Host: 127.0.0.1", *own, *lines, "", ""]
        self.socket.sendall("\r\n".join(text).encode())

    def answer(self) -> tuple[int, dict]:
        with self.socket.makefile("rb") as file:
            status = int(file.readline().split()[1])
            length = 0
            while line := file.readline().strip():
                name, _, value = line.partition(b":")
                length = int(value) if name.lower() == b"content-length" else length
            return status, json.loads(file.read(length))

    def __enter__(self) -> Sender:
        return self

    def __exit__(self, *_: object) -> None:
        self.socket.close()


ROUTES = ["pipelines/doubled/main", "pipelines", "jobs/fetch", "nothing", "v2/models/x/infer"]


def test_a_gigabyte_is_refused_and_takes_no_memory(server):
    before = memory(server)
    with Sender(server) as sender:
        sender.head("pipelines/doubled/main", f"Content-Length: {1 << 30}")
        for _ in range(1 << 10):
            sender.socket.sendall(PIECE)
        status, body = sender.answer()
    assert (status, body["code"]) == (413, "too_large")
    assert str(LIMIT) in body["message"]
    assert memory(server) - before < MOST


def test_a_body_that_does_not_say_how_long_it_is_too(server):
    before = memory(server)
    with Sender(server) as sender:
        sender.head("pipelines/doubled/main", "Transfer-Encoding: chunked")
        for _ in range(1 << 8):
            sender.socket.sendall(b"%x\r\n%b\r\n" % (len(PIECE), PIECE))
        sender.socket.sendall(b"0\r\n\r\n")
        status, body = sender.answer()
    assert (status, body["code"]) == (413, "too_large")
    assert memory(server) - before < MOST


def test_a_body_in_chunks_that_is_small_enough_is_a_body(server):
    with Sender(server) as sender:
        for value in (b"3", b"4"):
            sender.head("pipelines/doubled/main", "Transfer-Encoding: chunked")
            chunks = b'11\r\n{"pipeline_input"\r\n3\r\n: %b\r\n1\r\n}\r\n0\r\n\r\n' % value
            sender.socket.sendall(chunks)
            status, body = sender.answer()
            assert (status, body["pipeline_output"]) == (200, 2 * int(value))
    with Sender(server) as sender:
        sender.head("nothing", "Transfer-Encoding: chunked")
        sender.socket.sendall(b"0\r\n\r\n")
        assert sender.answer()[0] == 404


@pytest.mark.parametrize("route", ROUTES)
def test_a_client_that_asks_first_is_told_at_once(server, route):
    with Sender(server) as sender:
        sender.head(route, f"Content-Length: {1 << 40}", "Expect: 100-continue")
        status, body = sender.answer()
    assert (status, body["code"]) == (413, "too_large")
    assert ("error" in body) is route.startswith("v2/")


def test_who_may_not_come_in_is_told_that(server):
    for token in ["", "wrong"]:
        with Sender(server) as sender:
            sender.head("pipelines", f"Content-Length: {LIMIT + 1}", token=token)
            sender.socket.sendall(bytes(LIMIT + 1))
            assert sender.answer()[0] == 401


def test_just_as_many_bytes_as_are_allowed_are_taken(server):
    text = json.dumps({"pipeline_input": 5}).encode()
    assert server.post("pipelines/doubled/main", text.ljust(LIMIT)).status == 200
    assert server.post("pipelines/doubled/main", text.ljust(LIMIT + 1)).status == 413
    assert server.post("pipelines/doubled/main", text).body["pipeline_output"] == 10


def test_other_routes_of_jupyter_are_not_touched(server):
    url = f"{server.server_url}api/contents/large.txt"
    content = json.dumps({"type": "file", "format": "text", "content": "x" * (2 * LIMIT)})
    request = urllib.request.Request(url, content.encode(), method="PUT")
    request.add_header("Authorization", f"token {server.token}")
    with urllib.request.urlopen(request, timeout=60) as answer:
        assert answer.status == 201


async def test_who_sends_for_too_long_is_broken_off(
    started, http_server, http_server_port, jp_base_url, jp_auth_header, monkeypatch
):
    monkeypatch.setattr(bodies, "_PATIENCE_S", 0.0)
    reader, writer = await asyncio.open_connection("127.0.0.1", http_server_port[1])
    head = (
        f"POST {jp_base_url}chariots/pipelines HTTP/1.1\r\nHost: localhost\r\n"
        f"Authorization: {jp_auth_header['Authorization']}\r\nContent-Length: {1 << 40}\r\n\r\n"
    )
    writer.write(head.encode() + b"x")
    answer = await asyncio.wait_for(reader.read(), 60)
    assert answer.startswith(b"HTTP/1.1 413 ")
    assert json.loads(answer.partition(b"\r\n\r\n")[2])["code"] == "too_large"
    writer.close()


def connections(server: LiveServer) -> int:
    """How many the server has accepted and not closed yet."""
    rows = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()]
    own = f"0100007F:{server.port:04X}"
    sockets = {f"socket:[{row[9]}]" for row in rows if row[1] == own and row[3] != "0A"}  # listens
    count = 0
    for descriptor in Path(f"/proc/{server.pid}/fd").iterdir():
        with contextlib.suppress(OSError):  # it was closed just now
            count += os.readlink(descriptor) in sockets
    return count


def is_served(server: LiveServer) -> bool:
    called = server.post("pipelines/doubled/main", {"pipeline_input": 2}, timeout=20)
    return called.status == server.get("health_check", timeout=20).status == 200


def test_who_sends_headers_or_a_body_slowly_holds_nobody_up(server):
    with contextlib.ExitStack() as stack:
        for number in range(60):
            slow = stack.enter_context(Sender(server))
            if number % 2:
                slow.head("pipelines/doubled/main", "Content-Length: 1000")
                slow.socket.sendall(b'{"pipeline_input": ')
            else:
                slow.socket.sendall(b"POST /chariots/pipelines/doubled/main HTTP/1.1\r\nHost: ")
        wait_for(lambda: connections(server) >= 60, "the connections")
        assert is_served(server)
    wait_for(lambda: not connections(server), "their end")
    assert is_served(server)


def test_who_reads_slowly_holds_nobody_up(server):
    large = json.dumps({"pipeline_input": "x" * (LIMIT - 100)})
    with contextlib.ExitStack() as stack:
        slow = [stack.enter_context(Sender(server, receive=4096)) for _ in range(8)]
        for one in slow:
            one.head("pipelines/doubled/main", f"Content-Length: {len(large)}")
            one.socket.sendall(large.encode())
        assert is_served(server)
        status, body = slow[0].answer()
        assert (status, len(body["pipeline_output"])) == (200, 2 * (LIMIT - 100))
        assert is_served(server)
    wait_for(lambda: not connections(server), "the end of the connections")
    wait_for(lambda: server.get("pipelines/doubled").body["running"] == 0, "the end of their calls")
