"""Plain calls that were let in are answered without a handler, and as a handler answers them."""

from __future__ import annotations

import asyncio
import json

import pytest
from prometheus_client import REGISTRY

from jupyter_chariots.server.lean import LeanMainHandler

CALL = {"pipeline_input": 3}
JSON = {"Content-Type": "application/json"}


@pytest.fixture(autouse=True)
def quiet(monkeypatch):
    """The tests themselves collect what is logged, which each request would add to."""
    monkeypatch.setattr("jupyter_chariots.server.express.shows_debug", lambda log: False)


@pytest.fixture(autouse=True)
def lasting(extension):
    """Permits do not end, however long the first request waits for its process."""
    extension.permits.clock = lambda: 0.0


@pytest.fixture
def handled(monkeypatch):
    """Which requests came to the handler."""
    seen = []
    call = LeanMainHandler.call

    async def noted(self, name):
        seen.append(name)
        await call(self, name)

    monkeypatch.setattr(LeanMainHandler, "call", noted)
    return seen


@pytest.fixture
def call(fetch, jp_auth_header, handled):
    """Calls a pipeline twice; gives the second answer and whether a handler was needed for it."""

    async def send(name, body=CALL, **headers):
        sent = {**jp_auth_header, **JSON, **{k.replace("_", "-"): v for k, v in headers.items()}}
        await fetch("POST", f"pipelines/{name}/main", body, headers=sent)
        handled.clear()
        answer = await fetch("POST", f"pipelines/{name}/main", body, headers=sent)
        return answer, bool(handled)

    return send


def counted(status="200"):
    labels = {"pipeline": "doubled", "status": status}
    return REGISTRY.get_sample_value("jupyter_chariots_calls_total", labels) or 0


async def test_a_plain_call_needs_no_handler_and_is_counted(call, extension):
    before = counted()
    extension.serverapp.web_app.settings.pop("api_last_activity", None)
    answer, needed = await call("doubled")
    assert (answer.status, answer.body["pipeline_output"], needed) == (200, 6, False)
    assert counted() == before + 2
    assert "api_last_activity" in extension.serverapp.web_app.settings
    name = "http_request_duration_seconds_count"
    ours = {"handler": "jupyter_chariots.server.express.Express", "method": "POST"}
    assert REGISTRY.get_sample_value(name, {**ours, "status_code": "200"})


@pytest.mark.parametrize(
    ("name", "body", "headers"),
    [
        ("doubled", {**CALL, "use_worker": False}, {}),
        ("doubled", CALL, {"Chariots_Call": "abc"}),
        ("doubled", CALL, {"Chariots_Output": "live"}),
        ("doubled", CALL, {"Accept": "application/x-npy"}),
        ("count", b"", {}),
    ],
)
async def test_what_is_more_than_plain_goes_to_the_handler(call, name, body, headers):
    answer, needed = await call(name, body, **headers)
    assert (answer.status, needed) == (200, True)


async def test_an_error_is_told_and_counted(call):
    before = counted("400")
    answer, needed = await call("doubled", b"{")
    assert (answer.status, answer.body["code"], needed) == (400, "bad_request", False)
    assert counted("400") == before + 2


async def test_a_client_that_goes_away_ends_its_call(
    call, extension, jp_http_port, jp_base_url, jp_auth_header, handled
):
    def request(seconds):
        body = json.dumps({"pipeline_input": seconds})
        headers = {"Host": f"localhost:{jp_http_port}", **jp_auth_header, **JSON}
        lines = [f"POST {jp_base_url}chariots/pipelines/sleeper/main HTTP/1.1"]
        lines += [f"{name}: {value}" for name, value in headers.items()]
        return "\r\n".join([*lines, f"Content-Length: {len(body)}", "", body]).encode()

    reader, writer = await asyncio.open_connection("127.0.0.1", jp_http_port)
    writer.write(request(0))
    head = await reader.readuntil(b"\r\n\r\n")
    assert b" 200 " in head.partition(b"\r\n")[0]
    handled.clear()
    writer.write(request(3600))
    sleeper = extension.manager.pipelines["sleeper"]
    while not sleeper.running:
        await asyncio.sleep(0.005)
    writer.close()
    while sleeper.running:
        await asyncio.sleep(0.005)
    assert not handled
