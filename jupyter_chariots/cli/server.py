"""The server, as commands talk to it."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

from ..client import PipelinesClient

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
        return dict(self._get(f"/pipelines/{quote(pipeline, safe='')}"))

    def call(self, pipeline: str, value: Any, use_worker: bool | None) -> dict[str, Any]:
        """Run a pipeline; the body of the answer."""
        path = f"/pipelines/{quote(pipeline, safe='')}/main"
        answer = self._post(path, {"pipeline_input": value, "use_worker": use_worker})
        self._warn(answer)
        return dict(answer)

    def serve_notebook(self, path: str, *, replace: bool) -> list[dict[str, Any]]:
        """Serve the tagged cells of a notebook; for each pipeline what was done, and all about it.

        Raises:
            NotTrusted: its cells are not trusted as they are now; they were not run.
            ConfigurationError: a cell failed.
        """
        # the same thing asked for twice changes nothing
        answer = self._post("/notebooks", {"path": path, "replace": replace}, repeatable=True)
        return [{**self.view(one["name"]), **one} for one in answer["pipelines"]]
