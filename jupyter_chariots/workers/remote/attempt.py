"""One job on a worker elsewhere: what it starts from is fetched, it runs, its result goes back."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Mapping
from logging import Logger
from typing import Any

from ...errors import (
    AccessDenied,
    Cancelled,
    ChariotsError,
    ConfigurationError,
    Conflict,
    JobCancelled,
    LeaseLost,
    NotTrusted,
    SerializationError,
    StoreError,
    TimedOut,
    Unavailable,
)
from ...formats import Received
from ...op_store.blobs import digest_of
from ...op_store.records import Definition, Lease
from ...versioning.runs import run_to_json
from ..trainers import Trainers
from .keeper import Keeper
from .patience import in_thread, insist, insist_here
from .protocol import INLINE, PIECE, Door, pack
from .scratch import Scratch

__all__ = ["Attempt", "CannotOpen"]

_GIVE_UP_S = 3600.0  # on a server that is not reached; by then somebody else has the job
_HAND_BACK_S = 5.0


class CannotOpen(Exception):
    """The definition cannot be opened here: its jobs are for other workers."""

    def __init__(self, pipeline: str, digest: str, error: ChariotsError) -> None:
        super().__init__(error.message)
        self.pipeline, self.digest, self.error = pipeline, digest, error


class _Lost(Exception):
    """The attempt came to no end, for reasons of this machine: another one may."""


class Attempt:
    """Runs a claimed job to one of its ends, and reports it.

    Cancelling :meth:`run` hands the job back.

    Args:
        door: the server.
        scratch: the store that it runs on.
        claimed: ``job`` of the server's answer to a claim.
        lease_s: length of the lease in seconds.
        log: where it is told what happens.
    """

    def __init__(
        self, door: Door, scratch: Scratch, claimed: Mapping[str, Any], lease_s: float, log: Logger
    ) -> None:
        self._door, self._scratch, self._job, self._log = door, scratch, claimed, log
        self._lease = Lease(claimed["id"], claimed["token"])
        self._lease_s = lease_s
        self._over = threading.Event()
        self._name = f"job {claimed['id']} of pipeline {claimed['pipeline']!r}"

    async def run(self) -> str:
        """Run it; gives how it ended, for the log.

        Raises:
            CannotOpen: it was handed back, for this worker cannot run it.
            AccessDenied: the server does not let this worker in any more.
        """
        running = asyncio.create_task(self._run_and_report())
        stop, claimed_for = running.cancel, self._job["pipeline"]
        self._keeper = Keeper(self._door, self._lease, self._lease_s, claimed_for, stop, self._log)
        running.add_done_callback(lambda _: self._over.set())
        async with self._keeper:
            try:
                return await asyncio.shield(running)
            except asyncio.CancelledError:
                if not running.done():  # this worker shall end
                    await self._stop(running)
                    raise
        if self._keeper.lost:
            return "was taken by another worker"
        await self._hand_back("it was cancelled")
        return "was cancelled"

    async def _stop(self, running: asyncio.Task[str]) -> None:
        for _ in range(2):  # a result that is there is still reported, but not insisted on
            running.cancel()
            await asyncio.wait([running], timeout=_HAND_BACK_S)
        if not running.done() or running.cancelled():
            await self._hand_back("the worker was stopped")

    async def _run_and_report(self) -> str:
        try:
            return await self._outcome()
        except (LeaseLost, JobCancelled) as error:
            return f"was given up: {error.message}"
        except CannotOpen as refusal:
            await self._hand_back(f"it cannot be opened there: {refusal}")
            raise

    async def _outcome(self) -> str:
        try:
            given = await self._insist(self._start, "starting a job")
            self._keeper.turn_of = given["turn_of"]
            definition, header, body = await self._run(given)
            await self._finish(definition, given, header, body)
        except Cancelled:
            raise asyncio.CancelledError from None
        except (LeaseLost, JobCancelled, AccessDenied, CannotOpen):
            raise
        except _Lost as lost:
            return await self._lost(str(lost))
        except ChariotsError as error:
            await self._end("failed", {"error": error.payload()})
            return f"failed: {error.message}"
        except Exception as error:
            self._log.exception("%s failed unexpectedly", self._name)
            return await self._lost(f"{type(error).__name__}: {error}")
        return "is done"

    async def _lost(self, why: str) -> str:
        await self._end("lost", {"why": why})
        return f"was lost: {why}"

    def _start(self) -> Mapping[str, Any]:
        """Ask until it is this run's turn; each question waits for a while."""
        while True:
            given = self._door.start(self._lease, self._lease_s)
            if given["beginning"] is not None:
                return given

    def _fetch(self, what: Mapping[str, str]) -> Received:
        """Bytes that the run needs, as soon as they can be had; blocks."""
        return insist_here(
            lambda: self._door.fetch(self._lease, what), self._log, "fetching", self._over.is_set
        )

    async def _run(
        self, given: Mapping[str, Any]
    ) -> tuple[Definition, Mapping[str, Any], Received]:
        body = await in_thread(lambda: self._fetch({"what": "input"}))
        try:
            definition = await in_thread(lambda: self._scratch.prepare(given, self._fetch))
            trainers = await self._scratch.trainers(definition, given["settings"])
            await self._open(trainers, definition)
            header, result = await trainers.run_job(
                definition,
                bytes(body),
                who=self._job["who"],
                form=given["form"],
                hear=self._keeper.hear,
            )
        except (StoreError, Unavailable, TimedOut) as error:
            # of this machine: the disk is full, the process died
            raise _Lost(error.message) from error
        return definition, header, result

    async def _open(self, trainers: Trainers, definition: Definition) -> None:
        try:
            await trainers.warm(definition)
        except (ConfigurationError, Conflict, SerializationError, NotTrusted) as error:
            raise CannotOpen(definition.name, definition.digest, error) from None

    # -- reports -------------------------------------------------------------------------------

    async def _finish(
        self,
        definition: Definition,
        given: Mapping[str, Any],
        header: Mapping[str, Any],
        body: Received,
    ) -> None:
        blobs: dict[str, bytes] = {}

        def keep(data: bytes) -> str:
            digest = digest_of(data)
            blobs[digest] = data
            return digest

        def report() -> tuple[dict[str, Any], list[str]]:
            run_id = header.get("run_id")
            run = self._scratch.left_by(definition, run_id) if run_id else None
            said = {
                "started": given["beginning"]["started"],
                "spec": definition.spec.to_json(),
                "about": dict(header["about"]),
                "result": keep(bytes(body)),
                "run": None if run is None else run_to_json(run, keep),
            }
            small = sorted(blobs, key=lambda digest: len(blobs[digest]))
            inline, room = [], INLINE
            for digest in small:
                room -= len(blobs[digest])
                if room >= 0:
                    inline.append(digest)
            return said, inline

        said, inline = await in_thread(report)
        packed = pack(said, [(digest, blobs[digest]) for digest in inline])

        def finish() -> list[str]:
            return self._door.finish(self._lease, packed)

        await self._tell_rest()
        while missing := await self._insist(finish, "reporting a result"):
            for digest in missing:
                await self._put(digest, blobs[digest])

    async def _tell_rest(self) -> None:
        """The last progress and output: a job that has ended takes no more."""
        if rest := self._keeper.rest():
            said = {**rest, **self._keeper.about}
            await self._insist(lambda: self._door.renew(self._lease, said), "renewing the lease")

    async def _put(self, digest: str, data: bytes) -> None:
        view, have = memoryview(data), 0
        while have < len(view):
            piece = view[have : have + PIECE]

            def put(at: int = have, piece: memoryview = piece) -> int:
                return self._door.put(self._lease, digest, len(view), at, piece)

            have = await self._insist(put, "sending a state")

    async def _end(self, how: str, said: Mapping[str, Any]) -> None:
        told = {**said, **self._keeper.rest()}
        await self._insist(lambda: self._door.end(self._lease, how, told), "reporting an end")

    async def _hand_back(self, why: str) -> None:
        """The lease runs out by itself if the server does not hear this."""
        said = {"why": why, **self._keeper.rest()}
        try:
            await insist(
                lambda: self._door.end(self._lease, "back", said),
                self._log,
                "handing a job back",
                _HAND_BACK_S,
            )
        except ChariotsError as error:
            self._log.info("%s was not handed back: %s", self._name, error.message)

    async def _insist(self, call: Any, what: str) -> Any:
        return await insist(call, self._log, what, _GIVE_UP_S)
