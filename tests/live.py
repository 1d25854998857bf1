"""A real Jupyter server in a process of its own, for tests.

Each server has its own HOME and Jupyter folders, so that nothing of the machine leaks in and
several servers can run at once. Waiting is always for a condition, with a deadline.
"""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import random
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
import weakref
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar, NamedTuple

REPOSITORY = Path(__file__).resolve().parents[1]
IRIS = "jupyter_chariots.examples.iris"
FLOWERS = "tests.flowers"
# As `jupyter server`, without what takes most of its time: a grammar that jsonschema compiles to
# check addresses by, and the extensions for front ends. Like its script it imports nothing from
# the folder that it runs in. Other apps are started as a user does.
_QUICK = (
    "import sys; del sys.path[0]; sys.modules['rfc3987_syntax'] = None; "
    "from jupyter_server.serverapp import main; main()"
)
_LEFT_OUT = dict.fromkeys(
    ["jupyter_lsp", "jupyter_server_terminals", "jupyterlab", "notebook", "notebook_shim"], False
)
_CHANCE = random.SystemRandom()  # each process of pytest-xdist seeds the other one alike
_PORTS, _EACH = 20_000, 1_500  # not those that the system gives to connections
_OURS = ("CHARIOTS_", "JPY_", "JUPYTER", "IPYTHON", "XDG_")


class Answer(NamedTuple):
    """What a plain HTTP request got."""

    status: int
    body: Any
    headers: Mapping[str, str]


def wait_for(condition: Callable[[], Any], what: str, deadline: float = 60.0) -> Any:
    """Call ``condition`` until it gives something true, and return that."""
    end = time.monotonic() + deadline
    while True:
        result = condition()
        if result:
            return result
        if time.monotonic() > end:
            raise AssertionError(f"waited {deadline} s for {what}")
        time.sleep(0.02)


def free_port() -> int:
    """A port of this machine that nobody listens on, and that no other process of the tests takes:
    between the choice and the start of a server, or while it is started again, nobody else may.
    """
    worker = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))
    first = _PORTS + worker % 8 * _EACH
    while True:
        port = _CHANCE.randrange(first, first + _EACH)
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port


def clean_environment(home: Path, extra: Mapping[str, str] | None = None) -> dict[str, str]:
    """The environment of this process with Jupyter folders under ``home``."""
    environment = {k: v for k, v in os.environ.items() if not k.startswith(_OURS)}
    folders = {"HOME": home, "IPYTHONDIR": home / "ipython"}
    for kind in ("CONFIG_DIR", "DATA_DIR", "RUNTIME_DIR"):
        folders[f"JUPYTER_{kind}"] = home / "jupyter" / kind.lower()
    for name, folder in folders.items():
        folder.mkdir(parents=True, exist_ok=True)
        environment[name] = str(folder)
    paths = [str(REPOSITORY), *filter(None, [environment.get("PYTHONPATH")])]
    environment["PYTHONPATH"] = os.pathsep.join(paths)
    return {**environment, **(extra or {})}


