"""The server, as commands talk to it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..client import PipelinesClient
from ..client.addresses import segment
from ..client.screen import Screen

__all__ = ["Server"]


class Server(PipelinesClient):
    """A client that hands out answers as they come, for scripts."""

    @property
    def url(self) -> str:
        """The address of the extension."""
        return (self._connection or self._connect()).address.url

    def snapshot(self) -> dict[str, Any]:
        """Everything that a panel shows."""
        return dict(self._get("/snapshot"))

    def view(self, pipeline: str) -> dict[str, Any]:
        """All about one pipeline."""
        return dict(self._get(f"/pipelines/{segment(pipeline)}"))

    def call(
        self, pipeline: str, value: Any, controls: Mapping[str, Any], *, wait: bool, silent: bool
    ) -> dict[str, Any]:
        """Run a pipeline; the body of the answer. What it prints goes to standard error.

        Args:
            pipeline: its name.
            value: its input.
            controls: the fields beside the input.
            wait: if the call becomes a job, wait for its end.
            silent: show nothing meanwhile.
        """
        screen = Screen(pipeline, aside=True, silent=silent)
        answer = self._answer(pipeline, value, controls, screen)
        if wait and answer.get("job_id") and answer["job_status"] != "done":
            answer = self._awaited(answer["job_id"], screen=screen)
        self._warn(answer)
        return dict(answer)

    def job(self, job_id: str) -> dict[str, Any]:
        """All about one job."""
        return dict(self._get(f"/jobs/{segment(job_id)}"))

    @staticmethod
    def _goes_on(job_id: str) -> str:
        return f"Job {job_id} goes on. To end it: jupyter chariots cancel {job_id}"

    def serve_notebook(self, path: str, *, replace: bool) -> list[dict[str, Any]]:
        """Serve the tagged cells of a notebook; for each pipeline what was done, and all about it.

        Raises:
            NotTrusted: its cells are not trusted as they are now; they were not run.
            ConfigurationError: a cell failed.
        """
        # the same thing asked for twice changes nothing
        answer = self._post("/notebooks", {"path": path, "replace": replace}, repeatable=True)
        return [{**self.view(one["name"]), **one} for one in answer["pipelines"]]
