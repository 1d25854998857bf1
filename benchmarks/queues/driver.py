"""What drives a queue: takes orders as lines of JSON on standard input, answers on standard output.

A queue and all its processes are children of its driver, so that their processor time can be told.
It runs in the environment of the queue, which need not have this project.
"""

from __future__ import annotations

import json
import sys
import threading
import time
from abc import ABC, abstractmethod
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import psutil

__all__ = ["Queue", "drive"]

_QUIET_S = 0.3


class Queue(ABC):
    """A queue with its workers, as started by the constructor and ended by :meth:`close`."""

    @abstractmethod
    def submit(self, seconds: float) -> Any:
        """Submit one job; gives what :meth:`results` takes. Called by several threads."""

    @abstractmethod
    def results(self, submitted: list[Any]) -> list[float]:
        """Wait until all of these are done; gives when each began."""

    def wait(self, submitted: list[Any]) -> None:
        """Return when all of these are done, which most queues tell by their results only."""
        self.results(submitted)

    def scale(self, workers: int) -> None:
        """Have so many workers, ready to work."""
        raise NotImplementedError

    @abstractmethod
    def close(self) -> None:
        """End it."""


def _processor_time() -> float:
    """Seconds that this process and all below it have used so far."""
    me, total = psutil.Process(), 0.0
    for process in (me, *me.children(recursive=True)):
        try:
            times = process.cpu_times()
        except psutil.Error:
            continue
        total += times.user + times.system + times.children_user + times.children_system
    return total


def _idle(queue: Queue, jobs: int) -> dict[str, Any]:
    """One job at a time on a queue where nothing happens: seconds of the submission, to the first
    instruction, and to the result.
    """
    submits, starts, ends = [], [], []
    for _ in range(jobs):
        time.sleep(_QUIET_S)
        before = time.monotonic()
        job = queue.submit(0)
        submits.append(time.monotonic() - before)
        (begun,) = queue.results([job])
        ends.append(time.monotonic() - before)
        starts.append(begun - before)
    return {"submit": submits, "start": starts, "result": ends}


def _many(queue: Queue, jobs: int, threads: int, seconds: float) -> dict[str, Any]:
    """Submit jobs by some threads while they are worked on: seconds of each submission, and from
    the first one until all are done; seconds of processor time.
    """
    submits: list[float] = []

    def submit(_: int) -> Any:
        before = time.monotonic()
        job = queue.submit(seconds)
        submits.append(time.monotonic() - before)
        return job

    used, before = _processor_time(), time.monotonic()
    if threads == 1:
        submitted = list(map(submit, range(jobs)))
    else:
        with ThreadPoolExecutor(threads) as pool:
            submitted = list(pool.map(submit, range(jobs)))
    queue.wait(submitted)
    took, used = time.monotonic() - before, _processor_time() - used
    return {"submit": submits, "took": took, "processor": used}


def drive(queue: Queue) -> None:
    """Do what the lines say until there are no more."""
    answers, sys.stdout = sys.stdout, sys.stderr  # what is printed is no answer
    actions = {"idle": _idle, "many": _many, "scale": lambda queue, workers: queue.scale(workers)}
    try:
        print(json.dumps("ready"), file=answers, flush=True)
        for line in sys.stdin:
            name, given = json.loads(line)
            print(json.dumps(actions[name](queue, **given)), file=answers, flush=True)
    finally:
        queue.close()
        for thread in threading.enumerate():
            assert thread.daemon or thread is threading.main_thread(), thread
