"""Kernels, terminals and scripts find their server, however it was started and wherever it is."""

from __future__ import annotations

import asyncio
import contextlib
import json
import shutil
import signal
import subprocess
import sys
import sysconfig
import tempfile
import urllib.request
import venv
from pathlib import Path
from urllib.parse import quote

import pytest
from jupyter_server.auth.security import passwd
from tornado.httpclient import HTTPRequest
from tornado.websocket import websocket_connect

from jupyter_chariots import PipelinesClient
from jupyter_chariots.errors import ServerNotFound

from ..kernels import Notebook
from ..live import LiveServer, free_port

CALL = """
from jupyter_chariots import PipelinesClient
client = PipelinesClient()
print(client.call_pipeline("division", [3, 2]).value, client._connection.address.url)
"""
APP = ["tests.client.app"]
# a request waits for the pipelines of a server that may just have begun to import them
PATIENT = "--PipelinesServer.start_timeout=50"
OURS = ["JPY_PARENT_PID", "JUPYTER_SERVER_URL", "CHARIOTS_URL", "CHARIOTS_TOKEN"]


def script(server: LiveServer, folder: Path, **variables: str) -> str:
    """What a program of the same user prints that runs in a folder."""
    done = subprocess.run(
        [sys.executable, "-c", CALL],
        cwd=folder,
        env={**server.environment, **variables},
        capture_output=True,
        text=True,
        timeout=60,
    )
    return done.stdout if done.returncode == 0 else done.stderr.splitlines()[-1]


def in_terminal(server: LiveServer, command: str, until: str) -> str:
    """What a terminal of JupyterLab shows, until it shows something."""

    async def work() -> str:
        terminal = server_api(server, "terminals")["name"]
        address = f"ws://127.0.0.1:{server.port}{server.base_url}terminals/websocket/{terminal}"
        headers = {"Authorization": f"token {server.token}"}
        socket = await websocket_connect(HTTPRequest(address, headers=headers))
        await socket.write_message(json.dumps(["stdin", f"{command}\r"]))
        shown = ""
        while until not in shown:
            kind, *said = json.loads(await socket.read_message())
            shown += said[0] if kind == "stdout" else ""
        socket.close()
        while await socket.read_message() is not None:
            pass  # until the other side has closed it, too
        return shown

    return asyncio.run(asyncio.wait_for(work(), 60))


def server_api(server: LiveServer, path: str) -> dict[str, str]:
    request = urllib.request.Request(f"{server.server_url}api/{path}", b"", method="POST")
    request.add_header("Authorization", f"token {server.token}")
    with urllib.request.urlopen(request, timeout=60) as answer:
        return dict(json.load(answer))


@pytest.fixture
def as_user_of(monkeypatch):
    """Lets this process be one of the user of a server, in a folder."""

    def become(server: LiveServer, folder: Path) -> None:
        for name in OURS:
            monkeypatch.delenv(name, raising=False)
        monkeypatch.setenv("JUPYTER_RUNTIME_DIR", str(server.runtime_dir))
        monkeypatch.chdir(folder)

    return become


def test_lab_on_every_interface(live_server):
    server = live_server(app="lab", ip="0.0.0.0", app_pipelines=APP)
    with Notebook(server, "below/here.ipynb") as notebook:
        assert notebook.run(CALL).split() == ["3.0", server.url]
        # from anywhere, and from programs that it starts
        notebook.run("import os, sys, subprocess; os.chdir('/')")
        assert server.url in notebook.run(CALL)
        start = "print(subprocess.run([sys.executable, '-c', source], capture_output=True))"
        assert server.url in notebook.run(f"source = {CALL!r}\n{start}")
    (file := server.root / "call.py").write_text(CALL)
    command = f"cd / && '{sys.executable}' '{file}'"
    assert f"3.0 {server.url}" in in_terminal(server, command, f"{server.url}\r\n")


def test_notebook_with_a_base_url_and_a_kernel_of_another_environment(live_server, tmp_path):
    home = tmp_path / "server" / "home"
    other = tmp_path / "another environment"
    venv.create(other, with_pip=False, symlinks=True)
    python = other / "bin" / "python"
    (site,) = other.glob("lib/python*/site-packages")
    (site / "packages.pth").write_text(sysconfig.get_path("purelib"))
    kernel = home / "jupyter" / "data_dir" / "kernels" / "python3" / "kernel.json"
    kernel.parent.mkdir(parents=True)
    arguments = [str(python), "-m", "ipykernel_launcher", "-f", "{connection_file}"]
    kernel.write_text(
        json.dumps({"argv": arguments, "display_name": "other", "language": "python"})
    )
    server = live_server(
        app="notebook",
        base_url="/base/of%20it/",
        app_pipelines=APP,
        environment={"JUPYTER_PREFER_ENV_PATH": "0"},
    )
    with Notebook(server) as notebook:
        assert notebook.run("import sys; print(sys.prefix)").strip() == str(other)
        assert notebook.run(CALL).split() == ["3.0", server.url]


class Unasked(LiveServer):
    """A server that cannot be asked in the usual way; it is ready when it says where it is."""

    def _ready(self) -> bool:
        return bool(list(self.runtime_dir.glob("jpchariots-*.json")))


