"""The client: the pipelines of a Jupyter server, from Python."""

from __future__ import annotations

import json
import warnings
from collections.abc import Collection, Mapping
from typing import Any
from urllib.parse import quote, urlencode

from ..errors import NotAuthenticated, ServerNotFound, UnsupportedFormat
from ..formats import BYTES, JSON, Body
from ..pipelines.pipeline import Pipeline
from ..versioning.cells import rename_notebook
from ..versioning.version import Version
from .answers import decode
from .connection import Connection
from .discovery import find
from .here import run_here
from .log import Log
from .patience import patiently
from .response import PipelineResponse
from .serving import Serving, Servings, keep_saved, pipelines_of
from .tables import Difference, Records, history_of, served_sets
from .values import accepted, as_data, encode, is_data

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
        self._unreadable: set[tuple[str, str]] = set()  # pipelines, and formats they cannot read

    # serving

    def serve(
        self,
        *pipelines: Any,
        replace: bool = False,
        share: Collection[str] = (),
        env: Collection[str] = (),
        replicas: int | None = None,
        name: str | None = None,
    ) -> Serving | Servings:
        """Let the Jupyter server serve pipelines of this notebook, or a fitted estimator.

        They go by value, with the functions and classes of the notebook, and run in processes of
        their own, with the interpreter and in the folder of this kernel; they are served again
        after a restart of the server, without the notebook. What this kernel has fitted since the
        last save is saved and served with them. A definition that is served already is left alone.

        Args:
            pipelines: the pipelines; or one fitted estimator.
            replace: take names of pipelines over from other notebooks.
            share: names of ops that belong to other notebooks and that these may use as well.
            env: names of environment variables that the pipelines need. Their values are kept in
                the op store, where only this user's secret opens them. Those that decide how an op
                runs (``KERAS_BACKEND``) go along by themselves.
            replicas: how many processes answer the calls of each, all on the same versions; if
                not given, as ``c.PipelinesServer.replicas`` says, or one.
            name: under which the estimator is served.

        Returns:
            for each pipeline what was done, for a single one that alone. It shows itself.

        Raises:
            NameTaken: a name belongs to another notebook; nothing was changed.
            DefinitionError: something cannot travel, or is no pipeline; nothing was sent.
            TooLarge: a definition has more than 50 MB; nothing was sent.
        """
        from ..ml.bundling import bundle_of

        meant = pipelines_of(pipelines, name)
        bundle = bundle_of(meant, replace=replace, share=share, env=env, replicas=replicas)
        # the same thing sent twice changes nothing, so that a lost answer is asked for again
        headers = {"Content-Type": BYTES}
        answers = self._request("POST", "/pipelines", bundle.to_bytes(), headers)["pipelines"]
        url = self._connection.address.url if self._connection else ""
        done = Servings(
            Serving.from_json(pipeline, url, answer)
            for pipeline, answer in zip(meant, answers, strict=True)
        )
        keep_saved(meant, bundle, answers[0]["held"])
        if bundle.header["kernel_id"] and answers[0]["owner"].endswith(".ipynb"):
            rename_notebook(answers[0]["owner"])  # the server knows what it is called now
        for one in meant:
            self._own_runs.pop(one.name, None)
        return done[0] if len(done) == 1 else done

    def unserve(self, pipeline: Pipeline | str) -> None:
        """Serve a pipeline no more. Its versions and its history stay in the op store.

        One that ``app_pipelines`` names is served again when the server starts again.

        Raises:
            PipelineNotFound: no pipeline of this name is served.
        """
        name = _name(pipeline)
        self._request("DELETE", f"/pipelines/{quote(name, safe='')}", repeatable=False)
        self._own_runs.pop(name, None)

    # running

    def call_pipeline(
        self,
        pipeline: Pipeline | str,
        pipeline_input: Any = None,
        use_worker: bool | None = None,
    ) -> PipelineResponse:
        """Run a pipeline and wait for its output.

        What its ops print, and their warnings, appear here while it runs. Ctrl-C, or "Interrupt
        the kernel", cancels the run, a training as well, which then leaves nothing behind; if the
        caller merely goes away, a training goes on to its end.

        Args:
            pipeline: the pipeline or its name.
            pipeline_input: JSON values, or containers of those with arrays and frames inside,
                travel as JSON, and so does the output. A numpy array, a pandas or polars frame or
                series, or bytes arrive as what they are, and an output of these kinds comes back
                as what it was. Of pandas an index with a name is kept, one without is dropped.
                Frames need pyarrow here and there; without it they are sent as records in JSON.
            use_worker: whether the call may become a job.

        Raises:
            InvalidInput: the input cannot be sent, or does not fit the pipeline.
            NodeFailed: an op raised; the cause shows its traceback.
            NotLoaded: the pipeline has no state to run with.
            PipelineNotFound: no pipeline of this name is served.
            WorkerLost: the process that ran it died. Where the run changes nothing it was
                repeated once.
            Unavailable: its process died again and again, and is given a rest.
            CallInterrupted: Ctrl-C; it is a ``KeyboardInterrupt``.
        """
        name = _name(pipeline)
        harmless = isinstance(pipeline, Pipeline) and not pipeline.spec.changes
        controls = {"use_worker": use_worker}
        answer = patiently(lambda: self._call(name, pipeline_input, controls, harmless))
        response = PipelineResponse.from_json(answer)
        if response.run_id:
            self._own_runs[name] = response.run_id
        self._warn(answer)
        return response

    def run_here(self, pipeline: Pipeline | str, pipeline_input: Any = None) -> Any:
        """Run a pipeline in this process with the versions that are served, for ``%debug``.

        The server has to run on this machine. A pipeline that is given as such runs with the code
        that it has here, one that is given by name with the code that is served. It is a copy that
        runs: nothing is saved, and the pipeline itself stays as it is.

        Args:
            pipeline: the pipeline or its name.
            pipeline_input: as for :meth:`call_pipeline`.

        Returns:
            the output as the last op gave it.

        Raises:
            Exception: what an op raised, from where it was raised.
            VersionError: the served versions do not go with the pipeline.
            ConfigurationError: the server runs on another machine.
            PipelineNotFound: no pipeline of this name is served.
        """
        view = self._get(f"/pipelines/{quote(_name(pipeline), safe='')}")
        return run_here(pipeline, pipeline_input, view)

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

    def logs(self, pipeline: Pipeline | str, lines: int = 200, after: str | None = None) -> Log:
        """What the processes of a pipeline have printed, those that have died too.

        Args:
            pipeline: the pipeline or its name.
            lines: how many of the last lines.
            after: ``offset`` of an earlier log: what was written since then.

        Raises:
            PipelineNotFound: no pipeline of this name is served.
        """
        page = self._get(_path(_name(pipeline), "log"), lines=lines, after=after)
        return Log(page["text"], page["offset"])

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

    def _call(
        self, name: str, pipeline_input: Any, controls: Mapping[str, Any], repeatable: bool
    ) -> Any:
        path = _path(name, "main")
        given = {key: value for key, value in controls.items() if value is not None}
        headers = {"Accept": accepted()} if is_data(pipeline_input) else {}
        content = as_data(pipeline_input)
        if content is not None and (name, content[0]) not in self._unreadable:
            query = urlencode({key: json.dumps(value) for key, value in given.items()})
            headers["Content-Type"], data = content
            asked = f"{path}?{query}" if query else path
            try:
                return self._request("POST", asked, data, headers, repeatable=repeatable, call=True)
            except UnsupportedFormat:  # no pyarrow over there, and so nothing was run
                self._unreadable.add((name, content[0]))
        headers["Content-Type"] = JSON
        body = encode({"pipeline_input": pipeline_input, **given})
        return self._request("POST", path, body, headers, repeatable=repeatable, call=True)

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
        return self._request("POST", path, body, {"Content-Type": JSON}, repeatable=repeatable)

    def _request(
        self,
        method: str,
        path: str,
        body: Body | None = None,
        headers: Mapping[str, str] | None = None,
        *,
        repeatable: bool = True,
        call: bool = False,
    ) -> Any:
        known = self._connection
        try:
            return self._send(method, path, body, headers, repeatable, call)
        except (ServerNotFound, NotAuthenticated) as error:
            if known is None or not self._moved(known):
                raise error
        return self._send(method, path, body, headers, repeatable, call)

    def _send(
        self,
        method: str,
        path: str,
        body: Body | None,
        headers: Mapping[str, str] | None,
        repeatable: bool,
        call: bool,
    ) -> Any:
        connection = self._connection or self._connect()
        answer = connection.request(method, path, body, headers, repeatable=repeatable, call=call)
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
