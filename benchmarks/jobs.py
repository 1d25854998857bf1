"""Jobs: submitting, starting, working through many; beside floors and, with ``PEERS=1``, queues.

All queues are up at once, with two workers each, and short windows follow one another in turn; what
counts is the median of the ratios round by round. Each queue is driven by a program of its own
(``queues``), whose processes' time is added up: on a machine that does other things as well, that
is the steadiest figure. ``BENCH_ROUNDS`` (5) says how many rounds there are.

Who waits for the disk: ours, for each submission and each end; Huey when told to; Redis once a
second; Dask and the process pool keep nothing.
"""

from __future__ import annotations

import importlib.util
import json
import os
import shutil
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path
from typing import Any, NamedTuple

from . import peers
from .measure import Result, ratio

ROUNDS = int(os.environ.get("BENCH_ROUNDS", "5"))
IDLE_JOBS = 8
OURS, OURS_16, OURS_CLIENT = "ours", "ours, 16 connections", "ours, by client.call_pipeline"
OURS_DASK = "ours on Dask"
POOL, HUEY, ROW = "process pool (floor)", "Huey, SQLite", "a durable row of SQLite (floor)"


class Contestant(NamedTuple):
    """How a queue is driven.

    Attributes:
        module: of ``queues``.
        jobs: how many a window has; it shall take about a second.
        arguments: of its program.
        threads: that submit.
        peer: whether it lives in the environment of the peers.
        same: the contestant whose program it shares.
    """

    module: str
    jobs: int
    arguments: tuple[str, ...] = ()
    threads: int = 1
    peer: bool = True
    same: str = ""


CONTESTANTS = {
    POOL: Contestant("process_pool", 4000, peer=False),
    HUEY: Contestant("huey_sqlite", 1000),
    "Huey, SQLite, waits for the disk": Contestant("huey_sqlite", 100, ("fsync",)),
    "RQ, Redis": Contestant("rq_redis", 50),
    "RQ, Redis, without forks": Contestant("rq_redis", 200, ("simple",)),
    "Dask, LocalCluster": Contestant("dask_local", 300),
    OURS: Contestant("chariots", 300, peer=False),
    OURS_16: Contestant("chariots", 600, threads=16, peer=False, same=OURS),
    OURS_CLIENT: Contestant("chariots", 300, ("client",), peer=False),
}


class Driver:
    """The program that drives a queue."""

    def __init__(self, name: str, contestant: Contestant, folder: Path, python: Path) -> None:
        folder.mkdir()
        self._name, self._log = name, folder / "driver.log"
        command = [
            str(python), "-m", f"benchmarks.queues.{contestant.module}", str(folder),
            *contestant.arguments,
        ]  # fmt: skip
        environment = {**os.environ, "PYTHONPATH": str(peers.REPOSITORY)}
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(
                command, env=environment, cwd=folder, text=True,
                stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log,
            )  # fmt: skip
        assert self._answer() == "ready"

    def ask(self, order: str, **given: Any) -> Any:
        """Give an order; its answer."""
        assert self._process.stdin
        print(json.dumps([order, given]), file=self._process.stdin, flush=True)
        return self._answer()

    def _answer(self) -> Any:
        assert self._process.stdout
        line = self._process.stdout.readline()
        if not line:
            raise RuntimeError(f"{self._name} ended:\n{self._log.read_text()[-3000:]}")
        return json.loads(line)

    def close(self) -> None:
        """End the queue."""
        assert self._process.stdin
        self._process.stdin.close()
        self._process.wait(60)


class Window(NamedTuple):
    """What a window found; seconds, and jobs a second."""

    submits: list[float]
    starts: list[float]
    rate: float
    processor: float


def _present() -> dict[str, Contestant]:
    found = dict(CONTESTANTS)
    if os.environ.get("PEERS") != "1":
        print("jobs: without Huey, RQ and Dask; PEERS=1 adds them", file=sys.stderr)
        found = {name: one for name, one in found.items() if not one.peer}
    elif shutil.which("redis-server") is None:
        print("jobs: without RQ, for there is no redis-server", file=sys.stderr)
        found = {name: one for name, one in found.items() if one.module != "rq_redis"}
    return found


def _drivers(stack: ExitStack, present: dict[str, Contestant], folder: Path) -> dict[str, Driver]:
    made: dict[str, Driver] = {}
    python = Path(sys.executable)
    if any(one.peer for one in present.values()):
        peer_python = peers.environment("jobs", "huey", "rq", "dask[distributed]", "psutil")
    for index, (name, one) in enumerate(present.items()):
        if one.same:
            made[name] = made[one.same]
            continue
        where = peer_python if one.peer else python
        made[name] = Driver(name, one, folder / f"queue-{index}", where)
        stack.callback(made[name].close)
    return made


def _window(driver: Driver, one: Contestant) -> Window:
    idle = driver.ask("idle", jobs=IDLE_JOBS)
    many = driver.ask("many", jobs=one.jobs, threads=one.threads, seconds=0)
    return Window(
        many["submit"], idle["start"], one.jobs / many["took"], many["processor"] / one.jobs
    )


