"""Running jobs in processes of this machine, and reporting what came of them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Mapping
from enum import Enum
from logging import Logger
from typing import Any

from .. import faults
from ..errors import (
    Cancelled,
    ChariotsError,
    JobCancelled,
    JobNotFound,
    LeaseLost,
    StoreBusy,
    StoreError,
    Unavailable,
    WorkerLost,
)
from ..op_store import OpStore
from ..op_store.records import Claim, Job, Lease
from ..workers.frames import Frame
from ..workers.guard_process import GuardProcess
from ..workers.tasks import Tasks
from .together import Prepare, Together

__all__ = ["Attempt", "Attempts", "Why"]

_UNGUARDED_S = 1.0
"""Most jobs have ended before their leases need anybody's care."""

_AGAIN_S = 1.0


class Why(Enum):
    """Why an attempt is interrupted."""

    CANCELLED = "cancelled"
    LOST = "lost"
    STOPPING = "stopping"


class Attempt:
    """One attempt at a job.

    Attributes:
        job: as it was claimed.
        answered: what the process answered, or why it did not.
    """

    def __init__(self, claim: Claim) -> None:
        self.job, self.lease = claim.job, claim.lease
        self.answered: asyncio.Future[Frame] = asyncio.get_running_loop().create_future()
        self._why: Why | None = None
        self._work: asyncio.Task[Frame] | None = None

    @property
    def why(self) -> Why | None:
        """Why it was interrupted, if it was."""
        return self._why

    def interrupt(self, why: Why) -> None:
        """End it: by SIGINT, after 2 s by SIGKILL."""
        if self._why is None and not self.answered.done():
            self._why = why
            if self._work:
                self._work.cancel()

    async def run(self, work: Coroutine[Any, Any, Frame]) -> Frame | ChariotsError:
        """Run it to its end; gives the error instead of raising it."""
        if self._why:
            work.close()
            return _interrupted(self.job)
        self._work = asyncio.get_running_loop().create_task(work)
        await asyncio.wait([self._work])
        if self._work.cancelled():
            return _interrupted(self.job)
        error = self._work.exception()
        if error is None:
            return self._work.result()
        if isinstance(error, ChariotsError):
            return error
        return ChariotsError(
            f"The run of {self.job.pipeline!r} failed unexpectedly: {type(error).__name__}: {error}"
        )

    def answer(self, outcome: Frame | ChariotsError) -> None:
        """Tell who waits for it."""
        if isinstance(outcome, ChariotsError):
            self.answered.set_exception(outcome)
            self.answered.exception()  # seen, whether anybody waits or not
        else:
            self.answered.set_result(outcome)


def _interrupted(job: Job) -> Cancelled:
    return Cancelled(
        f"The run of {job.pipeline!r} was cancelled; nothing was saved.", pipeline=job.pipeline
    )


