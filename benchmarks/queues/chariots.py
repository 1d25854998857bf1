"""This project: a Jupyter server with its local pool of two workers: ``chariots.py FOLDER
[client] [dask]``; or with workers on a Dask cluster, as many as it has places.
"""

from __future__ import annotations

import http.client
import json
import sys
import threading
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from jupyter_chariots import PipelinesClient
from tests.live import LiveServer

from .driver import Queue, drive

PIPELINE = "began"
MOST_ON_DASK = 4
_MODULE = "benchmarks.samples"


class Chariots(Queue):
    """Plain requests on connections that stay open, one for each thread.

    Args:
        folder: for the server's files; its store is there, so its disk counts.
        by_client: submit by :class:`PipelinesClient` instead.
        pool: the options of the pool.
        kind: its name.
    """

    def __init__(
        self, folder: Path, by_client: bool, pool: dict[str, Any], kind: str = "local"
    ) -> None:
        self._server = LiveServer(
            folder / "root",
            folder / "home",
            app_pipelines=[_MODULE],
            arguments=[
                f"--PipelinesServer.worker_pool={kind}",
                f"--PipelinesServer.worker_pool_options={pool}",
            ],
        ).start()
        self._client = PipelinesClient(self._server.url, self._server.token)
        self._by_client = by_client
        self._mine = threading.local()
        self.results([self.submit(0.2) for _ in range(4)])

    def submit(self, seconds: float) -> str:
        if self._by_client:
            job = self._client.call_pipeline(PIPELINE, seconds, use_worker=True).job_id
            assert job is not None
            return str(job)
        body = {"pipeline_input": seconds, "use_worker": True}
        return str(self._ask("POST", f"pipelines/{PIPELINE}/main", body)["job_id"])

    def results(self, submitted: list[str]) -> list[float]:
        self.wait(submitted)
        return [
            float(self._ask("POST", "jobs/fetch/", {"job_id": job})["pipeline_output"])
            for job in submitted
        ]

    def wait(self, submitted: list[str]) -> None:
        """The last one first: when it is done, most are."""
        job: str | None = submitted[-1]
        while job:
            view = self._ask("GET", f"jobs/{job}")
            while view["status"] in ("queued", "running"):
                view = self._ask("GET", f"jobs/{job}?wait=10&seen={view['seen']}")
            assert view["status"] == "done", view
            job = self._unfinished() if len(submitted) > 1 else None

    def _unfinished(self) -> str | None:
        for status in ("queued", "running"):
            items = self._ask("GET", f"jobs?status={status}&limit=1")["items"]
            if items:
                return str(items[0]["id"])
        return None

    def _ask(self, method: str, path: str, body: Any = None) -> Any:
        place = urlsplit(self._server.url)
        connection = getattr(self._mine, "connection", None)
        if connection is None:
            connection = http.client.HTTPConnection(place.hostname or "", place.port)
            self._mine.connection = connection
        headers = {"Authorization": f"token {self._server.token}"}
        if body is not None:
            headers["Content-Type"] = "application/json"
        sent = None if body is None else json.dumps(body)
        connection.request(method, f"{place.path}/{path}", sent, headers)
        answer = connection.getresponse()
        got = json.loads(answer.read())
        assert answer.status == 200, got
        return got

    def close(self) -> None:
        self._server.stop()


class ChariotsOnDask(Chariots):
    """Workers on a cluster of this machine, which has one place a process."""

    def __init__(self, folder: Path) -> None:
        from distributed import LocalCluster

        self._cluster = LocalCluster(
            n_workers=2, threads_per_worker=1, processes=True, dashboard_address=None
        )
        pool = {"address": self._cluster.scheduler_address, "max_workers": MOST_ON_DASK}
        super().__init__(folder, by_client=False, pool=pool, kind="dask")

    def scale(self, workers: int) -> None:
        self._cluster.scale(workers)
        self._cluster.wait_for_workers(workers)
        seen: set[str] = set()
        while len(seen) < workers:  # each has run one, and is warm
            submitted = [self.submit(0.2) for _ in range(2 * workers)]
            self.wait(submitted)
            seen |= {self._ask("GET", f"jobs/{job}")["worker"] for job in submitted}

    def close(self) -> None:
        super().close()
        self._cluster.close()


if __name__ == "__main__":
    place, how = Path(sys.argv[1]), sys.argv[2:]
    if "dask" in how:
        drive(ChariotsOnDask(place))
    else:
        drive(Chariots(place, by_client="client" in how, pool={"n_workers": 2}))
