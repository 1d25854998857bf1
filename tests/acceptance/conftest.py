"""The server that the tests of defects share, and a way to send it anything at all."""

from __future__ import annotations

import http.client
import json
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import pytest

from ..live import LiveServer

MODULES = ["tests.server.samples", "tests.acceptance.samples", "one", "two", "slashed"]
ONE_NAME = """
from jupyter_chariots import Node, Pipeline

def number():
    return {number}

twice = Pipeline([Node(number, output_nodes="__pipeline_output__")], "twice")
"""
LARGEST_BODY = 100_000


@pytest.fixture(scope="session")
def defects_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveServer]:
    """A running server, shared: each test leaves the pipelines of the others alone."""
    folder = tmp_path_factory.mktemp("defects")
    root = folder / "root"
    root.mkdir()
    for number, module in enumerate(["one", "two"]):
        (root / f"{module}.py").write_text(ONE_NAME.format(number=number))
    slashed = ONE_NAME.format(number=3).replace('"twice"', '"a/b"')
    (root / "slashed.py").write_text(slashed)
    arguments = [
        f"--PipelinesServer.max_body_size={LARGEST_BODY}",
        "--PipelinesServer.call_timeout=4",
    ]
    with LiveServer(root, folder / "home", app_pipelines=MODULES, arguments=arguments) as server:
        yield server


class Raw(NamedTuple):
    """An answer, undecoded."""

    status: int
    headers: http.client.HTTPMessage
    body: bytes

    @property
    def json(self) -> Any:
        """The body, which must be JSON as every parser takes it."""
        assert self.headers.get_content_type() == "application/json", self

        def no_constant(name: str) -> None:
            raise AssertionError(f"{name} is not JSON")

        return json.loads(self.body, parse_constant=no_constant)


Send = Callable[..., Raw]


@pytest.fixture(scope="session")
def send(defects_server: LiveServer) -> Send:
    """``send("POST", "pipelines/x/main", b"…", **headers)``: just that, and the token."""

    def send(method: str, path: str, body: bytes | None = None, **headers: str) -> Raw:
        connection = http.client.HTTPConnection("127.0.0.1", defects_server.port, timeout=60)
        try:
            connection.putrequest(method, f"/chariots/{path}", skip_host="Host" in headers)
            own = {"Authorization": f"token {defects_server.token}", **headers}
            if body is not None:
                own["Content-Length"] = str(len(body))
            for name, value in own.items():
                connection.putheader(name.replace("_", "-"), value)
            connection.endheaders(body)
            answer = connection.getresponse()
            return Raw(answer.status, answer.headers, answer.read())
        finally:
            connection.close()

    return send
