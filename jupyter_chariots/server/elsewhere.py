"""Jobs that run on other machines: what a worker there is given, and what it brings back."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Mapping
from logging import Logger
from typing import Any

from ..errors import BadRequest, PipelineNotFound, from_payload
from ..op_store import Beginning, OpStore
from ..op_store.blobs import digest_of
from ..op_store.records import Claim, Definition, Job, Lease, Served
from ..versioning.spec import PipelineSpec
from ..workers.launcher import Launcher
from ..workers.remote.protocol import LEASE_S, Wanted, unpack
from .job_desk import JobDesk
from .job_host import Runs
from .newsfeed import Newsfeed
from .pieces import Pieces
from .reports import Report
from .serving import ServedPipeline
from .threads import StoreThreads

__all__ = ["RemoteWork"]

_TURN_S = 10.0  # how long a question for the turn is kept waiting
_LOOK_S = 0.1


class RemoteWork:
    """The server's side of workers elsewhere. All methods belong to the event loop.

    The row of a job in the op store is the truth: nothing of a worker is kept here but the pieces
    of what it is just sending.

    Args:
        store: of this server.
        pipelines: by name.
        runs: finds what a job of one of them runs.
        launcher: how this server's own processes are started.
        feed: of this server.
        jobs: where it is told how far jobs are and what they print.
        log: of the extension.
    """

    def __init__(
        self,
        store: StoreThreads,
        pipelines: Mapping[str, ServedPipeline],
        runs: Runs,
        launcher: Launcher,
        feed: Newsfeed,
        jobs: JobDesk,
        log: Logger,
    ) -> None:
        self._store, self._pipelines, self._runs = store, pipelines, runs
        self._launcher = launcher
        self._feed, self._jobs, self._log = feed, jobs, log
        self._pieces = Pieces(launcher.store_path.parent)

    # -- claiming --------------------------------------------------------------------------------

    async def claim(self, wanted: Wanted, token: str, wait: float) -> dict[str, Any]:
        """Take the first job that a worker can run; wait for one.

        Args:
            wanted: what it can run.
            token: of the lease to come.
            wait: for so many seconds at most.

        Returns:
            ``job``, or ``None`` there; and ``other_python``.
        """
        loop = asyncio.get_running_loop()
        until = loop.time() + wait
        while True:
            seq = self._feed.seq  # before the look: what comes after it wakes
            able, other = self._able(wanted)
            claim = await self._claim(wanted, able, token)
            if claim is not None:
                self._feed.wake()
            left = until - loop.time()
            if claim is not None or left <= 0:
                job = None if claim is None else _claimed(claim)
                return {"job": job, "other_python": other}
            await self._feed.after(seq, None, left)

    async def _claim(self, wanted: Wanted, able: list[str], token: str) -> Claim | None:
        claiming = asyncio.ensure_future(
            self._store(OpStore.claim_job, wanted.worker, able, wanted.lease_s, token=token)
        )
        try:
            return await asyncio.shield(claiming)
        except asyncio.CancelledError:  # the worker has gone, and will not know of the job
            claim = await claiming
            if claim is not None:
                await self.hand_back(claim.lease)
            raise

    async def hand_back(self, lease: Lease) -> None:
        """Let others have a job at once whose worker has gone before it knew of it."""
        await self._store(OpStore.hand_back_job, lease)
        self._feed.wake()

    def _able(self, wanted: Wanted) -> tuple[list[str], dict[str, str]]:
        """The pipelines whose jobs a worker can run, and those of another Python."""
        able, other = [], {}
        for name, entry in self._pipelines.items():
            if wanted.pipelines is not None and name not in wanted.pipelines:
                continue
            python = _python_of(entry.definition)
            if python != wanted.python:
                other[name] = python
            elif (name, entry.definition.digest) not in wanted.refused:
                able.append(name)
        return able, other

    # -- running ---------------------------------------------------------------------------------

    async def start(self, lease: Lease, lease_s: float) -> dict[str, Any]:
        """What the run starts from; for runs that follow one another, as soon as it is its turn.

        Raises:
            LeaseLost: the job is not this worker's.
            VersionError: there is nothing valid to start from.
            PipelineNotFound: the pipeline is not served any more.
        """
        job = await self._store(OpStore.held_job, lease)
        found = await self._runs(job.pipeline)
        if found is None:
            raise PipelineNotFound(
                f"Pipeline {job.pipeline!r} is not served any more.",
                hint="Serve it again and submit the job again.",
                pipeline=job.pipeline,
            )
        definition, served = found
        spec = definition.spec
        begun: dict[str, Any] | None = None
        if not spec.carries or await self._turn(lease, job.pipeline, lease_s):
            beginning = await self._store(_hand_over, spec, served)
            begun = {"started": beginning.started, "versions": list(beginning.versions)}
        return {
            "definition": {"spec": spec.to_json(), "source": dict(definition.source)},
            "beginning": begun,
            "form": dict(job.form),
            "turn_of": job.pipeline if spec.carries else None,
            "settings": {
                "runner": self._launcher.runner,
                "callbacks": list(self._launcher.callbacks),
            },
        }

    async def _turn(self, lease: Lease, pipeline: str, lease_s: float) -> bool:
        until = time.monotonic() + _TURN_S
        while time.monotonic() < until:
            if await self._store(OpStore.take_turn, pipeline, _holder(lease), lease_s):
                return True
            await asyncio.sleep(_LOOK_S)
        return False

    async def read(self, lease: Lease, what: str = "", op: str = "", version: str = "") -> Any:
        """The bytes of the ``input`` of the job, of the ``definition``, or of a ``state``.

        Raises:
            LeaseLost: the job is not this worker's.
            BlobMissing, NotTrusted, VersionNotFound: there are none that may be handed out.
        """
        job = await self._store(OpStore.held_job, lease)
        if what == "input":
            return await self._store(OpStore.job_input, job.id)
        if what == "definition":
            return await self._store(OpStore.read_definition, job.pipeline)
        if what == "state":
            return await self._store(lambda store: store.read(op, version, mapped=True))
        raise BadRequest(f"There are no bytes {what[:80]!r}.", field="what")

    async def renew(
        self,
        lease: Lease,
        *,
        pipeline: str = "",
        progress: Mapping[str, Any] | None = None,
        output: str | None = None,
        turn_of: str | None = None,
        lease_s: float = LEASE_S,
    ) -> dict[str, Any]:
        """Keep the lease, and the turn of the pipeline ``turn_of``; whether they are ``held``, and
        whether to ``cancel``.
        """
        told = {} if progress is None else {lease.job: progress}
        held = await self._store(OpStore.renew_jobs, [lease], told)
        if lease not in held:
            return {"held": False}
        if progress is not None:
            self._jobs.news.progress(lease.job, pipeline, progress)
        self._print(lease, output)
        if turn_of and not await self._store(OpStore.renew_turn, turn_of, _holder(lease), lease_s):
            return {"held": False}
        return {"held": True, "cancel": held[lease]}

    # -- ends --------------------------------------------------------------------------------------

    async def put(self, lease: Lease, digest: str, size: int, offset: int, piece: bytes) -> int:
        """Take a piece of something large; how many bytes of it are here."""
        await self._store(OpStore.held_job, lease)
        return await self._store.run(self._pieces.put, lease.token, digest, size, offset, piece)

    async def finish(self, lease: Lease, body: bytes) -> list[str]:
        """Commit what the run left, and end the job with its result: both or neither. To report
        the same end again is no error.

        Returns:
            The digests of the bytes that are missing; then nothing was done.

        Raises:
            LeaseLost: the job was taken from this worker; nothing was recorded.
            JobCancelled: it was to be cancelled, and is.
            BadRequest: the report is malformed.
        """
        job = await self._store(OpStore.job, lease.job)
        missing = await self._store(self._finish, lease, job, body)
        if not missing:
            await self._forget(lease, job)
        return missing

    def _finish(self, store: OpStore, lease: Lease, job: Job, body: bytes) -> list[str]:
        if store.is_done_by(lease):
            return []
        said, parts = unpack(body)
        missing: list[str] = []
        with self._pieces.taken(lease.token) as pieces:

            def take(digest: Any) -> bytes:
                if digest in parts:
                    data = bytes(parts[digest])
                    if digest_of(data) != digest:
                        raise ValueError("bytes of another digest")
                    return data
                if digest in pieces:
                    return bytes(pieces[digest])
                missing.append(str(digest))
                return b""

            try:
                report = Report.read(said, take)
                report.check(job)
            except Exception as error:  # whatever else a stranger may have put together
                raise BadRequest(
                    f"The report of job {job.id} is malformed ({type(error).__name__}: {error}).",
                    hint="Install the same release of jupyter_chariots on both machines.",
                ) from None
        if not missing:
            report.commit(store, lease, job)
        return missing

    async def end(self, lease: Lease, how: str, said: Mapping[str, Any]) -> None:
        """End an attempt otherwise: ``failed``, ``lost`` or ``back`` into the queue.

        Raises:
            LeaseLost: the job was taken from this worker; nothing was recorded.
        """
        job = await self._store(OpStore.job, lease.job)
        if said.get("output"):
            await self._store(OpStore.held_job, lease)
            self._print(lease, said["output"])
        why = str(said.get("why") or "it did not say why")
        if how == "failed":
            error = from_payload(said.get("error") or {})
            await self._store(OpStore.fail_job, lease, error)
        elif how == "lost":
            await self._store(OpStore.lose_job, lease, why)
        elif how == "back":
            if await self._store(OpStore.hand_back_job, lease):
                self._log.warning("Job %s came back from worker %s: %s", job.id, job.worker, why)
        else:
            raise BadRequest(f"A job cannot end {how[:80]!r}.", field="how")
        await self._forget(lease, job)

    def _print(self, lease: Lease, output: str | None) -> None:
        if output:
            self._jobs.logs.hear(lease.job, json.dumps({"text": output}).encode())

    async def _forget(self, lease: Lease, job: Job) -> None:
        self._feed.wake()
        await self._store.run(self._pieces.forget, lease.token)
        await self._store(OpStore.release_turn, job.pipeline, _holder(lease))


def _claimed(claim: Claim) -> dict[str, Any]:
    job = claim.job
    return {
        "id": job.id,
        "token": claim.lease.token,
        "pipeline": job.pipeline,
        "who": job.who,
        "attempts": job.attempts,
    }


def _hand_over(store: OpStore, spec: PipelineSpec, served: Served | None) -> Beginning:
    """What a run starts from: one that changes nothing runs on what is served."""
    started = store.sequence()
    states = served.states if served and not spec.changes else store.start(spec).states
    return store.hand_over(states.values(), started)


def _python_of(definition: Definition) -> str:
    header = definition.source.get("header", {})
    return str(header.get("python") or definition.spec.python)


def _holder(lease: Lease) -> str:
    return f"job:{lease.job}:{lease.token}"
