"""Jobs: runs that go on by themselves, whoever waits for them."""

from __future__ import annotations

import contextlib
import functools
import re
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from ..errors import ChariotsError, TimedOut
from ..formats import JSON
from ..pipelines.pipeline import Pipeline
from ..versioning.status import JobStatus
from .addresses import segment
from .answers import error_from
from .cancelling import WaitInterrupted
from .job_tables import jobs_table, state_of
from .log import Log
from .patience import through_restarts
from .requests import Requests, path_of
from .response import PipelineResponse
from .screen import Screen
from .tables import Records
from .values import accepted, encode

__all__ = ["Jobs", "job_id_of", "succeeded"]

_LONGEST_S = 20  # of one request that waits: less than proxies allow
_CANCEL_S = 10.0
_MOST_LINES, _MOST_SHOWN = 10_000, 100_000  # the server gives no more of a log at once
_JOB_ID = re.compile(r"[0-9a-f]{32}")


class Jobs(Requests):
    """The part of the client that is about jobs.

    Wherever a job is asked for, its id will do, the answer of its submission, and a row of
    :meth:`jobs`.
    """

    def fetch_job(self, job: Any) -> PipelineResponse:
        """The state of a job, and its output when it is done.

        Raises:
            JobNotFound: there is no such job.
            JobCancelled: it was cancelled.
            ChariotsError: it has failed: the error that it failed with, of the same class; the
                cause shows the traceback of the op.
        """
        answer = self._fetched(job_id_of(job), restarts=False)
        self._warn(answer)
        return PipelineResponse.from_json(answer)

    def wait(self, job: Any, timeout: float | None = None) -> PipelineResponse:
        """Wait for the end of a job and show how far it is; gives its output.

        Ctrl-C ends the waiting, not the job. The server may be restarted meanwhile.

        Args:
            job: the job.
            timeout: seconds to wait at most.

        Raises:
            TimedOut: it is not done by then; it goes on.
            WaitInterrupted: Ctrl-C; it is a ``KeyboardInterrupt``.
            ChariotsError: as :meth:`fetch_job` does.
        """
        answer = self._awaited(job_id_of(job), timeout)
        self._warn(answer)
        return PipelineResponse.from_json(answer)

    def jobs(
        self,
        status: JobStatus | str | None = None,
        pipeline: Pipeline | str | None = None,
        limit: int | None = 100,
    ) -> Records:
        """The jobs, the latest submission first.

        The list shows itself as a table; each of its dicts has more.

        Args:
            status: only those that stand there: ``"running"`` …
            pipeline: only those of this pipeline.
            limit: how many at most; ``None`` means all.
        """
        name = pipeline.name if isinstance(pipeline, Pipeline) else pipeline
        wanted = JobStatus(status).value if status else None
        return jobs_table(self._pages("/jobs", limit, status=wanted, pipeline=name))

    def cancel(self, job: Any) -> JobStatus:
        """Cancel a job, queued or running; its processes are ended, and nothing is saved.

        Returns:
            where the job stands then: that of one that had ended stays as it is.

        Raises:
            JobNotFound: there is no such job.
        """
        return JobStatus(self._cancelled(job_id_of(job))["status"])

    def logs(
        self,
        job_or_pipeline: Any,
        lines: int = 200,
        after: str | None = None,
        *,
        follow: bool = False,
    ) -> Log | None:
        """What a job has printed, or the processes of a pipeline, those that have died too.

        Args:
            job_or_pipeline: a job, or a pipeline or its name.
            lines: how many of the last lines.
            after: ``offset`` of an earlier log: what was written since then.
            follow: print it as it comes, until the job has ended or Ctrl-C is pressed; nothing is
                given back then.

        Raises:
            PipelineNotFound: no pipeline of this name is served.
            JobNotFound: there is no such job.
            WaitInterrupted: Ctrl-C, with ``follow``.
        """
        path = self._log_of(job_or_pipeline)
        if not follow:
            page = self._get(path, lines=lines, after=after)
            return Log(page["text"], page["offset"])
        try:
            self._follow(path, lines, after, lambda text: print(text, end="", flush=True))
        except KeyboardInterrupt:
            raise WaitInterrupted(
                "The log is not followed any more; what writes it goes on."
            ) from None
        return None

    # what calls need as well

    def _fetched(self, job_id: str, *, restarts: bool = True) -> Any:
        """The answer of a job as the server has it now; raises what it has failed with."""
        headers = {"Content-Type": JSON, "Accept": accepted()}
        body = encode({"job_id": job_id})
        ask = functools.partial(self._request, "POST", "/jobs/fetch/", body, headers)
        return succeeded(through_restarts(ask) if restarts else ask())

    def _awaited(
        self, job_id: str, timeout: float | None = None, screen: Screen | None = None
    ) -> Any:
        try:
            for view in self._news(job_id, timeout):
                screen = screen or Screen(view["pipeline"])
                screen.progress(*state_of(view))
            return self._fetched(job_id)
        except KeyboardInterrupt:
            raise WaitInterrupted(self._goes_on(job_id)) from None
        finally:
            if screen:
                screen.keep()

    @staticmethod
    def _goes_on(job_id: str) -> str:
        """What to say to those who wait no more."""
        return (
            f"Job {job_id} goes on. client.cancel({job_id!r}) ends it, "
            f"client.wait({job_id!r}) waits again."
        )

    def _news(self, job_id: str, timeout: float | None = None) -> Iterator[Mapping[str, Any]]:
        """What the server says of a job, whenever there is something new, until it has ended.

        Raises:
            TimedOut: it has not ended in time.
        """
        until = None if timeout is None else time.monotonic() + timeout
        longest = _LONGEST_S if self._timeout is None else min(_LONGEST_S, self._timeout / 2)
        path = f"/jobs/{segment(job_id)}"
        known = self._connection is not None
        look = functools.partial(self._get, path)
        view = through_restarts(look) if known else look()
        while True:
            yield view
            if JobStatus(view["status"]).ended:
                return
            left = longest if until is None else min(longest, until - time.monotonic())
            if left <= 0:
                raise TimedOut(
                    f"Job {job_id} of pipeline {view['pipeline']!r} is still {view['status']}"
                    f" after {timeout:g} s.",
                    hint="It goes on: wait again, or cancel it.",
                    job_id=job_id,
                )
            query = {"seen": view["seen"], "wait": max(1, round(left))}
            view = through_restarts(functools.partial(self._get, path, **query))

    def _cancelled(self, job_id: str) -> Any:
        """Cancel a job and wait, not for long, until it has ended."""
        view = self._request("DELETE", f"/jobs/{segment(job_id)}")
        if view["cancelling"]:
            with contextlib.suppress(TimedOut):
                for news in self._news(job_id, _CANCEL_S):
                    view = news
        return view

    def _log_of(self, job_or_pipeline: Any) -> str:
        if isinstance(job_or_pipeline, Pipeline) or (
            isinstance(job_or_pipeline, str) and not _JOB_ID.fullmatch(job_or_pipeline)
        ):
            return path_of(job_or_pipeline, "log")
        return f"/jobs/{segment(job_id_of(job_or_pipeline))}/log"

    def _follow(
        self,
        path: str,
        lines: int,
        after: str | None,
        show: Callable[[str], object],
        stopped: Callable[[], bool] = lambda: False,
    ) -> None:
        """Show a log as it comes."""
        page = self._get(path, lines=lines, after=after)
        while not stopped():
            if page["text"]:
                show(page["text"])
            elif page.get("ended"):
                return
            query = {"after": page["offset"], "wait": _LONGEST_S}
            page = through_restarts(functools.partial(self._get, path, **query))

    @contextlib.contextmanager
    def _log_on(self, screen: Screen, job_id: str) -> Iterator[None]:
        """Show what a job prints, but for what is on the screen already."""
        path, left, shown = self._log_of(job_id), threading.Event(), screen.written
        lines = _MOST_LINES if shown < _MOST_SHOWN else 0

        def show(text: str) -> None:
            nonlocal shown
            if text[shown:]:
                screen.write("stdout", text[shown:])
            shown = max(shown - len(text), 0)

        def work() -> None:
            with contextlib.suppress(ChariotsError):
                self._follow(path, lines, None, show, left.is_set)

        if not lines:
            shown = 0
        thread = threading.Thread(target=work, name="log", daemon=True)
        thread.start()
        try:
            yield
            thread.join(_CANCEL_S)  # the rest of it
        finally:
            left.set()


def succeeded(answer: Any) -> Any:
    """The answer of a job that has not failed.

    Raises:
        ChariotsError: what it has failed with, or that it was cancelled.
    """
    if answer.get("error"):
        raise error_from(answer["error"])
    return answer


def job_id_of(job: Any) -> str:
    """The id of a job that may be given as that, as an answer or as a row of a list.

    Raises:
        TypeError: this is none of these, or an answer of a call that was no job.
    """
    if isinstance(job, PipelineResponse):
        job = job.job_id
    elif isinstance(job, Mapping):
        job = job.get("id")
    if not isinstance(job, str):
        raise TypeError(
            "This is no job: give the id of one, the answer of its submission or a row of "
            "client.jobs()."
        )
    return job
