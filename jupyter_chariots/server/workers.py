"""Routes of workers on other machines.

They hand out definitions, with the values of environment variables in them, and take in states that
are opened later. So whoever uses them must be allowed to run jobs, and to run code at all.
"""

from __future__ import annotations

import asyncio
import contextlib
import mmap
import re
from typing import Any
from urllib.parse import unquote

from tornado import web

from ..errors import BadRequest, Conflict
from ..op_store.records import Lease
from ..workers.remote.protocol import LEASE_S, PROTOCOL, Wanted
from .base import JOBS, KERNELS, Answering, ChariotsHandler, authorized
from .elsewhere import RemoteWork

__all__ = [
    "BytesHandler",
    "ClaimHandler",
    "EndHandler",
    "FinishHandler",
    "PiecesHandler",
    "RenewHandler",
    "StartHandler",
]

_LONGEST_WAIT_S = 60.0
_LEASES_S = (1.0, 3600.0)
_CHUNK = 1 << 20
_LONGEST_NAME = 200
_PROGRESS: dict[str, tuple[type, ...]] = {
    "done": (int,),
    "total": (int,),
    "node": (str,),
    "i": (int, float),
    "n": (int, float),
    "message": (str,),
    "fraction": (int, float),
}
_TOKEN = re.compile(r"[0-9a-zA-Z_-]{32,128}")


class Worked(Answering):
    """What the routes of workers share."""

    for_workers = True  # their credential opens these routes only
    _track_activity = False  # to ask for jobs is nothing that an idle server must wait for

    @property
    def work(self) -> RemoteWork:
        """The server's side of workers elsewhere."""
        worker = self.request.headers.get("Chariots-Worker")
        if worker:
            self.manager.jobs.host.heard(unquote(worker)[:_LONGEST_NAME])
        return self.manager.elsewhere

    def lease(self, job_id: str) -> Lease:
        """The lease that the request bears; its token is no part of the path, which is logged.

        Raises:
            BadRequest: it bears none.
        """
        token = self.request.headers.get("Chariots-Lease", "")
        if not _TOKEN.fullmatch(token):
            raise BadRequest("The header 'Chariots-Lease' is missing.", field="Chariots-Lease")
        return Lease(job_id, token)


class ClaimHandler(ChariotsHandler, Worked):
    """The first job of the queue that a worker can run."""

    _asking: asyncio.Task[dict[str, Any]] | None = None
    _gone = False

    @web.authenticated
    @authorized("execute", resource=JOBS)
    @authorized("execute", resource=KERNELS)
    async def post(self) -> None:
        """Take it; wait for one."""
        fields = self.fields(
            protocol=int,
            worker=str,
            python=str,
            pipelines=list,
            refused=list,
            lease_s=float,
            token=str,
            wait=float,
        )
        if fields.get("protocol") != PROTOCOL:
            raise Conflict(
                "The worker has a release of jupyter_chariots that does not go with the server's.",
                hint="Install the same release on both machines.",
            )
        if not _TOKEN.fullmatch(fields.get("token", "")):
            raise BadRequest("The field 'token' must be 32 to 128 letters and digits.")
        wanted = Wanted(
            worker=fields.get("worker", "a worker elsewhere")[:_LONGEST_NAME],
            python=fields.get("python", ""),
            pipelines=tuple(map(str, fields["pipelines"])) if "pipelines" in fields else None,
            refused=_pairs(fields.get("refused", [])),
            lease_s=_bounded(fields.get("lease_s", LEASE_S), *_LEASES_S),
        )
        await self.manager.started()
        wait = _bounded(fields.get("wait", 0.0), 0.0, _LONGEST_WAIT_S)
        if self._gone:
            return
        token = fields["token"]
        self._asking = asyncio.ensure_future(self.work.claim(wanted, token, wait))
        with contextlib.suppress(asyncio.CancelledError):
            answer = await self._asking
            if self._gone and answer["job"]:
                await self.work.hand_back(Lease(answer["job"]["id"], token))
            self.answer(answer)

    def on_connection_close(self) -> None:
        """The worker is gone, be it before it was heard out, or when it is about to be answered:
        it would never know of a job that it is given.
        """
        super().on_connection_close()
        self._gone = True
        if self._asking is not None:
            self._asking.cancel()


class StartHandler(ChariotsHandler, Worked):
    """What the run of a claimed job starts from."""

    @web.authenticated
    @authorized("execute", resource=JOBS)
    @authorized("execute", resource=KERNELS)
    async def post(self, job_id: str) -> None:
        """Say it; where runs follow one another, as soon as it is this one's turn."""
        lease_s = self.fields(lease_s=float).get("lease_s", LEASE_S)
        given = await self.work.start(self.lease(job_id), _bounded(lease_s, *_LEASES_S))
        self.answer(given)


