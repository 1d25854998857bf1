"""The client: the pipelines of a Jupyter server, from Python."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote, urlencode

from ..errors import NotAuthenticated, ServerNotFound
from ..pipelines.pipeline import Pipeline
from ..versioning.version import Version
from .answers import decode
from .connection import Connection
from .discovery import find
from .response import PipelineResponse
from .tables import Difference, Records, history_of, served_sets
from .values import encode

__all__ = ["PipelinesClient"]

_PAGE = 1000


class PipelinesClient:
    """Calls, saves and loads the pipelines that a Jupyter server serves.

    It finds the server of the kernel or folder that it runs in by itself (see
    :mod:`jupyter_chariots.client.discovery`), at the first request. Threads may share a client.
    Wherever a pipeline is asked for, its name will do. Errors are those of
    :mod:`jupyter_chariots.errors`, of the class that was raised in the server.

    Args:
        backend_url: address of the server, such as ``http://localhost:8888/``.
        token: credential for it.
        timeout: seconds to wait for an answer; training may take long, so the default is no limit.
    """

    def __init__(
        self,
        backend_url: str | None = None,
        token: str | None = None,
        *,
        timeout: float | None = None,
    ) -> None:
        self._given = backend_url, token
        self._timeout = timeout
        self._connection: Connection | None = None
        self._own_runs: dict[str, str] = {}

    # running

    def call_pipeline(
        self,
        pipeline: Pipeline | str,
        pipeline_input: Any = None,
        use_worker: bool | None = None,
    ) -> PipelineResponse:
        """Run a pipeline and wait for its output.

        Args:
            pipeline: the pipeline or its name.
            pipeline_input: JSON values, numpy arrays, pandas frames, or containers of those.
            use_worker: whether the call may become a job.

        Raises:
            NodeFailed: an op raised; the cause shows its traceback.
            NotLoaded: the pipeline has no state to run with.
            PipelineNotFound: no pipeline of this name is served.
        """
        name = _name(pipeline)
        body = {"pipeline_input": pipeline_input, "use_worker": use_worker}
        harmless = isinstance(pipeline, Pipeline) and not pipeline.spec.changes
        answer = self._post(_path(name, "main"), body, repeatable=harmless)
        response = PipelineResponse.from_json(answer)
        if response.run_id:
            self._own_runs[name] = response.run_id
        self._warn(answer)
        return response

    def fetch_job(self, job_id: str) -> PipelineResponse:
        """The state of a job, and its output when it is done.

        Raises:
            JobNotFound: there is no such job.
        """
        return PipelineResponse.from_json(
            self._post("/jobs/fetch/", {"job_id": job_id}, repeatable=True)
        )

    # saving and loading

    def save_pipeline(
        self, pipeline: Pipeline | str, *, run_id: str | None = None, force: bool = False
    ) -> None:
        """Save what a run of the pipeline fitted or changed, so that it can be loaded.

        Args:
            pipeline: the pipeline or its name.
            run_id: the run to save; by default the last one that this client called and has not
                saved yet, else the last run of the pipeline.
            force: save although another run of the same ops was saved in the meantime.

        Raises:
            SaveConflict: another run of the same ops was saved since this one started.
            RunNotFound: the run left nothing to save.
        """
        name = _name(pipeline)
        own = self._own_runs.get(name)
        self._warn(
            self._post(_path(name, "save"), {"run_id": run_id or own, "force": force or None})
        )
        if own and run_id in (None, own):
            self._own_runs.pop(name, None)

    def load_pipeline(
        self,
        pipeline: Pipeline | str,
        versions: Mapping[str, Version | str] | None = None,
    ) -> None:
        """Let the server switch to the newest versions that fit together, or to chosen ones.

        Differences that do not forbid the load come as Python warnings.

        Args:
            pipeline: the pipeline or its name.
            versions: chosen versions by op name (``{"logisticop": "1.0.2"}``): a number, a version
                or its text. They stay chosen until the next load without ``versions``.

        Raises:
            VersionError: the versions do not fit together; what was served is served still. The
                hint says what to do, ``details["remedy"]`` which pipelines to run.
        """
        name = _name(pipeline)
        chosen = {op: str(version) for op, version in versions.items()} if versions else None
        answer = self._post(_path(name, "load"), {"versions": chosen})
        self._own_runs.pop(name, None)  # the load stands: an older run is saved by its id only
        self._warn(answer)

    # looking

    def is_pipeline_loaded(self, pipeline: Pipeline | str) -> bool:
        """Whether the pipeline has all the state that it needs."""
        return bool(self._get(_path(_name(pipeline), "health_check"))["is_loaded"])

    def pipeline_versions(self, pipeline: Pipeline | str) -> dict[str, Version]:
        """The current version of each node, by its name."""
        answer = self._get(_path(_name(pipeline), "versions"))
        return {node: Version.parse(text) for node, text in answer.items()}

    def available_pipelines(self) -> list[str]:
        """The names of the pipelines that the server serves."""
        return list(self._get("/available_pipelines"))

    def health(self) -> dict[str, bool]:
        """For each pipeline whether it is loaded."""
        return dict(self._get("/health_check"))

    def history(self, op: str, limit: int | None = 100) -> Records:
        """The versions of an op, the latest trained first, with what is known of each.

        The list shows itself as a table; each of its dicts has more, such as the ``facts``.

        Args:
            op: the name of the op.
            limit: how many at most; ``None`` means all.

        Raises:
            OpNotFound: the store has no version of such an op.
        """
        return history_of(self._pages(f"/ops/{quote(op, safe='')}/versions", limit))

    def diff(self, op: str, a: Version | str, b: Version | str) -> Difference:
        """Just what differs between two versions of an op; the dict shows itself as a table.

        Args:
            op: the name of the op.
            a: one version: itself, its text or its number.
            b: the other one.

        Raises:
            VersionNotFound: the store has no such version.
        """
        found = self._get(f"/ops/{quote(op, safe='')}/diff", a=str(a), b=str(b))
        return Difference(found, op, (_label(a), _label(b)))

    def served(self, pipeline: Pipeline | str, limit: int | None = 100) -> Records:
        """What the pipeline served since when, by whose load; the latest first.

        The list shows itself as a table; each of its dicts has more.

        Args:
            pipeline: the pipeline or its name.
            limit: how many at most; ``None`` means all.
        """
        return served_sets(self._pages(_path(_name(pipeline), "served"), limit))

    def close(self) -> None:
        """Close the kept connection of this thread; the next request opens another one."""
        if self._connection is not None:
            self._connection.close()

    def __repr__(self) -> str:
        if self._connection is not None:
            return f"<PipelinesClient of {self._connection.address.url}>"
        return "<PipelinesClient, not yet connected>"

    # requests

    def _pages(self, path: str, limit: int | None) -> list[dict[str, Any]]:
        """The items of a list that the server gives page by page."""
        items: list[dict[str, Any]] = []
        before = None
        while limit is None or len(items) < limit:
            wanted = _PAGE if limit is None else min(_PAGE, limit - len(items))
            page = self._get(path, limit=wanted, before=before)
            items += page["items"]
            before = page["next"]
            if before is None:
                break
        return items

    def _get(self, path: str, **query: Any) -> Any:
        asked = {name: value for name, value in query.items() if value is not None}
        return self._request("GET", f"{path}?{urlencode(asked)}" if asked else path)

    def _post(self, path: str, fields: Mapping[str, Any], *, repeatable: bool = False) -> Any:
        body = encode({name: value for name, value in fields.items() if value is not None})
        return self._request("POST", path, body, repeatable=repeatable)

    def _request(
        self, method: str, path: str, body: bytes | None = None, *, repeatable: bool = True
    ) -> Any:
        known = self._connection
        try:
            return self._send(method, path, body, repeatable)
        except (ServerNotFound, NotAuthenticated) as error:
            if known is None or not self._moved(known):
                raise error
        return self._send(method, path, body, repeatable)

    def _send(self, method: str, path: str, body: bytes | None, repeatable: bool) -> Any:
        connection = self._connection or self._connect()
        headers = {"Content-Type": "application/json"} if body is not None else None
        answer = connection.request(method, path, body, headers, repeatable=repeatable)
        return decode(answer, connection.address)

    def _moved(self, known: Connection) -> bool:
        """Whether the server was started again, at another port or with another credential."""
        try:
            return self._connect().address != known.address
        except ServerNotFound:
            return False

    def _connect(self) -> Connection:
        self._connection = Connection(find(*self._given), self._timeout)
        return self._connection

    @staticmethod
    def _warn(answer: Any) -> None:
        for text in answer.get("warnings", ()):
            warnings.warn(str(text), UserWarning, stacklevel=3)


def _name(pipeline: Pipeline | str) -> str:
    return pipeline if isinstance(pipeline, str) else pipeline.name


def _label(version: Version | str) -> str:
    digests = version.digests if isinstance(version, Version) else version.split("_")[0].split(".")
    return ".".join(digest[:5] for digest in digests)


def _path(pipeline: str, action: str) -> str:
    return f"/pipelines/{quote(pipeline, safe='')}/{action}"
