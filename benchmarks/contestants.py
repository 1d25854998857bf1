"""Who serves the iris prediction: this project, bare servers, and other people's servers."""

from __future__ import annotations

import http.client
import http.cookies
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path

from tests.live import free_port

from .peers import APPS, REPOSITORY, Missing, clean_environment, python_of, wanted, without
from .servers import Server, Target

__all__ = ["FASTAPI", "FASTAPI_2", "JUPYTER", "TORNADO", "Chariots", "floors", "peers"]

TORNADO, JUPYTER = "bare tornado", "bare Jupyter APIHandler"
FASTAPI, FASTAPI_2 = "FastAPI, 1 worker", "FastAPI, 2 workers"
ROWS = [[5.1, 3.5, 1.4, 0.2]]
BODY = json.dumps({"pipeline_input": ROWS})
TOKEN = "a-token-for-benchmarks"
_BEARER = {"Authorization": f"token {TOKEN}"}


def _jupyter(port: int, extension: str, *more: str) -> list[str]:
    return [
        sys.executable, "-m", "jupyter_server", "--no-browser", "--allow-root",
        f"--ServerApp.port={port}", "--ServerApp.port_retries=0", "--ServerApp.ip=127.0.0.1",
        f"--IdentityProvider.token={TOKEN}", "--log-level=WARN",
        f"--ServerApp.jpserver_extensions={{'{extension}': True}}", *more,
    ]  # fmt: skip


class Chariots(Server):
    """This project, with ``pred_iris`` and the same without ``batchable``.

    The first start trains and saves; later ones serve what the op store has.

    Args:
        folder: for its files, the op store among them.
    """

    def __init__(self, folder: Path) -> None:
        port = free_port()
        modules = ["jupyter_chariots.examples.iris", "benchmarks.iris_alone"]
        served = [f"--PipelinesServer.app_pipelines={module}" for module in modules]
        base = "/chariots/pipelines"
        target = Target(port, f"{base}/pred_iris/main", BODY, _BEARER)
        command = _jupyter(port, "jupyter_chariots", *served)
        super().__init__(
            "ours", command, target, folder=folder / "root", home=folder / "home",
            environment={"PYTHONPATH": str(REPOSITORY)},
        )  # fmt: skip
        self.alone = Target(port, f"{base}/pred_iris_alone/main", BODY, _BEARER)
        self._base, self._trained = base, False

    def _up(self, until: float) -> None:
        if not self._trained:
            self._train(until)
            self._wait(self.alone, until)
        super()._up(until)

    def _train(self, until: float) -> None:
        steps = ["train_iris/main", "train_iris/save", "pred_iris/load", "pred_iris_alone/load"]
        while steps:
            try:
                status, body = self.target.ask("POST", f"{self._base}/{steps[0]}")
            except OSError:
                status, body = 503, b"it does not listen"
            if status == 200:
                del steps[0]
            elif status not in (404, 503) or time.monotonic() > until:
                raise Missing(f"{self.name}, {steps[0]}: {body!r}")
            else:
                time.sleep(0.05)
        self._trained = True

    def by_cookie(self) -> Target:
        """The same prediction as a browser asks for it, which takes Jupyter's full handlers."""
        cookies: http.cookies.SimpleCookie = http.cookies.SimpleCookie()
        for page in ("login", "tree"):
            connection = http.client.HTTPConnection("127.0.0.1", self.target.port, timeout=60)
            connection.request("GET", f"/{page}?token={TOKEN}")
            for line in connection.getresponse().headers.get_all("Set-Cookie") or ():
                cookies.load(line)
            connection.close()
        sent = "; ".join(f"{name}={morsel.value}" for name, morsel in cookies.items())
        headers = {"Cookie": sent, "X-XSRFToken": cookies["_xsrf"].value}
        target = Target(self.target.port, self.target.path, BODY, headers)
        if not target.answers():
            raise Missing("ours does not answer to its cookie")
        return target


def floors(folder: Path) -> list[Server]:
    """The least that such a prediction takes over HTTP, and inside of Jupyter's server."""
    port = free_port()
    command = [sys.executable, str(APPS / "tornado_app.py"), str(port)]
    bare = _peer(TORNADO, command, Target(port, "/predict", BODY), folder / "tornado")
    port = free_port()
    target = Target(port, "/predict", BODY, _BEARER)
    jupyter = _peer(JUPYTER, _jupyter(port, "jupyter_app"), target, folder / "jupyter")
    return [bare, jupyter]


