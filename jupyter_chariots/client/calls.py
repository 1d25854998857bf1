"""Running pipelines, saving and loading what they learned."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import urlencode

from ..errors import UnsupportedFormat
from ..formats import JSON
from ..pipelines.pipeline import Pipeline
from ..versioning.version import Version
from .cancelling import interrupted
from .here import run_here
from .jobs import Jobs, job_id_of, succeeded
from .patience import patiently
from .requests import name_of, path_of
from .response import PipelineResponse
from .screen import Screen
from .values import accepted, as_data, encode, is_data

__all__ = ["Calls"]


class Calls(Jobs):
    """The part of the client that has pipelines run, saved and loaded.

    Attributes:
        longest_request: seconds after which a call that still runs is waited for by further
            requests; proxies cut those off that take too long.
    """

    longest_request: int = 30

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._unreadable: set[tuple[str, str]] = set()  # pipelines, and formats they cannot read

    def call_pipeline(
        self,
        pipeline: Pipeline | str,
        pipeline_input: Any = None,
        use_worker: bool | None = None,
        *,
        after: Any = (),
        priority: int | None = None,
        idempotency_key: str | None = None,
        save: bool | None = None,
    ) -> PipelineResponse:
        """Run a pipeline and wait for its output; or submit a job, which runs by itself.

        What its ops print, their warnings and how far it is appear here while it runs. Ctrl-C, or
        "Interrupt the kernel", cancels the run, a training as well, which then leaves nothing
        behind; if the caller merely goes away, a training goes on to its end.

        Args:
            pipeline: the pipeline or its name.
            pipeline_input: JSON values, or containers of those with arrays and frames inside,
                travel as JSON, and so does the output. A numpy array, a pandas or polars frame or
                series, or bytes arrive as what they are, and an output of these kinds comes back
                as what it was. Of pandas an index with a name is kept, one without is dropped.
                Frames need pyarrow here and there; without it they are sent as records in JSON.
            use_worker: whether the call may become a job: if it says so, and neither the pipeline
                nor the server forbids it, the answer is that of the submission; see :meth:`wait`.
            after: of a job: the jobs that have to be done before it begins.
            priority: of a job: the higher, the sooner; 0 if not given.
            idempotency_key: of a job: a second submission with this key is no other job.
            save: whether what the run learns is saved at once; of a job it is, if not given.

        Raises:
            InvalidInput: the input cannot be sent, or does not fit the pipeline.
            NodeFailed: an op raised; the cause shows its traceback.
            NotLoaded: the pipeline has no state to run with.
            PipelineNotFound: no pipeline of this name is served.
            JobNotFound: one of ``after`` does not exist.
            WorkerLost: the process that ran it died. Where the run changes nothing it was
                repeated once.
            Unavailable: its process died again and again, and is given a rest.
            CallInterrupted: Ctrl-C; it is a ``KeyboardInterrupt``.
        """
        several = [after] if isinstance(after, (str, Mapping, PipelineResponse)) else after
        controls = {
            "use_worker": use_worker,
            "after": [job_id_of(job) for job in several] or None,
            "priority": priority,
            "idempotency_key": idempotency_key,
            "save": save,
        }
        screen = Screen(name_of(pipeline))
        answer = self._answer(pipeline, pipeline_input, controls, screen)
        response = PipelineResponse.from_json(answer)
        if response.run_id:
            self._own_runs[name_of(pipeline)] = response.run_id
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
        view = self._get(path_of(pipeline))
        return run_here(pipeline, pipeline_input, view)

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
        name = name_of(pipeline)
        own = self._own_runs.get(name)
        self._warn(
            self._post(path_of(name, "save"), {"run_id": run_id or own, "force": force or None})
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
        name = name_of(pipeline)
        chosen = {op: str(version) for op, version in versions.items()} if versions else None
        answer = self._post(path_of(name, "load"), {"versions": chosen})
        self._own_runs.pop(name, None)  # the load stands: an older run is saved by its id only
        self._warn(answer)

    def _answer(
        self,
        pipeline: Pipeline | str,
        pipeline_input: Any,
        controls: Mapping[str, Any],
        screen: Screen,
    ) -> Any:
        """The answer to a call: when it has run, or when it is a job."""
        harmless = isinstance(pipeline, Pipeline) and not pipeline.spec.changes
        name = name_of(pipeline)
        answer = patiently(lambda: self._call(name, pipeline_input, controls, harmless, screen))
        if answer.get("goes_on"):
            return self._rest_of(answer, screen)
        return succeeded(answer)  # a job submitted before, under its key, may have failed

    def _rest_of(self, answer: Mapping[str, Any], screen: Screen) -> Any:
        """The answer of a run that takes longer than the server lets a request wait."""
        job_id: str = answer["job_id"]
        try:
            with self._log_on(screen, job_id):
                for view in self._news(job_id):
                    if view["status"] == "running":
                        screen.progress(view["progress"])
            return self._fetched(job_id)
        except KeyboardInterrupt:
            raise interrupted(lambda: self._cancel_call(job_id)) from None
        finally:
            screen.clear()

    def _cancel_call(self, job_id: str) -> str:
        return "cancelled" if self._cancelled(job_id)["status"] != "done" else "finished"

    def _call(
        self,
        name: str,
        pipeline_input: Any,
        controls: Mapping[str, Any],
        repeatable: bool,
        screen: Screen,
    ) -> Any:
        path = path_of(name, "main")
        given = {key: value for key, value in controls.items() if value is not None}
        headers = {"Prefer": f"wait={self.longest_request}"}
        if is_data(pipeline_input):
            headers["Accept"] = accepted()
        content = as_data(pipeline_input)
        if content is not None and (name, content[0]) not in self._unreadable:
            headers["Content-Type"], data = content
            asked = f"{path}?{_query(given)}" if given else path
            try:
                return self._request(
                    "POST", asked, data, headers, repeatable=repeatable, screen=screen
                )
            except UnsupportedFormat:  # no pyarrow over there, and so nothing was run
                self._unreadable.add((name, content[0]))
        headers["Content-Type"] = JSON
        body = encode({"pipeline_input": pipeline_input, **given})
        return self._request("POST", path, body, headers, repeatable=repeatable, screen=screen)


def _query(controls: Mapping[str, Any]) -> str:
    """The fields beside the input, as a query: texts as they are, the others as JSON."""
    return urlencode(
        [
            (name, one if isinstance(one, str) else json.dumps(one))
            for name, value in controls.items()
            for one in (value if isinstance(value, Sequence) and name == "after" else [value])
        ]
    )
