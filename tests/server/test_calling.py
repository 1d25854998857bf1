"""Calls that tell what they print, and calls that are cancelled."""

from __future__ import annotations

import asyncio
import json
import re

import pytest

from jupyter_chariots.server.live import LiveAnswer

LIVE = {"Chariots-Output": "live"}
KIND = "application/vnd.jupyter-chariots.live"


@pytest.fixture
def app_pipelines(jp_root_dir):
    (jp_root_dir / "talkers.py").write_text(TALKERS)
    return ["talkers"]


TALKERS = """
import time
from pathlib import Path
import numpy as np
from jupyter_chariots import LoadableOp, Node, Pipeline

HERE = Path(__file__).parent
IN, OUT = "__pipeline_input__", "__pipeline_output__"

def talk(order):
    if isinstance(order, np.ndarray):
        print("an array")
        return order + 1
    print(order)
    if order == "fail":
        raise RuntimeError("it failed")
    if order == "wait":
        (HERE / "seen").touch()
        time.sleep(1000)
    return order

class Held(LoadableOp):
    state = b"0"
    def execute(self, order):
        (HERE / "seen").touch()
        while order == "wait" and not (HERE / "go").exists():
            time.sleep(0.005)
        self.state += b"1"
        return order
    def serialize(self):
        return self.state
    def load(self, state):
        self.state = bytes(state)

talker = Pipeline([Node(talk, [IN], OUT)], "talker")
silent = Pipeline([Node(lambda x: x, [IN], OUT)], "silent")
held = Pipeline([Node(Held(), [IN], OUT)], "held")
"""


def parted(answer):
    """Lines, and status, headers and body of the plain answer."""
    *lines, last, body = answer.body.split("\n")
    about = json.loads(last)
    assert len(body.encode()) == about["length"]
    return [json.loads(line) for line in lines if line], about, body


def printed(lines):
    return "".join(line["text"] for line in lines if line.get("stream") == "stdout")


@pytest.fixture
def call(fetch, jp_auth_header):
    async def send(name, order, headers=(), **more):
        merged = {**jp_auth_header, **LIVE, **dict(headers), **more}
        return await fetch(
            "POST", f"pipelines/{name}/main", {"pipeline_input": order}, headers=merged
        )

    return send


async def test_what_is_printed_comes_before_the_plain_answer(call):
    for _ in range(2):  # the full way, and the short one
        answer = await call("talker", "hello")
        assert answer.status == 200
        assert answer.headers["Content-Type"] == KIND
        lines, about, body = parted(answer)
        assert printed(lines) == "hello\n"
        assert about["status"] == 200
        assert about["headers"] == {"Content-Type": "application/json"}
        assert json.loads(body)["pipeline_output"] == "hello"


async def test_a_failure_after_a_print_is_told_at_the_end(call, extension):
    answer = await call("talker", "fail")
    assert answer.status == 200
    _, about, body = parted(answer)
    assert about["status"] == 500
    assert json.loads(body)["code"] == "node_failed"
    assert extension.manager.pipelines["talker"].calls.view()["last_error"]["code"] == "node_failed"


async def test_without_a_print_the_answer_is_the_plain_one(call):
    await call("silent", 1)  # starts its process, which may take long enough to be told
    answer = await call("silent", 1)
    assert answer.headers["Content-Type"] == "application/json"
    assert answer.headers["Content-Length"]
    assert answer.body["pipeline_output"] == 1


async def test_a_login_by_cookie_sees_prints_as_well(fetch, log_in):
    sent = {**LIVE, **await log_in()}
    answer = await fetch("POST", "pipelines/talker/main", {"pipeline_input": "hi"}, headers=sent)
    lines, _, _ = parted(answer)
    assert printed(lines) == "hi\n"


async def seen(folder):
    while not (folder / "seen").exists():
        await asyncio.sleep(0.005)


@pytest.mark.parametrize("name", ["talker", "held"])
@pytest.mark.parametrize("live", ["live", "no"])
async def test_a_call_is_cancelled_by_its_id(call, fetch, jp_root_dir, extension, name, live):
    running = asyncio.ensure_future(
        call(name, "wait", {"Chariots-Call": "abc", "Chariots-Output": live})
    )
    await seen(jp_root_dir)
    sequence = await extension.manager.store(lambda store: store.sequence())
    answer = await fetch("DELETE", "calls/abc")
    assert answer.body == {"outcome": "cancelled"}
    ended = await running
    if ended.status == 200:
        _, about, body = parted(ended)
        assert (about["status"], json.loads(body)["code"]) == (499, "cancelled")
    else:
        assert (ended.status, ended.body["code"]) == (499, "cancelled")
    news = await extension.manager.store(lambda store: store.news(sequence))
    assert {one.kind for one in news} <= {"job"}
    again = await call(name, "on", {"Chariots-Call": "def", "Chariots-Output": "no"})
    assert again.body["pipeline_output"] == "on"


