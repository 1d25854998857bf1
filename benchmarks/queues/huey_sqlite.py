"""Huey on SQLite, two worker processes: ``huey_sqlite.py FOLDER [fsync]``.

By default Huey does not wait for the disk (``PRAGMA synchronous=0``); with ``fsync`` it does.
The consumer looks every 10 ms, and not more and more seldom.
"""

import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from huey import SqliteHuey

from .driver import Queue, drive
from .task import begin

_FOLDER, _FSYNC = "BENCH_HUEY_FOLDER", "BENCH_HUEY_FSYNC"

if __name__ == "__main__":
    os.environ[_FOLDER] = sys.argv[1]
    os.environ[_FSYNC] = str(int("fsync" in sys.argv[2:]))

huey = SqliteHuey(
    "bench",
    filename=str(Path(os.environ.get(_FOLDER, ".")) / "huey.db"),
    fsync=os.environ.get(_FSYNC) == "1",
)
task = huey.task()(begin)


class Huey(Queue):
    """The consumer is a program of its own, as Huey's manual has it."""

    def __init__(self, folder: Path) -> None:
        consumer = [
            sys.executable, "-m", "huey.bin.huey_consumer", "benchmarks.queues.huey_sqlite.huey",
            "-w", "2", "-k", "process", "-d", "0.01", "-m", "0.01", "-b", "1", "-n", "-q",
        ]  # fmt: skip
        with (folder / "consumer.log").open("wb") as log:
            self._consumer = subprocess.Popen(consumer, stdout=log, stderr=log)
        self.results([self.submit(0.2) for _ in range(4)])

    def submit(self, seconds: float) -> Any:
        return task(seconds)

    def results(self, submitted: list[Any]) -> list[float]:
        found = []
        for result in submitted:
            while (begun := result.get(preserve=False)) is None:
                time.sleep(0.002)
            found.append(float(begun))
        return found

    def close(self) -> None:
        self._consumer.terminate()
        self._consumer.wait(20)


if __name__ == "__main__":
    # under its own name, by which the consumer knows the task
    from benchmarks.queues import huey_sqlite

    drive(huey_sqlite.Huey(Path(sys.argv[1])))
