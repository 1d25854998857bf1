"""A notebook under a real JupyterHub; skipped where the hub or its proxy is not installed."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
import urllib.request
from pathlib import Path
from typing import Any

import pytest

from ..kernels import Notebook
from ..live import clean_environment, free_port, wait_for
from .test_discovery import APP, CALL

pytest.importorskip("jupyterhub")

TOKEN = "a-service-of-the-tests"
CONFIG = """
c.JupyterHub.bind_url = "http://127.0.0.1:{public}"
c.JupyterHub.hub_port = {hub}
c.ConfigurableHTTPProxy.api_url = "http://127.0.0.1:{proxy}"
c.JupyterHub.authenticator_class = "dummy"
c.Authenticator.allow_all = True
c.JupyterHub.spawner_class = "simple"
c.SimpleLocalProcessSpawner.home_dir_template = {home!r}
c.Spawner.cmd = [{python!r}, "-m", "jupyterhub.singleuser"]
c.Spawner.args = {args!r}
c.Spawner.environment = {environment!r}
c.Spawner.http_timeout = 60
c.JupyterHub.services = [{{"name": "tests", "api_token": {token!r}}}]
c.JupyterHub.load_roles = [
    {{"name": "tests", "services": ["tests"], "scopes": ["admin:servers", "access:servers"]}},
    {{"name": "tests-users", "services": ["tests"], "scopes": ["admin:users"]}},
]
"""


class UserServer:
    """The server of a user of the hub, as far as a notebook needs to know it."""

    process = "of the hub"
    token = TOKEN

    def __init__(self, hub: str, root: Path, runtime_dir: Path) -> None:
        self.root, self.runtime_dir = root, runtime_dir
        self.server_url = f"{hub}/user/ada/"


def ask(method: str, url: str) -> tuple[int, Any]:
    request = urllib.request.Request(url, b"" if method == "POST" else None, method=method)
    request.add_header("Authorization", f"token {TOKEN}")
    with urllib.request.urlopen(request, timeout=60) as answer:
        text = answer.read()
        return answer.status, json.loads(text) if text else None


@pytest.fixture
def user_server(tmp_path):
    proxy = shutil.which("configurable-http-proxy")
    if proxy is None:
        pytest.skip("configurable-http-proxy is not installed")
    home, root = tmp_path / "home", tmp_path / "home" / "notebooks"
    root.mkdir(parents=True)
    environment = clean_environment(home)
    environment["PATH"] = os.environ["PATH"]
    spawned = {name: environment[name] for name in ("PYTHONPATH", "PATH", "JUPYTER_RUNTIME_DIR")}
    spawned["JUPYTER_CONFIG_DIR"] = environment["JUPYTER_CONFIG_DIR"]
    spawned["JUPYTER_DATA_DIR"] = environment["JUPYTER_DATA_DIR"]
    public = free_port()
    config = CONFIG.format(
        public=public,
        hub=free_port(),
        proxy=free_port(),
        home=str(home),
        python=sys.executable,
        args=[
            "--allow-root",
            f"--ServerApp.root_dir={root}",
            "--ServerApp.jpserver_extensions={'jupyter_chariots': True}",
            *(f"--PipelinesServer.app_pipelines={name}" for name in APP),
        ],
        environment=spawned,
        token=TOKEN,
    )
    (tmp_path / "jupyterhub_config.py").write_text(config)
    log = tmp_path / "hub.log"
    with log.open("wb") as output:
        hub = subprocess.Popen(
            [sys.executable, "-m", "jupyterhub", "-f", "jupyterhub_config.py"],
            cwd=tmp_path,
            env={**environment, "CONFIGPROXY_AUTH_TOKEN": "of-the-proxy"},
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    url = f"http://127.0.0.1:{public}"

    def answers(address: str) -> bool:
        assert hub.poll() is None, log.read_text()
        with contextlib.suppress(OSError, ValueError):  # until it runs, the hub shows a page
            return ask("GET", address)[0] == 200
        return False

    try:
        wait_for(lambda: answers(f"{url}/hub/api/"), "the hub")
        ask("POST", f"{url}/hub/api/users/ada")
        ask("POST", f"{url}/hub/api/users/ada/server")
        wait_for(lambda: answers(f"{url}/user/ada/chariots/available_pipelines"), log)
        yield UserServer(url, root, Path(environment["JUPYTER_RUNTIME_DIR"]))
    finally:
        hub.terminate()  # which ends the proxy and the servers of users as well
        try:
            hub.wait(30)
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(hub.pid, signal.SIGKILL)


def test_a_notebook_under_jupyterhub(user_server):
    with Notebook(user_server) as notebook:
        value, address = notebook.run(CALL).split()
        assert value == "3.0"
        assert address.endswith("/user/ada/chariots")
        # where the connection file cannot be read, the hub's variables show the way
        notebook.run("import os; os.environ['JUPYTER_RUNTIME_DIR'] = os.getcwd()")
        notebook.run("os.environ['JPY_PARENT_PID'] = '1'")
        assert notebook.run(CALL).split() == ["3.0", address]
        assert "JupyterHub" in notebook.run("print(client._connection.address)")
        # by the address that a browser has, from a machine that is not the server's
        notebook.run(f"os.environ['CHARIOTS_URL'] = '{user_server.server_url}'")
        notebook.run("os.environ['CHARIOTS_TOKEN'] = os.environ['JUPYTERHUB_API_TOKEN']")
        assert notebook.run(CALL).split() == ["3.0", f"{user_server.server_url}chariots"]
        # without any of those it says what to set
        for name in ["CHARIOTS_URL", "CHARIOTS_TOKEN", "JUPYTERHUB_SERVICE_URL"]:
            notebook.run(f"del os.environ[{name!r}]")
        said = notebook.run(f"try:\n    exec({CALL!r})\nexcept Exception as error: print(error)")
        assert "/user/ada/" in said
        assert "CHARIOTS_URL" in said
