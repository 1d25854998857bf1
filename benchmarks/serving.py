"""One iris prediction over HTTP, beside bare servers and, with ``PEERS=1``, other people's.

All servers are up at once and short windows of wrk follow one another in turn, so that a machine
whose speed drifts hits all of them; what counts is the median of the ratios round by round.
``BENCH_ROUNDS`` (5) and ``BENCH_SECONDS`` (2) say how many windows there are and how long each is.
"""

from __future__ import annotations

import os
import random
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import NamedTuple

from .contestants import FASTAPI, TORNADO, Chariots, floors, peers
from .measure import ROUNDS, Result, Verdict, compare, ratio
from .peers import Missing, without
from .servers import Server, Target

SECONDS = int(os.environ.get("BENCH_SECONDS", "2"))
CONNECTIONS = (1, 32)
OURS = "ours, token, batchable"
ALONE = "ours, token, not batchable"
COOKIE = "ours, cookie, full handler"

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
    """What one window found.

    Attributes:
        p50: seconds of a request at the median.
        p99: seconds that one in a hundred takes longer than.
        rate: requests a second.
        processor: seconds of processor time of all the server's processes, for a request.
    """

    p50: float
    p99: float
    rate: float
    processor: float


class Contestant(NamedTuple):
    """A server, and the way on which it is asked."""

    server: Server
    target: Target


def wrk(contestant: Contestant, connections: int, seconds: int) -> Window:
    """One window. A wrong answer makes it void."""
    server, target = contestant
    headers = {"Content-Type": "application/json", **target.headers}
    lines = "\n".join(f'wrk.headers["{name}"] = "{value}"' for name, value in headers.items())
    with tempfile.NamedTemporaryFile("w", suffix=".lua") as script:
        script.write(SCRIPT.format(body=target.body, headers=lines))
        script.flush()
        url = f"http://127.0.0.1:{target.port}{target.path}"
        command = ["wrk", "-t1", f"-c{connections}", f"-d{seconds}s", "-s", script.name, url]
        before = server.processor_time()
        output = subprocess.run(command, check=True, capture_output=True, text=True).stdout
        used = server.processor_time() - before
    (line,) = [line for line in output.splitlines() if line.startswith("@@")]
    requests, duration, p50, p99, errors = map(int, line.split()[1:])
    if errors or not requests:
        raise Missing(f"{errors} of {requests} requests to {url} failed")
    return Window(p50 / 1e6, p99 / 1e6, requests / (duration / 1e6), used / requests)


def measure(contestants: dict[str, Contestant]) -> dict[int, dict[str, list[Window]]]:
    """All windows, by number of connections and contestant; whoever fails twice is left out."""
    present = dict(contestants)
    windows: dict[int, dict[str, list[Window]]] = {n: {} for n in CONNECTIONS}

    def window(name: str, connections: int, seconds: int) -> Window | None:
        for attempt in ("first", "last"):
            try:
                return wrk(present[name], connections, seconds)
            except Missing as why:
                without(f"{name}, {attempt} attempt at a window", why)
        del present[name]
        return None

    for name in contestants:
        window(name, 8, 1)
    shuffled = random.Random(7)
    for _ in range(ROUNDS):
        for connections in CONNECTIONS:
            names = list(present)
            shuffled.shuffle(names)
            for name in names:
                if found := window(name, connections, SECONDS):
                    windows[connections].setdefault(name, []).append(found)
    return {n: {name: taken[name] for name in present} for n, taken in windows.items()}


class Bound(NamedTuple):
    """What the project set itself, as a ratio to a peer."""

    who: str
    connections: int
    what: str
    peer: str = FASTAPI
    least: float | None = None
    most: float | None = None

    def judge(self, series: dict[str, list[float]]) -> Verdict | None:
        """Whether it holds; ``None`` if one of the two is missing."""
        if self.peer not in series or self.who not in series:
            return None
        found = ratio(series[self.who], series[self.peer])
        if self.least is not None:
            return Verdict(f"≥ {self.least:g} × {self.peer}: {found:.2f}", found >= self.least)
        assert self.most is not None
        return Verdict(f"≤ {self.most:.2g} × {self.peer}: {found:.2f}", found <= self.most)


BOUNDS = [
    Bound(OURS, 1, "p50", most=1.0),
    Bound(OURS, 32, "rate", least=2.2),
    Bound(OURS, 32, "p99", most=1 / 3),
    Bound(ALONE, 32, "rate", least=1.8),
    Bound(COOKIE, 32, "rate", least=1.2),
]
FIGURES = {"p50": "p50", "p99": "p99", "rate": "requests", "processor": "processor time"}


def results(windows: dict[int, dict[str, list[Window]]]) -> Iterator[Result]:
    """One row for each number of connections, figure and contestant."""
    for connections, taken in windows.items():
        for what, title in FIGURES.items():
            series = {name: [getattr(w, what) for w in found] for name, found in taken.items()}
            verdicts = {
                bound.who: verdict
                for bound in BOUNDS
                if (bound.connections, bound.what) == (connections, what)
                and (verdict := bound.judge(series))
            }
            yield from compare(
                f"{connections} conn, {title}",
                series,
                floor=TORNADO,
                ours=OURS,
                unit="/s" if what == "rate" else "s",
                verdicts=verdicts,
            )


def run() -> list[Result]:
    """Start all servers, measure, stop them."""
    if shutil.which("wrk") is None:
        print("serving: skipped, for there is no wrk (apt-get install wrk)", file=sys.stderr)
        return []
    contestants: dict[str, Contestant] = {}
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        for server in [*peers(folder), *floors(folder)]:
            try:
                stack.enter_context(server)
            except Missing as why:
                without(server.name, why)
                continue
            contestants[server.name] = Contestant(server, server.target)
        ours = Chariots(folder / "ours")
        stack.enter_context(ours)
        contestants[OURS] = Contestant(ours, ours.target)
        contestants[ALONE] = Contestant(ours, ours.alone)
        contestants[COOKIE] = Contestant(ours, ours.by_cookie())
        return list(results(measure(contestants)))
