"""Dask's LocalCluster, two processes of one thread each: ``dask_local.py FOLDER``."""

import os
import sys
from pathlib import Path
from typing import Any

from distributed import Client, LocalCluster, wait

from .driver import Queue, drive
from .task import begin


class Dask(Queue):
    """The scheduler is in the process of the client, as ``LocalCluster`` has it."""

    def __init__(self) -> None:
        self._cluster = LocalCluster(
            n_workers=2, threads_per_worker=1, processes=True, dashboard_address=None
        )
        self._client = Client(self._cluster)
        self.results([self.submit(0.2) for _ in range(4)])

    def submit(self, seconds: float) -> Any:
        return self._client.submit(begin, seconds, pure=False)

    def results(self, submitted: list[Any]) -> list[float]:
        return list(self._client.gather(submitted))

    def wait(self, submitted: list[Any]) -> None:
        wait(submitted)

    def scale(self, workers: int) -> None:
        self._cluster.scale(workers)
        self._client.wait_for_workers(workers)
        while len(self._client.scheduler_info()["workers"]) != workers:
            pass
        self.results([self.submit(0.1) for _ in range(2 * workers)])

    def close(self) -> None:
        self._client.close()
        self._cluster.close()


if __name__ == "__main__":
    os.chdir(Path(sys.argv[1]))
    drive(Dask())