class BytesHandler(ChariotsHandler, Worked):
    """Bytes that the run of a claimed job needs."""

    @web.authenticated
    @authorized("execute", resource=JOBS)
    @authorized("execute", resource=KERNELS)
    async def post(self, job_id: str) -> None:
        """Send the input, the definition or a state."""
        fields = self.fields(what=str, op=str, version=str)
        data = await self.work.read(self.lease(job_id), **fields)
        self.set_header("Content-Type", "application/octet-stream")
        self.set_header("Content-Length", str(len(data)))
        for start in range(0, len(data), _CHUNK):
            # a state may be a file that is mapped: reading it is for another thread
            self.write(await self.manager.store.run(_part, data, start))
            await self.flush()
        self.finish(set_content_type="application/octet-stream")


class RenewHandler(ChariotsHandler, Worked):
    """The lease of a claimed job."""

    @web.authenticated
    @authorized("execute", resource=JOBS)
    @authorized("execute", resource=KERNELS)
    async def post(self, job_id: str) -> None:
        """Keep it; note how far the job is and what it has printed."""
        fields = self.fields(pipeline=str, progress=dict, output=str, turn_of=str, lease_s=float)
        _check_progress(fields)
        self.answer(await self.work.renew(self.lease(job_id), **fields))


class PiecesHandler(ChariotsHandler, Worked):
    """Large states and results, before the report that they belong to."""

    @web.authenticated
    @authorized("execute", resource=JOBS)
    @authorized("execute", resource=KERNELS)
    async def post(self, job_id: str) -> None:
        """Take a piece."""
        digest = self.required("digest")
        size, offset = self.number("size"), self.number("offset")
        if not size or offset is None:
            raise BadRequest("The parameters 'size' and 'offset' are missing.", field="size")
        lease = self.lease(job_id)
        have = await self.work.put(lease, digest, size, offset, self.request.body)
        self.answer({"have": have})


class FinishHandler(ChariotsHandler, Worked):
    """The result of a claimed job."""

    @web.authenticated
    @authorized("execute", resource=JOBS)
    @authorized("execute", resource=KERNELS)
    async def post(self, job_id: str) -> None:
        """Commit what the run left and end the job, or say which bytes are missing for that."""
        missing = await self.work.finish(self.lease(job_id), self.request.body)
        self.answer({"missing": missing})


class EndHandler(ChariotsHandler, Worked):
    """Any other end of an attempt."""

    @web.authenticated
    @authorized("execute", resource=JOBS)
    @authorized("execute", resource=KERNELS)
    async def post(self, job_id: str) -> None:
        """It ``failed``, its process was ``lost``, or it goes ``back`` into the queue."""
        fields = self.fields(how=str, error=dict, why=str, output=str, progress=dict)
        _check_progress(fields)
        _check_error(fields)
        await self.work.end(self.lease(job_id), fields.pop("how", ""), fields)
        self.answer({})


def _check_error(fields: dict[str, Any]) -> None:
    """See to it that an error is one."""
    error = {"hint": "", "traceback": "", **fields.get("error", {"code": "", "message": ""})}
    names = ("code", "message", "hint", "traceback")
    if not all(isinstance(error.get(name), str) for name in names):
        raise BadRequest("The field 'error' must have a code and a message.", field="error")


def _check_progress(fields: dict[str, Any]) -> None:
    """See to it that panels can show how far a worker says that it is."""
    progress = fields.get("progress", dict.fromkeys(_PROGRESS))
    right = progress.keys() == _PROGRESS.keys() and all(
        value is None or (isinstance(value, _PROGRESS[name]) and not isinstance(value, bool))
        for name, value in progress.items()
    )
    if not right or not 0 <= (progress["fraction"] or 0) <= 1:
        raise BadRequest("The field 'progress' does not say how far a run is.", field="progress")


def _part(data: bytes | mmap.mmap, start: int) -> bytes:
    return bytes(data[start : start + _CHUNK])


def _bounded(value: float, least: float, most: float) -> float:
    return min(max(value, least), most)


def _pairs(given: list[Any]) -> tuple[tuple[str, str], ...]:
    if not all(isinstance(one, list) and len(one) == 2 for one in given):
        raise BadRequest("The field 'refused' must be a list of pairs.", field="refused")
    return tuple((str(name), str(digest)) for name, digest in given)