def _durable_rows(folder: Path, count: int = 100) -> list[float]:
    """What one row costs that outlives a power cut."""
    db = sqlite3.connect(folder / "rows.db", isolation_level=None)
    db.execute("PRAGMA journal_mode=wal")
    db.execute("PRAGMA synchronous=FULL")
    db.execute("CREATE TABLE IF NOT EXISTS rows (id INTEGER PRIMARY KEY, body BLOB)")
    taken = []
    for _ in range(count):
        before = time.monotonic()
        db.execute("INSERT INTO rows (body) VALUES (?)", (b"x" * 500,))
        taken.append(time.monotonic() - before)
    db.close()
    return taken


def _p99(taken: list[float]) -> float:
    return statistics.quantiles(taken, n=100)[98]


def _rows(
    title: str,
    series: dict[str, list[float]],
    floor: str,
    *,
    unit: str = "s",
    target: str = "",
    bounds: dict[str, float] | None = None,
) -> list[Result]:
    """One figure of all contestants; ``bounds``: at least so many a second, at most so many s."""
    rows = []
    for name, taken in series.items():
        bound, median = (bounds or {}).get(name), statistics.median(taken)
        met = None if bound is None else (median >= bound if unit == "/s" else median <= bound)
        times = None if name == floor else ratio(taken, series[floor])
        text = "" if bound is None else target
        rows.append(Result(title, name, median, times, unit=unit, target=text, met=met))
    return rows


def _results(windows: dict[str, list[Window]], rows: list[list[float]]) -> list[Result]:
    peer = HUEY if HUEY in windows else POOL
    single = {name: taken for name, taken in windows.items() if name != OURS_16}
    submits: dict[str, list[list[float]]] = {ROW: rows}
    submits |= {name: [one.submits for one in taken] for name, taken in windows.items()}
    medians = {name: list(map(statistics.median, taken)) for name, taken in submits.items()}
    slowest = {name: list(map(_p99, taken)) for name, taken in submits.items()}
    starts = {name: [statistics.median(w.starts) for w in taken] for name, taken in single.items()}
    late = {name: [max(w.starts) for w in taken] for name, taken in single.items()}
    rates = {name: [one.rate for one in taken] for name, taken in windows.items()}
    processor = {name: [one.processor for one in taken] for name, taken in windows.items()}
    quick = dict.fromkeys((OURS, OURS_CLIENT), 5e-3)
    soon = dict.fromkeys((OURS, OURS_CLIENT), 20e-3)
    return [
        *_rows("submit, p50", medians, ROW, target="≤ 5 ms", bounds=quick),
        *_rows("submit, p99", slowest, ROW),
        *_rows("idle queue: submit to start", starts, peer, target="≤ 20 ms", bounds=soon),
        *_rows(f"the slowest of {IDLE_JOBS}", late, peer),
        *_rows("trivial jobs", rates, peer, unit="/s", target="≥ 500/s", bounds={OURS_16: 500.0}),
        *_rows("processor time a job", processor, peer),
    ]


def _four_and_two(name: str, driver: Driver) -> list[Result]:
    """Jobs of 1 s that sleep, so that cores are not what limits four workers."""
    rates = []
    for workers in (2, 4):
        driver.ask("scale", workers=workers)
        many = driver.ask("many", jobs=4 * workers, threads=1, seconds=1)
        rates.append(4 * workers / many["took"])
    more = rates[1] / rates[0]
    title = "jobs of 1 s, asleep"
    return [
        Result(title, f"{name}, 2 workers", rates[0], unit="/s"),
        Result(title, f"{name}, 4 workers", rates[1], more, "/s", "≥ 1.7 × two", more >= 1.7),
    ]


def _ours_on_dask(folder: Path) -> list[Result]:
    """Jobs of ours, through a :class:`DaskWorkerPool`."""
    if importlib.util.find_spec("distributed") is None:
        print("jobs: without workers of ours on Dask, which is not installed", file=sys.stderr)
        return []
    one = Contestant("chariots", 0, ("dask",), peer=False)
    driver = Driver(OURS_DASK, one, folder / "ours-on-dask", Path(sys.executable))
    try:
        return _four_and_two(OURS_DASK, driver)
    finally:
        driver.close()


def run() -> list[Result]:
    """Start all queues, measure, end them."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        present = _present()
        drivers = _drivers(stack, present, folder)
        for name, one in present.items():
            drivers[name].ask("many", jobs=one.jobs // 4, threads=one.threads, seconds=0)
        windows: dict[str, list[Window]] = {name: [] for name in present}
        rows = []
        for _ in range(ROUNDS):
            rows.append(_durable_rows(folder))
            for name, one in present.items():
                windows[name].append(_window(drivers[name], one))
        found = _results(windows, rows)
        for name, one in present.items():
            if one.module == "dask_local":
                found += _four_and_two("Dask", drivers[name])
        return [*found, *_ours_on_dask(folder)]
