"""Routes of jobs."""

from __future__ import annotations

from tornado import web

from ..errors import BadRequest, JobNotFound
from .base import JOBS, ChariotsHandler, authorized

__all__ = ["FetchJobHandler", "JobsHandler"]


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
        raise JobNotFound(
            f"There is no job {job_id[:80]!r}.",
            hint="This release runs every call at once; jobs come with a later one.",
        )


class JobsHandler(ChariotsHandler):
    """The jobs of this store."""

    @web.authenticated
    @authorized("read", resource=JOBS)
    async def get(self) -> None:
        """All jobs, newest first."""
        self.page()
        await self.manager.started()
        self.answer({"items": [], "next": None})
