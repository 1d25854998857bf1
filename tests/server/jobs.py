"""Asking a server for jobs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ..live import wait_for
from .conftest import Asker, Fetched

ENDED = ("done", "failed", "cancelled")


class Jobs:
    """Submits jobs to a server, and waits for them."""

    def __init__(self, ask: Asker, folder: Path) -> None:
        self.ask, self.folder = ask, folder
        self._files = 0

    def main(self, pipeline: str, given: Any = None, **fields: Any) -> Fetched:
        body = {"pipeline_input": given, **fields}
        return self.ask("POST", f"pipelines/{pipeline}/main", body)

    def submit(self, pipeline: str, given: Any = None, **fields: Any) -> str:
        answer = self.main(pipeline, given, use_worker=True, **fields)
        assert answer.status == 200, answer
        assert answer.body["pipeline_output"] is None
        assert answer.body["versions"] == {}
        assert answer.body["job_status"] in ("queued", "deferred")
        job_id: str = answer.body["job_id"]
        return job_id

    def view(self, job_id: str) -> dict[str, Any]:
        answer = self.ask("GET", f"jobs/{job_id}")
        assert answer.status == 200, answer
        view: dict[str, Any] = answer.body
        return view

    def until(self, job_id: str, *statuses: str, deadline: float = 60) -> dict[str, Any]:
        """Wait until it has one of these statuses; gives its view."""
        seen = 0

        def look() -> Any:
            nonlocal seen
            found = self.ask("GET", f"jobs/{job_id}", query={"wait": 5, "seen": seen}).body
            seen = found["seen"]
            assert found["status"] in statuses or found["status"] not in ENDED, found
            return found if found["status"] in statuses else None

        found: dict[str, Any] = wait_for(look, f"{job_id} to be {statuses}", deadline)
        return found

    def done(self, job_id: str) -> Any:
        """Wait until it is done; gives the answer of the call."""
        self.until(job_id, "done")
        return self.fetch(job_id)

    def settle(self) -> None:
        """Wait until the jobs of other tests have ended: they are counted, keep workers busy, and
        what they save would be the newest.
        """

        def none_left() -> bool:
            counts = self.ask("GET", "snapshot").body["job_counts"]
            return not any(counts.get(status) for status in ("queued", "running", "deferred"))

        wait_for(none_left, "the jobs to end")

    def fetch(self, job_id: str) -> Any:
        answer = self.ask("POST", "jobs/fetch/", {"job_id": job_id})
        assert answer.status == 200, answer
        return answer.body

    def cancel(self, job_id: str) -> dict[str, Any]:
        answer = self.ask("DELETE", f"jobs/{job_id}")
        assert answer.status == 200, answer
        view: dict[str, Any] = answer.body
        return view

    def file(self, name: str = "file") -> Path:
        """A path that nobody has used yet."""
        self._files += 1
        return self.folder / f"{name}-{self._files}"

    def held(self, pipeline: str = "do", **fields: Any) -> tuple[str, Path, Path]:
        """A job that runs until a file is there: its id, the file with process ids, that file."""
        began, go = self.file("began"), self.file("go")
        order = {"began": str(began), "until": str(go), "value": 1}
        job_id = self.submit(pipeline, order, **fields)
        return job_id, began, go


def pids(began: Path) -> list[int]:
    """The processes that a job has run in."""
    return [int(line) for line in began.read_text().split()] if began.exists() else []
