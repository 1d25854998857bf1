"""This project: a Jupyter server with its local pool of two workers: ``chariots.py FOLDER``."""

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
_MODULE = "benchmarks.samples"


class Chariots(Queue):
    """Plain requests on connections that stay open, one for each thread.

    Args:
        folder: for the server's files; its store is there, so its disk counts.
        by_client: submit by :class:`PipelinesClient` instead.
    """

    def __init__(self, folder: Path, by_client: bool) -> None:
        self._server = LiveServer(
            folder / "root",
            folder / "home",
            app_pipelines=[_MODULE],
            arguments=["--PipelinesServer.worker_pool_options={'n_workers': 2}"],
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


if __name__ == "__main__":
    drive(Chariots(Path(sys.argv[1]), by_client="client" in sys.argv[2:]))