def test_a_password_and_a_certificate_that_nobody_signed(tmp_path, as_user_of):
    if not shutil.which("openssl"):
        pytest.skip("openssl makes the certificate")
    key, certificate = tmp_path / "key.pem", tmp_path / "certificate.pem"
    make = "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2"
    names = ["-subj", "/CN=elsewhere", "-addext", "subjectAltName=DNS:localhost"]
    command = [*make.split(), *names, "-keyout", str(key), "-out", str(certificate)]
    subprocess.run(command, check=True, capture_output=True)
    arguments = [
        f"--PasswordIdentityProvider.hashed_password={passwd('a password')}",
        f"--ServerApp.certfile={certificate}",
        f"--ServerApp.keyfile={key}",
        PATIENT,
    ]
    root, home = tmp_path / "root", tmp_path / "home"
    options = {"token": "", "arguments": arguments, "app_pipelines": APP}
    with Unasked(root, home, **options) as server:
        url = f"https://127.0.0.1:{server.port}/chariots"
        assert script(server, root).split() == ["3.0", url]
        assert script(server, Path("/"), JPY_PARENT_PID=str(server.pid)).split() == ["3.0", url]
        assert script(server, Path("/"), CHARIOTS_URL=url).split() == ["3.0", url]
        as_user_of(server, root)
        client, places = PipelinesClient(), set()
        for _ in range(3):
            client.call_pipeline("division", [3, 2])
            places.add(client._connection._of_thread.kept.connection.sock.getsockname())
        assert len(places) == 1  # one connection is kept
        client.close()
        # as from another machine, where nothing is known of the server but what is set
        (file,) = server.runtime_dir.glob("jpchariots-*.json")
        told = {"CHARIOTS_URL": url.replace("127.0.0.1", "localhost")}
        told["CHARIOTS_TOKEN"] = json.loads(file.read_text())["token"]
        told["JUPYTER_RUNTIME_DIR"] = str(tmp_path)
        assert "SSL_CERT_FILE" in script(server, root, **told)
        assert "3.0 https://localhost" in script(
            server, root, **told, SSL_CERT_FILE=str(certificate)
        )
        # a certificate that is not the server's
        content = json.loads(file.read_text())
        file.write_text(json.dumps({**content, "certificate": "0" * 64}))
        assert "not trusted" in script(server, root, CHARIOTS_URL=url)


class OnSocket(Unasked):
    """A server on a socket in the file system."""

    def listening(self) -> list[str]:
        return [f"--ServerApp.sock={self.home / 'Lab.sock'}"]


def test_a_socket_in_the_file_system():
    with tempfile.TemporaryDirectory() as folder:  # short: the system limits the length
        root, home = Path(folder, "root"), Path(folder, "home")
        home.mkdir()
        with OnSocket(root, home, app_pipelines=APP, arguments=[PATIENT]) as server:
            place = quote(str(home / "Lab.sock"), safe="")
            assert script(server, root).split() == ["3.0", f"http+unix://{place}/chariots"]


def test_several_servers_whose_roots_nest(live_server, tmp_path, as_user_of, monkeypatch):
    outer = live_server(name="one", root=tmp_path / "root", app_pipelines=APP)
    inner = LiveServer(tmp_path / "root" / "project", outer.home, app_pipelines=APP)
    with inner.start():
        below, beside = inner.root / "deep" / "down", outer.root / "beside"
        below.mkdir(parents=True)
        beside.mkdir()
        with Notebook(outer, "project/of_outer.ipynb") as notebook:
            assert outer.url in notebook.run(CALL)  # its own, although another root is nearer
        for folder, server in [(below, inner), (inner.root, inner), (beside, outer)]:
            as_user_of(outer, folder)
            client = PipelinesClient()
            assert client.available_pipelines() == ["division"]
            assert client._connection.address.url == server.url
            client.close()
        as_user_of(outer, Path("/"))
        with pytest.raises(ServerNotFound, match=r"(?s)root that holds.*CHARIOTS_URL") as refused:
            PipelinesClient().available_pipelines()
        assert inner.url in str(refused.value)
        assert outer.url in str(refused.value)

        # the inner one dies; somebody else gets its port, and its process id means nothing more
        inner.process.send_signal(signal.SIGKILL)
        inner.process.wait()
        port, pid = inner.port, inner.pid
        assert list(inner.runtime_dir.glob(f"jpchariots-{pid}-*.json"))
        program = [sys.executable, "-u", "-m", "http.server", str(port), "--bind", "127.0.0.1"]
        pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.DEVNULL}
        with subprocess.Popen(program, cwd=tmp_path, **pipes) as stranger:
            try:
                assert stranger.stdout.readline().startswith(b"Serving")
                as_user_of(outer, below)
                monkeypatch.setenv("JPY_PARENT_PID", str(pid))
                client = PipelinesClient()
                assert client.available_pipelines() == ["division"]
                assert client._connection.address.url == outer.url
                client.close()
            finally:
                stranger.kill()


def test_a_kernel_outlives_its_server_and_finds_the_next_one(live_server, as_user_of, monkeypatch):
    server = live_server(app_pipelines=APP)
    as_user_of(server, server.root)
    monkeypatch.setenv("JPY_PARENT_PID", str(server.pid))
    client = PipelinesClient()

    def call() -> str:
        assert client.call_pipeline("division", [3, 2]).value == 3
        return client._connection.address.url

    assert call() == server.url
    kept = client._connection
    server.restart()  # at the same port, with another credential
    assert call() == server.url
    assert client._connection is not kept

    server.kill()
    with pytest.raises(ServerNotFound, match="CHARIOTS_URL"):
        call()
    old = server.url
    server.port = free_port()
    server.start()
    assert call() == server.url != old

    server.stop()
    with pytest.raises(ServerNotFound):
        call()
    with contextlib.suppress(FileNotFoundError):
        shutil.rmtree(server.runtime_dir)
    with pytest.raises(ServerNotFound, match=r"(?s)jupyter lab.*CHARIOTS_URL.*CHARIOTS_TOKEN"):
        PipelinesClient().available_pipelines()
    client.close()
