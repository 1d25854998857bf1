"""The servers that are measured: this project, floors, and FastAPI in an environment of its own."""

from __future__ import annotations

import contextlib
import http.client
import http.cookies
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
import venv
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[1]
BODY = json.dumps({"pipeline_input": [[5.1, 3.5, 1.4, 0.2]]})
TOKEN = "a-token-for-benchmarks"
_DEADLINE_S = 60.0

MODEL = """
from sklearn.datasets import load_iris
from sklearn.decomposition import PCA
from sklearn.linear_model import LogisticRegression

X, y = load_iris(return_X_y=True)
pca = PCA(2).fit(X)
classifier = LogisticRegression(max_iter=1000).fit(pca.transform(X), y)

def predict(rows):
    return classifier.predict(pca.transform(rows)).tolist()
"""

TORNADO = """
import json, sys
from tornado import ioloop, web
from model import predict

class Predict(web.RequestHandler):
    def post(self):
        self.finish({"pipeline_output": predict(json.loads(self.request.body)["pipeline_input"])})

web.Application([("/predict", Predict)]).listen(int(sys.argv[1]), "127.0.0.1")
ioloop.IOLoop.current().start()
"""

JUPYTER = """
import json
from jupyter_server.base.handlers import APIHandler
from jupyter_server.utils import url_path_join
from tornado import web
from model import predict

class Predict(APIHandler):
    @web.authenticated
    def post(self):
        rows = self.get_json_body()["pipeline_input"]
        self.finish(json.dumps({"pipeline_output": predict(rows)}))

def _jupyter_server_extension_points():
    return [{"module": "bare"}]

def _load_jupyter_server_extension(app):
    path = url_path_join(app.web_app.settings["base_url"], "predict")
    app.web_app.add_handlers(".*$", [(path, Predict)])
"""

FASTAPI = """
from fastapi import FastAPI
from pydantic import BaseModel
from model import predict

app = FastAPI()

class Call(BaseModel):
    pipeline_input: list[list[float]]

@app.post("/predict")
def predict_iris(call: Call):
    return {"pipeline_output": predict(call.pipeline_input)}
"""