def _peer(
    name: str,
    command: list[str],
    target: Target,
    folder: Path,
    environment: Mapping[str, str] | None = None,
) -> Server:
    path = {"PYTHONPATH": str(APPS), **(environment or {})}
    return Server(name, command, target, folder=folder, home=folder / "home", environment=path)


def _fastapi(name: str, workers: int, folder: Path) -> Server:
    port = free_port()
    command = [
        str(python_of("fastapi")), "-m", "uvicorn", "fastapi_app:app", "--host", "127.0.0.1",
        "--port", str(port), "--workers", str(workers), "--log-level", "warning",
    ]  # fmt: skip
    return _peer(name, command, Target(port, "/predict", BODY), folder)


def _mlserver(name: str, folder: Path) -> Server:
    port = free_port()
    settings = {"name": "iris", "implementation": "mlserver_app.Iris"}
    (folder / "model-settings.json").write_text(json.dumps(settings))
    more = {"HTTP_PORT": port, "GRPC_PORT": free_port(), "METRICS_PORT": free_port()}
    more |= {"HOST": "127.0.0.1", "PARALLEL_WORKERS": 0, "DEBUG": False, "LOGGING_LEVEL": "WARNING"}
    rows = {"name": "x", "shape": [1, 4], "datatype": "FP64", "data": ROWS[0]}
    target = Target(port, "/v2/models/iris/infer", json.dumps({"inputs": [rows]}))
    command = [str(python_of("mlserver").parent / "mlserver"), "start", "."]
    variables = {f"MLSERVER_{key}": str(value) for key, value in more.items()}
    return _peer(name, command, target, folder, variables)


def _litserve(name: str, folder: Path) -> Server:
    port = free_port()
    command = [str(python_of("litserve")), str(APPS / "litserve_app.py"), str(port)]
    return _peer(name, command, Target(port, "/predict", BODY), folder)


def _bentoml(name: str, folder: Path) -> Server:
    port = free_port()
    command = [
        str(python_of("bentoml").parent / "bentoml"), "serve", "bentoml_app:Iris",
        "--working-dir", str(APPS), "--host", "127.0.0.1", "--port", str(port), "-q",
    ]  # fmt: skip
    variables = {"BENTOML_HOME": str(folder / "bentoml")}
    return _peer(name, command, Target(port, "/predict", BODY), folder, variables)


def _mlflow(name: str, folder: Path) -> Server:
    port, python = free_port(), python_of("mlflow")
    variables = {
        "PATH": f"{python.parent}{os.pathsep}{os.environ['PATH']}",  # it looks for uvicorn there
        "MLFLOW_TRACKING_URI": f"sqlite:///{folder / 'mlflow.db'}",
    }
    make = [str(python), str(APPS / "mlflow_model.py"), str(folder / "model")]
    environment = clean_environment({"PYTHONPATH": str(APPS), **variables})
    made = subprocess.run(make, cwd=folder, env=environment, capture_output=True, text=True)
    if made.returncode:
        raise Missing(made.stderr)
    command = [
        str(python.parent / "mlflow"), "models", "serve", "-m", str(folder / "model"),
        "-h", "127.0.0.1", "-p", str(port), "--env-manager", "local",
    ]  # fmt: skip
    target = Target(port, "/invocations", json.dumps({"inputs": ROWS}))
    return _peer(name, command, target, folder, variables)


PEERS: dict[str, Callable[[str, Path], Server]] = {
    FASTAPI: lambda name, folder: _fastapi(name, 1, folder),
    FASTAPI_2: lambda name, folder: _fastapi(name, 2, folder),
    "MLServer": _mlserver,
    "LitServe": _litserve,
    "BentoML": _bentoml,
    "MLflow models serve": _mlflow,
}


def peers(folder: Path) -> list[Server]:
    """Those that can be installed; none without ``PEERS=1``."""
    if not wanted():
        without("other people's servers", "PEERS=1 adds them")
        return []
    found = []
    for index, (name, make) in enumerate(PEERS.items()):
        place = folder / f"peer-{index}"
        place.mkdir()
        try:
            found.append(make(name, place))
        except Missing as why:
            without(name, why)
    return found