class LiveServer:
    """A Jupyter server with the extension, started and stopped at will.

    Args:
        root: the folder that it serves.
        home: where its HOME and Jupyter folders are; kept from one start to the next.
        app_pipelines: ``c.PipelinesServer.app_pipelines``.
        arguments: further command line arguments.
        environment: further environment variables.
        token: Jupyter's token; an empty one means none, and without a password no authentication.
        base_url: ``c.ServerApp.base_url``.
        app: ``server``, ``lab`` …: the subcommand of ``jupyter``.
        ip: ``c.ServerApp.ip``.

    Attributes:
        made: all that are in use, running or not.
    """

    made: ClassVar[weakref.WeakSet[LiveServer]] = weakref.WeakSet()

    def __init__(
        self,
        root: Path,
        home: Path,
        *,
        app_pipelines: Sequence[str] = (),
        arguments: Sequence[str] = (),
        environment: Mapping[str, str] | None = None,
        token: str = "a-token-for-tests",
        base_url: str = "/",
        app: str = "server",
        ip: str = "127.0.0.1",
    ) -> None:
        self.root, self.home = root, home
        self.token, self.base_url, self.app = token, base_url, app
        self.ip, self.port = ip, free_port()
        self.log = home / "server.log"
        self.app_pipelines, self.arguments = list(app_pipelines), list(arguments)
        root.mkdir(parents=True, exist_ok=True)
        self.environment = clean_environment(home, environment)
        self.process: subprocess.Popen[bytes] | None = None
        self.made.add(self)

    @property
    def server_url(self) -> str:
        """Address of the Jupyter server, ending in a slash."""
        return f"http://127.0.0.1:{self.port}{self.base_url}"

    @property
    def url(self) -> str:
        """Address of the extension."""
        return f"{self.server_url}chariots"

    @property
    def runtime_dir(self) -> Path:
        """Where it writes its connection file."""
        return Path(self.environment["JUPYTER_RUNTIME_DIR"])

    @property
    def pid(self) -> int:
        """Process id of the running server."""
        assert self.process is not None, "the server is not running"
        return self.process.pid

    def listening(self) -> list[str]:
        """The arguments that say where it listens."""
        port = [f"--ServerApp.port={self.port}", "--ServerApp.port_retries=0"]
        return [*port, f"--ServerApp.ip={self.ip}"]

    def begin(self) -> None:
        """Start it, and do not wait."""
        quick = self.app == "server"
        extensions = {"jupyter_chariots": True, **(_LEFT_OUT if quick else {})}
        command = [
            sys.executable,
            *(["-c", _QUICK] if quick else ["-m", "jupyter_core", self.app]),
            "--no-browser",
            "--allow-root",
            *self.listening(),
            f"--ServerApp.root_dir={self.root}",
            f"--ServerApp.base_url={self.base_url}",
            f"--IdentityProvider.token={self.token}",
            f"--ServerApp.jpserver_extensions={extensions}",
            *(f"--PipelinesServer.app_pipelines={name}" for name in self.app_pipelines),
            *self.arguments,
        ]
        scripts = str(Path(sys.executable).parent)
        path = os.pathsep.join([scripts, self.environment.get("PATH", "")])
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                command,
                cwd=self.root,
                env={**self.environment, "PATH": path},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    def start(self, deadline: float = 60.0) -> LiveServer:
        """Start it and wait until the extension answers."""
        self.begin()
        try:
            wait_for(self._ready, f"the server on port {self.port}", deadline)
        except AssertionError as error:
            self.kill()
            raise AssertionError(f"{error}\n{self.log_tail()}") from None
        except BaseException:
            self.kill()
            raise
        return self

    def _ready(self) -> bool:
        assert self.process is not None
        if self.process.poll() is not None:
            raise AssertionError(f"the server ended with {self.process.returncode}")
        try:
            answer = self.request("GET", "available_pipelines")
            if answer.status in (401, 403):  # which it says before it has begun
                return any(self.runtime_dir.glob(f"jpchariots-{self.pid}-*.json"))
            # 500: it is up and says why it cannot serve anything
            return answer.status in (200, 500) and not isinstance(answer.body, str)
        except OSError:
            return False

    def stop(self, deadline: float = 60.0) -> None:
        """Ask it to end (SIGTERM) and wait until it has."""
        if self.process is not None:
            self.process.terminate()
            try:
                self.process.wait(deadline)
            finally:
                self.kill()

    def kill(self) -> None:
        """End the server's process at once (SIGKILL), and nothing else."""
        if self.process is not None:
            if self.process.poll() is None:
                self.process.send_signal(signal.SIGKILL)
            self.process.wait()
            self.process = None

    def restart(self, *, kill: bool = False) -> LiveServer:
        """End it, by SIGKILL if asked, and start it again with everything that it keeps on disk."""
        if kill:
            self.kill()
        else:
            self.stop()
        return self.start()

    def log_tail(self, lines: int = 60) -> str:
        """The end of the server's log."""
        text = self.log.read_text(errors="replace") if self.log.exists() else ""
        return "\n".join(text.splitlines()[-lines:])

    def request(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        headers: Mapping[str, str] | None = None,
        token: str | None = None,
        timeout: float = 60.0,
    ) -> Answer:
        """One plain HTTP request to ``{base_url}chariots/{path}``.

        ``body`` is sent as it is when it consists of bytes, else as JSON. The answer's body is
        decoded when it is JSON, else it is text. No status raises.
        """
        token = self.token if token is None else token
        send = {"Authorization": f"token {token}"} if token else {}
        plain = body is None or isinstance(body, (bytes, memoryview))
        data = body if plain else json.dumps(body).encode()
        if data is not None:
            send["Content-Type"] = "application/json"
        request = urllib.request.Request(
            f"{self.url}/{path.lstrip('/')}", data, {**send, **(headers or {})}, method=method
        )
        try:
            with urllib.request.urlopen(request, timeout=timeout) as response:
                status, raw, got = response.status, response.read(), response.headers
        except urllib.error.HTTPError as error:
            with error:
                status, raw, got = error.code, error.read(), error.headers
        kind = got.get("Content-Type", "")
        text = raw.decode("utf-8", "replace")
        return Answer(status, json.loads(text) if "json" in kind and text else text, dict(got))

    def post(self, path: str, body: Any = None, **kwargs: Any) -> Answer:
        """A POST; without ``body`` it has none."""
        return self.request("POST", path, b"" if body is None else body, **kwargs)

    def get(self, path: str, **kwargs: Any) -> Answer:
        """A GET."""
        return self.request("GET", path, **kwargs)

    def send(self, pipeline: str, value: Any) -> http.client.HTTPConnection:
        """Call a pipeline, and do not wait for the answer; whoever asked may go away."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        headers = {
            "Authorization": f"token {self.token}",
            "Content-Type": "application/json",
        }
        body = json.dumps({"pipeline_input": value})
        connection.request(
            "POST", f"{self.base_url}chariots/pipelines/{pipeline}/main", body, headers
        )
        return connection

    def __enter__(self) -> LiveServer:
        return self if self.process is not None else self.start()

    def __exit__(self, *_: object) -> None:
        self.stop()