@dataclass
class Target:
    """Where to send the prediction to.

    Attributes:
        port: of this machine.
        path: of the route.
        headers: that it needs.
    """

    port: int
    path: str = "/predict"
    headers: dict[str, str] = field(default_factory=dict)

    def ask(self, method: str, path: str, body: str | None = None, **headers: str) -> tuple:
        """One request; status, body and cookies of the answer."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        try:
            sent = {"Content-Type": "application/json", **self.headers, **headers}
            connection.request(method, path, body, sent)
            answer = connection.getresponse()
            cookies = http.cookies.SimpleCookie()
            for line in answer.headers.get_all("Set-Cookie") or ():
                cookies.load(line)
            return answer.status, answer.read(), {k: v.value for k, v in cookies.items()}
        finally:
            connection.close()

    def check(self) -> bool:
        """Whether it predicts."""
        try:
            status, body, _ = self.ask("POST", self.path, BODY)
        except OSError:
            return False
        return status == 200 and json.loads(body)["pipeline_output"] == [0]


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _wait(condition, what: str, process: subprocess.Popen, log: Path) -> None:
    end = time.monotonic() + _DEADLINE_S
    while not condition():
        if process.poll() is not None or time.monotonic() > end:
            raise RuntimeError(f"{what} does not start:\n{log.read_text()[-2000:]}")
        time.sleep(0.05)


@contextlib.contextmanager
def _process(
    name: str, command: list[str], folder: Path, extra: Mapping[str, str] | None = None
) -> Iterator[tuple[subprocess.Popen, Path]]:
    home = folder / f"home-{name}"
    home.mkdir(exist_ok=True)
    (folder / "model.py").write_text(MODEL)
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("JUPYTER", "CHARIOTS_"))}
    environment = {
        **kept,
        "HOME": str(home),
        "OMP_NUM_THREADS": "1",
        "OPENBLAS_NUM_THREADS": "1",
        "PYTHONPATH": f"{folder}{os.pathsep}{REPOSITORY}",
        **{f"JUPYTER_{kind}_DIR": str(home / kind) for kind in ("CONFIG", "DATA", "RUNTIME")},
        **(extra or {}),
    }
    log = folder / f"{name}.log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            command, cwd=folder, env=environment, stdout=output, stderr=output,
            stdin=subprocess.DEVNULL, start_new_session=True,
        )  # fmt: skip
    try:
        yield process, log
    finally:
        process.terminate()
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(10)
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def _jupyter(port: int, extension: str, *more: str) -> list[str]:
    return [
        sys.executable, "-m", "jupyter_server", "--no-browser", "--allow-root",
        f"--ServerApp.port={port}", "--ServerApp.port_retries=0", "--ServerApp.ip=127.0.0.1",
        f"--IdentityProvider.token={TOKEN}", "--log-level=WARN",
        f"--ServerApp.jpserver_extensions={{'{extension}': True}}", *more,
    ]  # fmt: skip


@contextlib.contextmanager
def tornado(folder: Path) -> Iterator[Target]:
    """Tornado alone, predicting on its loop."""
    (folder / "bare_tornado.py").write_text(TORNADO)
    target = Target(_free_port())
    command = [sys.executable, "bare_tornado.py", str(target.port)]
    with _process("tornado", command, folder) as (process, log):
        _wait(target.check, "tornado", process, log)
        yield target


@contextlib.contextmanager
def jupyter(folder: Path) -> Iterator[Target]:
    """A Jupyter server with one bare ``APIHandler``, predicting on its loop."""
    (folder / "bare.py").write_text(JUPYTER)
    target = Target(_free_port(), headers={"Authorization": f"token {TOKEN}"})
    with _process("jupyter", _jupyter(target.port, "bare"), folder) as (process, log):
        _wait(target.check, "the Jupyter server", process, log)
        yield target


@contextlib.contextmanager
def chariots(folder: Path) -> Iterator[dict[str, Target]]:
    """This project: by token, by token without batching, by cookie through the full handler."""
    port = _free_port()
    by_token = {"Authorization": f"token {TOKEN}"}
    modules = ["jupyter_chariots.examples.iris", "benchmarks.iris_alone"]
    served = [f"--PipelinesServer.app_pipelines={module}" for module in modules]
    command = _jupyter(port, "jupyter_chariots", *served)
    base = "/chariots/pipelines"
    server = Target(port, f"{base}/pred_iris/main", by_token)

    def up() -> bool:
        try:
            return bool(server.ask("GET", "/chariots/available_pipelines")[0] == 200)
        except OSError:
            return False

    with _process("chariots", command, folder) as (process, log):
        _wait(up, "jupyter_chariots", process, log)
        for path in (
            "train_iris/main",
            "train_iris/save",
            "pred_iris/load",
            "pred_iris_alone/load",
        ):
            status, body, _ = server.ask("POST", f"{base}/{path}")
            assert status == 200, f"{path}: {body}"
        alone = Target(port, f"{base}/pred_iris_alone/main", by_token)
        _wait(alone.check, "pred_iris_alone", process, log)
        _wait(server.check, "pred_iris", process, log)
        cookies = Target(port).ask("GET", f"/login?token={TOKEN}")[2]
        cookies |= Target(port).ask("GET", f"/tree?token={TOKEN}")[2]
        sent = "; ".join(f"{name}={value}" for name, value in cookies.items())
        cookie = Target(port, server.path, {"Cookie": sent, "X-XSRFToken": cookies["_xsrf"]})
        _wait(cookie.check, "the cookie's way", process, log)
        yield {"token": server, "alone": alone, "cookie": cookie}


def environment(name: str, *packages: str) -> Path:
    """The Python of a virtual environment with these packages; made once, then kept."""
    base = os.environ.get("BENCH_HOME") or Path(tempfile.gettempdir()) / "chariots-bench"
    folder = Path(base) / name
    python = folder / "bin" / "python"
    if not (folder / "made").exists():
        venv.create(folder, with_pip=True)
        subprocess.run([str(python), "-m", "pip", "install", "-q", *packages], check=True)
        (folder / "made").touch()
    return python


def fastapi_environment() -> Path:
    """An environment with FastAPI and the same numerics."""
    same = [f"{name}=={version(name)}" for name in ("numpy", "scikit-learn")]
    return environment("fastapi", *same, "fastapi", "uvicorn[standard]")


@contextlib.contextmanager
def fastapi(folder: Path, workers: int) -> Iterator[Target]:
    """FastAPI and uvicorn, with uvloop and httptools."""
    (folder / "peer_fastapi.py").write_text(FASTAPI)
    target = Target(_free_port())
    command = [
        str(fastapi_environment()), "-m", "uvicorn", "peer_fastapi:app", "--host", "127.0.0.1",
        "--port", str(target.port), "--workers", str(workers), "--log-level", "warning",
    ]  # fmt: skip
    only = {"PYTHONPATH": str(folder)}
    with _process(f"fastapi{workers}", command, folder, only) as (process, log):
        _wait(target.check, "FastAPI", process, log)
        yield target
