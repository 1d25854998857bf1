"""One iris prediction over HTTP, beside bare servers and, with ``PEERS=1``, FastAPI.

All servers are up at once and short windows of wrk follow one another in turn, so that a machine
whose speed drifts hits all of them; what counts is the median of the ratios round by round.
``BENCH_ROUNDS`` (5) and ``BENCH_SECONDS`` (2) say how many windows there are and how long each is.
"""

from __future__ import annotations

import os
import random
import shutil
import statistics
import subprocess
import sys
import tempfile
from contextlib import ExitStack
from pathlib import Path
from typing import NamedTuple

from . import peers
from .measure import Result, ratio

ROUNDS = int(os.environ.get("BENCH_ROUNDS", "5"))
SECONDS = int(os.environ.get("BENCH_SECONDS", "2"))
CONNECTIONS = (1, 32)
PEER = "FastAPI, 1 worker"
OURS = {
    "token": "ours, token, batchable",
    "alone": "ours, token, not batchable",
    "cookie": "ours, cookie, full handler",
}

SCRIPT = """
wrk.method = "POST"
wrk.body = [==[{body}]==]
{headers}
done = function(summary, latency, requests)
  local errors = summary.errors
  io.write(string.format("@@ %d %d %d %d %d\\n", summary.requests, summary.duration,
    latency:percentile(50), latency:percentile(99),
    errors.status + errors.connect + errors.read + errors.timeout))
end
"""


class Window(NamedTuple):
    """What wrk saw: seconds of one request at the median and at p99, and requests a second."""

    p50: float
    p99: float
    rate: float


def wrk(target: peers.Target, connections: int, seconds: int) -> Window:
    """One window. A wrong answer makes it void."""
    headers = {"Content-Type": "application/json", **target.headers}
    lines = "\n".join(f'wrk.headers["{name}"] = "{value}"' for name, value in headers.items())
    with tempfile.NamedTemporaryFile("w", suffix=".lua") as script:
        script.write(SCRIPT.format(body=peers.BODY, headers=lines))
        script.flush()
        url = f"http://127.0.0.1:{target.port}{target.path}"
        command = ["wrk", "-t1", f"-c{connections}", f"-d{seconds}s", "-s", script.name, url]
        output = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    (line,) = [line for line in output.splitlines() if line.startswith("@@")]
    requests, duration, p50, p99, errors = map(int, line.split()[1:])
    if errors:
        raise RuntimeError(f"{errors} of {requests} requests to {url} failed")
    return Window(p50 / 1e6, p99 / 1e6, requests / (duration / 1e6))


def measure(targets: dict[str, peers.Target]) -> dict[tuple[str, int], list[Window]]:
    """All windows, by contestant and number of connections."""
    windows: dict[tuple[str, int], list[Window]] = {}
    for target in targets.values():
        wrk(target, 8, 1)
    shuffled = random.Random(7)
    for _ in range(ROUNDS):
        for connections in CONNECTIONS:
            names = list(targets)
            shuffled.shuffle(names)
            for name in names:
                window = wrk(targets[name], connections, SECONDS)
                windows.setdefault((name, connections), []).append(window)
    return windows


class Bound(NamedTuple):
    """What the project set itself, as a ratio to FastAPI with one worker."""

    who: str
    connections: int
    what: str
    least: float | None = None
    most: float | None = None

    def judge(self, found: float) -> tuple[str, bool]:
        if self.least is not None:
            return f"≥ {self.least:g} × FastAPI", found >= self.least
        assert self.most is not None
        return f"≤ {self.most:.2g} × FastAPI", found <= self.most


BOUNDS = [
    Bound(OURS["token"], 1, "p50", most=1.0),
    Bound(OURS["token"], 32, "rate", least=2.2),
    Bound(OURS["token"], 32, "p99", most=1 / 3),
    Bound(OURS["alone"], 32, "rate", least=1.8),
    Bound(OURS["cookie"], 32, "rate", least=1.2),
]


def results(windows: dict[tuple[str, int], list[Window]], names: list[str]) -> list[Result]:
    """One row for each contestant, number of connections and figure."""
    floor = PEER if PEER in names else "bare tornado"
    rows = []
    for connections in CONNECTIONS:
        for what in ("p50", "p99", "rate"):
            series = {
                name: [getattr(window, what) for window in windows[name, connections]]
                for name in names
            }
            for name, taken in series.items():
                times = None if name == floor else ratio(taken, series[floor])
                target, met = "", None
                for bound in BOUNDS:
                    wanted = (bound.who, bound.connections, bound.what)
                    if times is not None and floor == PEER and wanted == (name, connections, what):
                        target, met = bound.judge(times)
                rows.append(
                    Result(
                        f"{connections} conn, {what}",
                        name,
                        statistics.median(taken),
                        times,
                        unit="/s" if what == "rate" else "s",
                        target=target,
                        met=met,
                    )
                )
    return rows


def run() -> list[Result]:
    """Start all servers, measure, stop them."""
    if shutil.which("wrk") is None:
        print("serving: skipped, for there is no wrk (apt-get install wrk)", file=sys.stderr)
        return []
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        targets: dict[str, peers.Target] = {}
        if os.environ.get("PEERS") == "1":
            for workers in (1, 2):
                name = f"FastAPI, {workers} worker{'s' * (workers > 1)}"
                targets[name] = stack.enter_context(peers.fastapi(folder, workers))
        else:
            print("serving: without FastAPI; PEERS=1 adds it", file=sys.stderr)
        targets["bare tornado"] = stack.enter_context(peers.tornado(folder))
        targets["bare Jupyter APIHandler"] = stack.enter_context(peers.jupyter(folder))
        ours = stack.enter_context(peers.chariots(folder))
        targets |= {OURS[way]: target for way, target in ours.items()}
        return results(measure(targets), list(targets))
