"""Small real servers to talk to: what is between a client and jupyter_chariots may be anything."""

from __future__ import annotations

import contextlib
import socket
import socketserver
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import quote

import pytest

from tests.live import free_port


class Scripted(ThreadingHTTPServer):
    """Answers every request with what ``script(handler)`` does; notes what it got."""

    daemon_threads = True

    def __init__(self, script: Callable[[Handler], None], place: int | Path) -> None:
        if isinstance(place, Path):
            self.address_family = socket.AF_UNIX
            super().__init__(str(place), Handler)  # type: ignore[arg-type]
            self.url = f"http+unix://{quote(str(place), safe='')}/chariots"
        else:
            super().__init__(("127.0.0.1", place), Handler)
            self.url = f"http://127.0.0.1:{place}/chariots"
        self.script = script
        self.seen: list[tuple[int, str, str, bytes]] = []
        self.open: list[Handler] = []

    def server_bind(self) -> None:
        """Without the host's name, which a socket in the file system has none of."""
        socketserver.TCPServer.server_bind(self)

    def hang_up(self) -> None:
        """Close all connections that clients keep, as a server that ends does."""
        for handler in self.open:
            with contextlib.suppress(OSError):
                handler.connection.shutdown(2)


class Handler(BaseHTTPRequestHandler):
    server: Scripted
    protocol_version = "HTTP/1.1"

    def setup(self) -> None:
        super().setup()
        self.server.open.append(self)

    def do_GET(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        client_port = self.client_address[1] if self.client_address else 0
        self.server.seen.append((client_port, self.command, self.path, body))
        self.server.script(self)

    do_POST = do_GET

    def answer(
        self, status: int, body: str, kind: str = "application/json", **headers: str
    ) -> None:
        data = body.encode()
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(data)))
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def scripted() -> Iterator[Callable[..., Scripted]]:
    """Starts servers that answer with a script: ``scripted(lambda h: h.answer(200, "{}"))``."""
    with contextlib.ExitStack() as stack:

        def make(script: Callable[[Handler], None], place: int | Path | None = None) -> Scripted:
            server = Scripted(script, place or free_port())
            thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
            thread.start()
            stack.callback(thread.join)
            stack.callback(server.server_close)
            stack.callback(server.shutdown)
            return server

        yield make


@pytest.fixture(autouse=True)
def nothing_around(monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory):
    """No variable and no connection file of this machine is seen by a test here."""
    for name in (
        "CHARIOTS_URL",
        "CHARIOTS_TOKEN",
        "JPY_PARENT_PID",
        "JUPYTER_SERVER_URL",
        "JUPYTERHUB_PUBLIC_URL",
        "JUPYTERHUB_SERVICE_PREFIX",
        "JUPYTERHUB_SERVICE_URL",
        "JUPYTERHUB_API_TOKEN",
    ):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("JUPYTER_RUNTIME_DIR", str(tmp_path_factory.mktemp("runtime")))
