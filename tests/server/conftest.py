"""Jupyter servers with the extension and real children: in this process, and in another one."""

from __future__ import annotations

import json
import re
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlencode

import pytest
import yaml
from jsonschema import Draft202012Validator
from jsonschema.exceptions import best_match

# Not as a plugin of all tests: its fixtures would begin and end a loop around each of them.
from pytest_jupyter.jupyter_server import *  # noqa: F403

import jupyter_chariots.server

from ..live import LiveServer
from ..workers.conftest import run, workshop  # noqa: F401

SAMPLES = "tests.server.samples"
DESCRIPTION = Path(jupyter_chariots.server.__file__).with_name("openapi.yaml")
OPENAPI = yaml.safe_load(DESCRIPTION.read_text(encoding="utf-8"))


class Fetched(NamedTuple):
    """An answer; a body that is not JSON is text."""

    status: int
    body: Any
    headers: Any


Fetch = Callable[..., Awaitable[Fetched]]


def described(method: str, path: str) -> tuple[str, dict[str, Any]] | None:
    """The route in openapi.yaml that a path belongs to."""
    for template, verbs in OPENAPI["paths"].items():
        pattern = "[^/]+".join(re.escape(part) for part in re.split(r"\{\w+\}", template))
        if re.fullmatch(pattern + "/?", path):
            # the first one that fits is the handler's, whatever its verbs
            return (template, verbs[method.lower()]) if method.lower() in verbs else None
    return None


def check_described(method: str, path: str, fetched: Fetched) -> None:
    """Fail unless openapi.yaml has this status of this route, with a schema that the body fits."""
    route = described(method, path)
    if route is None:
        assert fetched.status in (401, 403, 404, 405, 413), (method, path, fetched)
        schema: dict[str, Any] = {"$ref": "#/components/schemas/Error"}
    else:
        template, operation = route
        response = operation["responses"].get(str(fetched.status))
        assert response, f"{method} {template} answered {fetched.status}, which is not described"
        if "$ref" in response:
            response = OPENAPI["components"]["responses"][response["$ref"].rpartition("/")[2]]
        kind = fetched.headers["Content-Type"].partition(";")[0]
        schema = response["content"][kind]["schema"]
        if kind == "application/yaml":
            fetched = fetched._replace(body=yaml.safe_load(fetched.body))
    whole = {**schema, "components": OPENAPI["components"]}
    wrong = best_match(Draft202012Validator(whole).iter_errors(fetched.body))
    if wrong is not None:
        pytest.fail(f"{method} {path} gave {fetched.body}, not as described: {wrong.message}")


class Asker:
    """Asks a server in another process; every answer must be as openapi.yaml describes it."""

    def __init__(self, server: LiveServer) -> None:
        self.server = server

    def __call__(
        self, method: str, path: str, body: Any = b"", *, query: Any = None, **options: Any
    ) -> Fetched:
        asked = f"?{urlencode(query)}" if query else ""
        data = None if body == b"" and method == "GET" else body
        answer = self.server.request(method, path + asked, data, **options)
        fetched = Fetched(*answer)
        check_described(method, f"/{path}", fetched)
        return fetched


@pytest.fixture(scope="session")
def samples_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveServer]:
    folder = tmp_path_factory.mktemp("samples_server")
    with LiveServer(folder / "root", folder / "home", app_pipelines=[SAMPLES]) as server:
        yield server


@pytest.fixture(scope="session")
def ask(samples_server: LiveServer) -> Asker:
    """A server of the samples that tests share: for what leaves no trace."""
    return Asker(samples_server)


@pytest.fixture
def app_pipelines() -> list[str]:
    return [SAMPLES]


@pytest.fixture
def settings() -> dict[str, Any]:
    """Further settings of ``c.PipelinesServer``."""
    return {}


@pytest.fixture
def jp_server_config(app_pipelines: list[str], settings: dict[str, Any]) -> dict[str, Any]:
    return {
        "ServerApp": {"jpserver_extensions": {"jupyter_chariots": True}},
        # a request waits for the start, however long that takes where others work too
        "PipelinesServer": {"app_pipelines": app_pipelines, "start_timeout": 50.0, **settings},
    }


@pytest.fixture
def started(jp_serverapp: Any, jp_asyncio_loop: Any) -> Any:
    """The server, with its extensions started as ``jupyter server`` does."""
    jp_asyncio_loop.run_until_complete(jp_serverapp.extension_manager.start_all_extensions())
    return jp_serverapp


@pytest.fixture
def extension(started: Any) -> Any:
    """The extension of the running server."""
    return started.extension_manager.extension_points["jupyter_chariots"].app


@pytest.fixture
def fetch(started: Any, http_server_client: Any, jp_base_url: str, jp_auth_header: Any) -> Fetch:
    """``await fetch("POST", "pipelines/x/main", body)``: no status raises, all are described.

    A body of bytes goes as it is, anything else as JSON. ``headers`` replace the token's.
    """

    async def send(
        method: str,
        path: str,
        body: Any = b"",
        *,
        query: dict[str, Any] | None = None,
        headers: dict[str, str] | None = None,
    ) -> Fetched:
        asked = f"?{urlencode(query)}" if query else ""
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        response = await http_server_client.fetch(
            f"{jp_base_url}chariots/{path}{asked}",
            method=method,
            body=data if data or method in ("POST", "PUT", "PATCH") else None,
            headers=dict(jp_auth_header if headers is None else headers),
            raise_error=False,
            follow_redirects=False,
            allow_nonstandard_methods=True,
            request_timeout=60,
        )
        got = response.body.decode()
        if got and "json" in response.headers.get("Content-Type", ""):
            got = json.loads(got)
        fetched = Fetched(response.code, got, response.headers)
        if method != "HEAD":
            check_described(method, f"/{path}", fetched)
        return fetched

    return send


@pytest.fixture
def log_in(
    started: Any, http_server_client: Any, jp_base_url: str
) -> Callable[[], Awaitable[dict[str, str]]]:
    """``await log_in()`` gives the headers of a browser that has logged in, XSRF token included."""

    async def work() -> dict[str, str]:
        cookies: dict[str, str] = {}
        sent = ""
        for query in ["", f"?token={started.identity_provider.token}"]:
            page = await http_server_client.fetch(
                f"{jp_base_url}login{query}",
                headers={"Cookie": sent},
                follow_redirects=False,
                raise_error=False,
            )
            for cookie in page.headers.get_list("Set-Cookie"):
                name, _, value = cookie.partition(";")[0].partition("=")
                cookies[name] = value
            sent = "; ".join(f"{name}={value}" for name, value in cookies.items())
        return {"Cookie": sent, "X-XSRFToken": cookies["_xsrf"]}

    return work
