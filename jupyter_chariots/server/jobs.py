"""Routes of jobs."""

from __future__ import annotations

from tornado import web

from ..errors import BadRequest
from ..op_store import OpStore
from ..versioning.status import JobStatus
from .base import JOBS, ChariotsHandler, authorized
from .views import job_view

__all__ = ["FetchJobHandler", "JobHandler", "JobLogHandler", "JobsHandler"]


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
        await self.manager.store(OpStore.job, job_id)


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
            {"items": [job_view(job) for job in jobs], "next": jobs[-1].seq if full else None}
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
        """Where it stands."""
        await self.manager.started()
        job = await self.manager.store(OpStore.job, job_id)
        self.answer({**job_view(job, traceback=True), "seen": 0})

    @web.authenticated
    @authorized("write", resource=JOBS)
    async def delete(self, job_id: str) -> None:
        """Cancel it."""
        await self.manager.started()
        job = await self.manager.store(OpStore.cancel_job, job_id, self.who)
        self.answer(job_view(job))


class JobLogHandler(ChariotsHandler):
    """What a job has printed."""

    @web.authenticated
    @authorized("read", resource=JOBS)
    async def get(self, job_id: str) -> None:
        """The last lines, or what came after an offset."""
        await self.manager.started()
        job = await self.manager.store(OpStore.job, job_id)
        self.answer({"text": "", "offset": "0-0", "ended": job.status.ended})