class Attempts:
    """The attempts of this server. All methods belong to the event loop.

    Args:
        write: writes to the store.
        guard: keeps the leases of what runs for longer than a moment.
        on_end: called with the id of a job when its attempt has ended and that is written.
        note: takes a job and a line for its log.
        log: of the extension.
    """

    def __init__(
        self,
        write: Together,
        guard: GuardProcess | None,
        on_end: Callable[[str], object],
        note: Callable[[str, str], object],
        log: Logger,
    ) -> None:
        self._write, self._guard, self._log = write, guard, log
        self._on_end, self._note = on_end, note
        self._running: dict[str, Attempt] = {}
        self._tasks, self._reports = Tasks(), Tasks()
        self._stopping = False

    @property
    def running(self) -> Mapping[str, Attempt]:
        """Those that run, by the id of their job."""
        return self._running

    def begin(self, claim: Claim, work: Coroutine[Any, Any, Frame]) -> Attempt:
        """Run a job that was claimed; it goes on whoever waits for it.

        Args:
            claim: the job and its lease.
            work: runs it; the frame is as :meth:`Trainers.run_job` gives it.
        """
        attempt = Attempt(claim)
        self.interrupt(claim.job.id, Why.LOST)  # an attempt before this one is late
        self._running[claim.job.id] = attempt
        self._tasks.start(self._carry_out(attempt, work))
        return attempt

    def interrupt(self, job_id: str, why: Why, token: str | None = None) -> None:
        """End the attempt at a job, if it is here; with ``token`` only the one of that lease."""
        attempt = self._running.get(job_id)
        if attempt and token in (None, attempt.lease.token):
            attempt.interrupt(why)

    async def stop(self, grace: float) -> None:
        """Let the attempts end, or, after ``grace`` seconds, hand their jobs back."""
        self._stopping = True
        answers = [attempt.answered for attempt in self._running.values()]
        if answers:
            await asyncio.wait(answers, timeout=grace)
        for attempt in [*self._running.values()]:
            attempt.interrupt(Why.STOPPING)
        for tasks in (self._tasks, self._reports):
            await tasks.ended()

    # -- one of them ------------------------------------------------------------------------

    async def _carry_out(self, attempt: Attempt, work: Coroutine[Any, Any, Frame]) -> None:
        faults.reached("attempt begun")
        loop, lease = asyncio.get_running_loop(), attempt.lease
        told: list[asyncio.Task[None]] = []
        timer = loop.call_later(
            _UNGUARDED_S, lambda: told.append(self._tasks.start(self._keep(lease)))
        )
        outcome = await attempt.run(work)
        faults.reached("attempt ended")
        if isinstance(outcome, WorkerLost) and attempt.why is None:
            how = outcome.details.get("how", "was lost")
            self._note(lease.job, f"Attempt {attempt.job.attempts}: its process {how}.")
        change, size = self._report_of(attempt, outcome)
        report = self._reports.start(self._report(attempt, change, size))
        if isinstance(outcome, ChariotsError) and change:
            # who gets an error may look at the job at once
            await asyncio.wait([report], timeout=_AGAIN_S)
        attempt.answer(_as_told(attempt, outcome))
        await asyncio.wait([report])  # until then the lease is kept
        timer.cancel()
        if told and self._guard:
            await asyncio.wait(told)
            await asyncio.to_thread(self._guard.release, lease.job, lease.token)

    async def _keep(self, lease: Lease) -> None:
        """Have the guard keep a lease; without it the lease runs out, and the job is lost."""
        if self._guard:
            try:
                await asyncio.to_thread(self._guard.renew, lease.job, lease.token)
            except ChariotsError as error:
                self._log.error("The lease of job %s cannot be kept: %s", lease.job, error)

    def _report_of(
        self, attempt: Attempt, outcome: Frame | ChariotsError
    ) -> tuple[Prepare[Any] | None, int]:
        """What is to be written at the end of an attempt, and how many bytes that has."""
        lease, once = attempt.lease, attempt.job.max_attempts == 1
        if not isinstance(outcome, ChariotsError):
            header, body = outcome
            if header.get("ended"):
                return None, 0
            result = bytes(body)
            return (lambda store: store.finishing(lease, result, header["about"])), len(result)
        interrupted = isinstance(outcome, Cancelled | Unavailable) or outcome.details.get(
            "interrupted"
        )
        if isinstance(outcome, LeaseLost | JobCancelled) or (
            interrupted and attempt.why is Why.LOST
        ):
            return None, 0
        if interrupted and attempt.why is Why.STOPPING:
            if once:
                return (lambda store: store.losing(lease, "its server was stopped")), 0
            return (lambda store: store.handing_back(lease)), 0
        if isinstance(outcome, WorkerLost) and attempt.why is None:
            why = f"its process {outcome.details.get('how', 'was lost')}"
            return (lambda store: store.losing(lease, why)), 0
        if isinstance(outcome, StoreBusy):
            return (lambda store: store.losing(lease, outcome.message)), 0
        if attempt.why is None and interrupted:
            # a server that stops, a turn that was lost
            return (lambda store: store.losing(lease, outcome.message)), 0
        return (lambda store: store.failing(lease, outcome)), 0

    async def _report(self, attempt: Attempt, change: Prepare[Any] | None, size: int) -> None:
        """Write how an attempt ended; as long as that cannot be written, its lease is kept. A
        server that ends tries once more: then the lease runs out, and the job is run again.
        """
        job, last = attempt.job, False
        try:
            while change and not last:
                last = self._stopping
                try:
                    await self._write(change, size)
                    return
                except StoreBusy as error:
                    self._log.warning("Job %s waits for the op store: %s", job.id, error.message)
                except StoreError as error:
                    self._log.error("The end of job %s cannot be written: %s", job.id, error)
                    failed = StoreError(error.message, hint=error.hint, job_id=job.id)
                    change, size = _failing(attempt, failed), 0
                    await asyncio.sleep(_AGAIN_S)
        except (LeaseLost, JobNotFound) as error:
            self._log.warning("%s", error)
        except Unavailable as error:  # the store is closed: the lease runs out
            self._log.warning("The end of job %s was not written: %s", job.id, error)
        except Exception:
            self._log.exception("The end of job %s cannot be written", job.id)
        finally:
            if self._running.get(job.id) is attempt:
                del self._running[job.id]
            self._on_end(job.id)


def _as_told(attempt: Attempt, outcome: Frame | ChariotsError) -> Frame | ChariotsError:
    """What is told to whoever waits for a run: no job, as far as they know."""
    job = attempt.job
    if isinstance(outcome, JobCancelled):
        return _interrupted(job)
    if isinstance(outcome, Cancelled) and attempt.why in (Why.STOPPING, Why.LOST):
        because = "the server stops" if attempt.why is Why.STOPPING else "its lease was lost"
        return Unavailable(
            f"The run of {job.pipeline!r} was ended because {because}; nothing was saved.",
            hint="Call it again.",
            pipeline=job.pipeline,
        )
    return outcome


def _failing(attempt: Attempt, error: ChariotsError) -> Prepare[Job]:
    def prepare(store: OpStore) -> Any:
        return store.failing(attempt.lease, error)

    return prepare
