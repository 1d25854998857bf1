"""RQ with a Redis server of its own, two workers: ``rq_redis.py FOLDER [simple]``.

Redis writes to disk what a job is once a second (``appendonly``, ``everysec``), as its manual
advises for queues. RQ's workers fork for each job; with ``simple`` they do not.
"""

import os
import shutil
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from redis import Redis
from redis.exceptions import ConnectionError as NotUp
from rq import Queue as RedisQueue
from rq.job import Job, JobStatus

from .driver import Queue, drive
from .task import begin


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class RQ(Queue):
    """Redis listens on a free port of this machine."""

    def __init__(self, folder: Path, kind: str) -> None:
        port = _free_port()
        redis = [
            shutil.which("redis-server") or "redis-server", "--port", str(port), "--bind",
            "127.0.0.1", "--dir", str(folder), "--appendonly", "yes", "--save", "",
        ]  # fmt: skip
        worker = [
            str(Path(sys.executable).with_name("rq")), "worker", "bench", "--quiet",
            "--url", f"redis://127.0.0.1:{port}", "--worker-class", kind,
        ]  # fmt: skip
        log = (folder / "rq.log").open("wb")
        self._processes = [subprocess.Popen(redis, stdout=log, stderr=log)]
        connection = Redis(port=port)
        while not self._is_up(connection):
            time.sleep(0.02)
        environment = {**os.environ, "OBJC_DISABLE_INITIALIZE_FORK_SAFETY": "YES"}
        for _ in range(2):
            self._processes.append(
                subprocess.Popen(worker, stdout=log, stderr=log, env=environment)
            )
        self._queue = RedisQueue("bench", connection=connection)
        self.results([self.submit(0.2) for _ in range(4)])

    @staticmethod
    def _is_up(connection: "Redis[bytes]") -> bool:
        try:
            return bool(connection.ping())
        except NotUp:
            return False

    def submit(self, seconds: float) -> Job:
        return self._queue.enqueue(begin, seconds)

    def results(self, submitted: list[Any]) -> list[float]:
        found = []
        for job in submitted:
            while not (result := job.latest_result(timeout=10)):
                pass
            assert job.get_status() == JobStatus.FINISHED
            found.append(float(result.return_value))
        return found

    def close(self) -> None:
        for process in reversed(self._processes):
            process.terminate()
            process.wait(20)


if __name__ == "__main__":
    simple = "simple" in sys.argv[2:]
    drive(RQ(Path(sys.argv[1]), "rq.worker.SimpleWorker" if simple else "rq.worker.Worker"))
