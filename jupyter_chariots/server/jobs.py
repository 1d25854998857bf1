"""Routes of jobs."""

from __future__ import annotations

import asyncio
import time

from tornado import web

from .. import formats
from ..errors import BadRequest
from ..op_store import OpStore
from ..versioning.status import JobStatus
from .base import JOBS, ChariotsHandler, authorized
from .pipelines import LINES, MOST_LINES

__all__ = ["FetchJobHandler", "JobHandler", "JobLogHandler", "JobsHandler"]


_LONGEST_WAIT_S = 60


class FetchJobHandler(ChariotsHandler):
    """What a job has come to."""

    @web.authenticated
    @authorized("read", resource=JOBS)
    async def post(self) -> None:
        """The answer of the job so far."""
        job_id = self.fields(job_id=str).get("job_id")
        if job_id is None:
            raise BadRequest("The field 'job_id' is missing.", field="job_id")
        await self.manager.started()
        header, content = await self.manager.jobs.fetch(job_id)
        for field, value in header.get("headers", {}).items():
            self.set_header(field, value)
        self.answer_as(header.get("content_type", formats.JSON), bytes(content))


class JobsHandler(ChariotsHandler):
    """The jobs of this store."""

    @web.authenticated
    @authorized("read", resource=JOBS)
    async def get(self) -> None:
        """All jobs, the latest submission first."""
        page = self.page()
        status = self._status()
        pipeline = self.get_query_argument("pipeline", None)
        await self.manager.started()
        jobs = await self.manager.store(OpStore.jobs, **page, status=status, pipeline=pipeline)
        full = len(jobs) == page["limit"] > 0
        self.answer(
            {
                "items": [self.manager.jobs.shown(job) for job in jobs],
                "next": jobs[-1].seq if full else None,
            }
        )

    def _status(self) -> JobStatus | None:
        text = self.get_query_argument("status", None)
        try:
            return JobStatus(text) if text else None
        except ValueError:
            known = ", ".join(status.value for status in JobStatus)
            raise BadRequest(
                f"The parameter 'status' must be one of {known}, not {str(text)[:80]!r}.",
                field="status",
            ) from None


class JobHandler(ChariotsHandler):
    """One job."""

    @web.authenticated
    @authorized("read", resource=JOBS)
    async def get(self, job_id: str) -> None:
        """Where it stands; with ``wait``, as soon as that is newer than ``seen``."""
        wait, seen = self.number("wait", most=_LONGEST_WAIT_S), self.number("seen")
        await self.manager.started()
        desk = self.manager.jobs
        if wait and seen is not None:
            await desk.news.after(job_id, seen, wait)
        self.answer(await desk.view(job_id))

    @web.authenticated
    @authorized("write", resource=JOBS)
    async def delete(self, job_id: str) -> None:
        """Cancel it."""
        await self.manager.started()
        desk = self.manager.jobs
        self.answer(desk.shown(await desk.cancel(job_id, self.who)))


class JobLogHandler(ChariotsHandler):
    """What a job has printed."""

    _track_activity = False  # who follows a log does nothing that an idle server must wait for

    @web.authenticated
    @authorized("read", resource=JOBS)
    async def get(self, job_id: str) -> None:
        """The last lines, or what came after an offset, with ``wait`` as soon as it comes."""
        lines = self.number("lines", most=MOST_LINES)
        after = self.get_query_argument("after", None)
        wait = self.number("wait", most=_LONGEST_WAIT_S) or 0
        await self.manager.started()
        desk, end = self.manager.jobs, time.monotonic() + (wait if after else 0)
        while True:
            with desk.news.listening(job_id) as news:
                # in this order: nothing is printed after the end, if nothing was under way before
                busy = desk.is_busy(job_id)
                job = await self.manager.store(OpStore.job, job_id)
                page = await desk.logs.read(job_id, LINES if lines is None else lines, after)
                ended = job.status.ended and not busy
                left = end - time.monotonic()
                if page.text or ended or left <= 0:
                    break
                await asyncio.wait([news], timeout=left)
        self.answer({"text": page.text, "offset": page.offset, "ended": ended})
