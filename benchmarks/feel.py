"""What people feel of a server that serves: cells, status, first calls, trainings, the client.

The targets are those that the project set itself. That cells feel nothing holds on a machine with
a free core only: here the pipeline, the server, the kernel and this program share what there is.
"""

from __future__ import annotations

import http.client
import json
import os
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from urllib.parse import urlsplit

from jupyter_chariots import PipelinesClient
from tests.kernels import Notebook
from tests.live import IRIS, LiveServer

from .measure import ROUNDS, Result, Verdict, compare, interleave, ratio, stopwatch
from .peers import APPS, REPOSITORY

SAMPLES = "benchmarks.samples"
ROW = [[5.1, 3.5, 1.4, 0.2]]
SPIN_S, WINDOW = 4.0, 40


def run() -> list[Result]:
    """Start a server, a kernel and a busy pipeline, and look on."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        pipelines = [IRIS, SAMPLES]
        more = {"PYTHONPATH": f"{REPOSITORY}{os.pathsep}{APPS}"}
        server = LiveServer(
            folder / "root", folder / "home", app_pipelines=pipelines, environment=more
        )
        _enable(server, "lag_meter")
        stack.enter_context(server)
        client = PipelinesClient(server.url, server.token)
        return [*_starts(client), *_client(server, client), *_while_busy(server, client)]


def _enable(server: LiveServer, extension: str) -> None:
    place = Path(server.environment["JUPYTER_CONFIG_DIR"]) / "jupyter_server_config.d"
    place.mkdir(parents=True)
    setting = {"ServerApp": {"jpserver_extensions": {extension: True}}}
    (place / f"{extension}.json").write_text(json.dumps(setting))


def _starts(client: PipelinesClient) -> list[Result]:
    """The first call of a new process beside the import of its libraries; trainings after it."""
    first = stopwatch(lambda: client.call_pipeline("train_iris"))()
    again = [stopwatch(lambda: client.call_pipeline("train_iris"))() for _ in range(7)]
    client.save_pipeline("train_iris")
    client.call_pipeline("trains")
    begins = statistics.median(_begin(client) for _ in range(21))
    imports = "import numpy, pandas, sklearn.linear_model, sklearn.decomposition, sklearn.datasets"

    def first_call() -> None:
        client.load_pipeline("pred_iris")  # starts a process; the one before it ends
        client.call_pipeline("pred_iris", ROW)

    floor, ours = "imports alone (floor)", "start, load, first call"
    times = interleave(
        {
            floor: stopwatch(lambda: subprocess.run([sys.executable, "-c", imports], check=True)),
            ours: stopwatch(first_call),
        },
        rounds=ROUNDS,
    )
    found = ratio(times[ours], times[floor])
    bound = {ours: Verdict(f"≤ 1.5 × imports: {found:.2f}", found <= 1.5)}
    return [
        Result("training iris", "first, with imports", first),
        Result("training iris", "again", statistics.median(again)),
        Result("a second training begins", "ours", begins, None, "s", "≤ 50 ms", begins <= 0.05),
        *compare("a new process answers", times, floor=floor, verdicts=bound),
    ]


def _begin(client: PipelinesClient) -> float:
    before = time.monotonic()
    return float(client.call_pipeline("trains").value) - before


def _client(server: LiveServer, client: PipelinesClient) -> list[Result]:
    """``client.call_pipeline`` beside the same request by ``http.client``."""
    place = urlsplit(server.url)
    connection = http.client.HTTPConnection(place.hostname or "", place.port)
    headers = {"Authorization": f"token {server.token}", "Content-Type": "application/json"}
    body = json.dumps({"pipeline_input": ROW})

    def plain() -> object:
        connection.request("POST", f"{place.path}/pipelines/pred_iris/main", body, headers)
        return json.loads(connection.getresponse().read())

    calls = {
        "http.client": plain,
        "client.call_pipeline": lambda: client.call_pipeline("pred_iris", ROW),
    }
    times = interleave({who: stopwatch(call, 50) for who, call in calls.items()}, rounds=9)
    more = statistics.median(
        a - b for a, b in zip(times["client.call_pipeline"], times["http.client"], strict=True)
    )
    bound = {"client.call_pipeline": Verdict(f"≤ 1 ms more: {more * 1e3:.2f}", more <= 1e-3)}
    return compare("one call from Python", times, floor="http.client", verdicts=bound)


def _while_busy(server: LiveServer, client: PipelinesClient) -> list[Result]:
    """A cell ``1 + 1``, ``GET /api/status`` and the lag of the server's event loop, while a
    pipeline computes and while none does.
    """
    place = urlsplit(server.server_url)
    connection = http.client.HTTPConnection(place.hostname or "", place.port)

    def get(path: str) -> bytes:
        connection.request("GET", path, headers={"Authorization": f"token {server.token}"})
        return connection.getresponse().read()

    client.call_pipeline("busy", 0.01)
    taken: dict[tuple[str, bool], list[list[float]]] = {}
    with Notebook(server) as notebook:
        looks: dict[str, Callable[[], object]] = {
            "a cell 1 + 1": lambda: notebook.run("1 + 1"),
            "GET /api/status": lambda: get("/api/status"),
        }
        for _ in range(ROUNDS):
            for busy in (False, True):
                with _spinning(server, busy):
                    get("/lag")
                    for who, look in looks.items():
                        window = [stopwatch(look)() for _ in range(WINDOW)]
                        taken.setdefault((who, busy), []).append(window)
                    lag = [max(0.0, late) for late in json.loads(get("/lag"))]
                    taken.setdefault(("lag of the event loop", busy), []).append(lag)
    names = list(dict.fromkeys(who for who, _ in taken))
    return [row for who in names for row in _felt(who, taken, bounded=who in looks)]


@contextmanager
def _spinning(server: LiveServer, busy: bool) -> Iterator[None]:
    if not busy:
        yield
        return
    client = PipelinesClient(server.url, server.token)
    thread = threading.Thread(target=lambda: client.call_pipeline("busy", SPIN_S))
    thread.start()
    yield
    thread.join()


def _felt(
    who: str, taken: dict[tuple[str, bool], list[list[float]]], *, bounded: bool
) -> Iterator[Result]:
    for what, cut in (("median", 50), ("p99", 99)):
        series = {
            name: [statistics.quantiles(window, n=100)[cut - 1] for window in taken[who, state]]
            for name, state in (("idle", False), ("while a pipeline computes", True))
        }
        idle, busy = series
        found = ratio(series[busy], series[idle])
        bound = {busy: Verdict(f"≤ 1.5 × idle: {found:.2f}", found <= 1.5)} if bounded else {}
        yield from compare(f"{who}, {what}", series, floor=idle, verdicts=bound)