async def test_a_call_that_was_cancelled_before_it_came_does_not_run(call, fetch, jp_root_dir):
    assert (await fetch("DELETE", "calls/early")).body == {"outcome": "unknown"}
    answer = await call("held", "on", {"Chariots-Call": "early"})
    assert (answer.status, answer.body["code"]) == (499, "cancelled")
    assert not (jp_root_dir / "seen").exists()


async def test_nobody_else_cancels_a_call(call, fetch, jp_root_dir, extension):
    """The credential of the connection file is the server's owner, the token an anonymous user."""
    running = asyncio.ensure_future(call("held", "wait", {"Chariots-Call": "mine"}))
    await seen(jp_root_dir)
    (found,) = extension.running._calls.values()
    assert await extension.running.cancel("mine", f"not {found.who}") == "unknown"
    (jp_root_dir / "go").touch()
    assert (await running).status == 200
    assert (await fetch("DELETE", "calls/mine")).body == {"outcome": "unknown"}


class Written:
    """Takes what a handler would send."""

    def __init__(self):
        self.headers, self.lines = {}, []
        self.sent = asyncio.get_running_loop().create_future()

    def set_header(self, name, value):
        self.headers[name] = value

    def write(self, line):
        self.lines.append(line)

    def flush(self):
        return self.sent

    def finish(self):
        pass


async def test_an_answer_that_is_silent_is_kept_alive():
    written = Written()
    answer = LiveAnswer(written, quiet=0.01)
    answer.line(b"{}\n")
    while len(written.lines) < 3:
        await asyncio.sleep(0.005)
    answer.close()
    answer.line(b"{}\n")
    assert written.lines[:3] == [b"{}\n", b"\n", b"\n"]
    assert b"{}\n" not in written.lines[1:]


LONG = json.dumps({"stream": "stdout", "text": "x" * 100_000}).encode() + b"\n"


def read_slowly():
    """An answer of which much was left out, as its client reads so slowly."""
    written = Written()
    answer = LiveAnswer(written)
    for _ in range(100):
        answer.line(LONG)
    return written, answer


async def test_who_reads_slowly_costs_little_memory():
    written, answer = read_slowly()
    assert 5 * len(LONG) < sum(map(len, written.lines)) < 20 * len(LONG)
    kept = len(written.lines)
    written.sent.set_result(None)  # it has read all that
    answer.line(b"{}\n")
    answer.close()
    (told,) = written.lines[kept:]
    said, last = told.splitlines()
    assert json.loads(said)["text"].endswith("more characters are in the log\n")
    assert last == b"{}"


async def test_what_was_left_out_at_the_end_is_told_too():
    written, answer = read_slowly()
    kept = len(written.lines)
    answer.finish(200, {}, b"the body")
    answer.close()
    told, body = written.lines[kept:]
    said, last = map(json.loads, told.splitlines())
    left_out = (100 - kept) * len(LONG)
    assert said == {
        "stream": "stderr",
        "text": f"\n… about {left_out:,} more characters are in the log\n",
    }
    assert last == {"status": 200, "headers": {}, "length": 8}
    assert body == b"the body"


@pytest.mark.parametrize("connection", ["keep-alive", "close"])
async def test_a_client_of_http_1_0_sees_where_the_answer_ends(
    http_server_client, jp_http_port, started, jp_base_url, jp_auth_header, connection
):
    """Nothing tells it the end of an answer without a length but the end of the connection."""
    body = json.dumps({"pipeline_input": "hello"})
    headers = {**jp_auth_header, **LIVE, "Connection": connection, "Content-Length": len(body)}
    lines = [f"POST {jp_base_url}chariots/pipelines/talker/main HTTP/1.0"]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    reader, writer = await asyncio.open_connection("127.0.0.1", jp_http_port)
    writer.write("\r\n".join([*lines, "", body]).encode())
    head = (await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 60)).decode()
    length = re.search(r"(?i)content-length: (\d+)", head)
    if connection == "keep-alive":
        assert json.loads(await reader.readexactly(int(length[1])))["pipeline_output"] == "hello"
    else:
        assert KIND in head
        assert b'"hello"' in await asyncio.wait_for(reader.read(), 60)
    writer.close()
    await writer.wait_closed()
