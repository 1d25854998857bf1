"""The server's handle on one child process."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import signal
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from ..errors import WorkerLost
from .channel import Offer
from .descendants import GRACE
from .frames import Decoder, Frame, pack, parts
from .guard_process import GuardProcess
from .outstanding import Hear, Outstanding
from .session import Session

__all__ = ["Child", "Hear"]

_log = logging.getLogger(__name__)


class Child(asyncio.BufferedProtocol):
    """A child process and the requests that it is to answer, one after the other, in order.

    Made by :meth:`start`. All methods belong to the event loop's thread; the process itself is
    started and waited for in other threads.

    Args:
        label: what it is for, in messages and in its log: the name of a pipeline.
        log: the file that its output goes to.

    Attributes:
        on_exit: called when it has ended.
        on_answer: called when it has answered, or has ended.
        outstanding: the requests that it has not answered yet.
    """

    def __init__(self, label: str, log: Path) -> None:
        self.label, self.log = label, log
        self.on_exit: Callable[[Child], None] | None = None
        self.on_answer: Callable[[Child], None] | None = None
        self.outstanding = Outstanding(label, self._interrupt, self.kill)
        self._loop = asyncio.get_running_loop()
        self._decoder = Decoder()
        self._stopping = self._killed = False
        self._ended = False
        self._exited: asyncio.Future[int] = self._loop.create_future()
        self._gone: asyncio.Future[None] = self._loop.create_future()
        self._session: Session
        self._offer: Offer
        self._transport: asyncio.Transport | None = None

    # -- life ---------------------------------------------------------------------------------

    @classmethod
    async def start(
        cls,
        *,
        python: str,
        cwd: Path,
        log: Path,
        label: str,
        env: Mapping[str, str] | None = None,
        guard: GuardProcess | None = None,
    ) -> Child:
        """Start a child as the leader of a session of its own.

        Args:
            python: its interpreter.
            cwd: its folder, the first place that it imports from.
            log: the file that its output goes to.
            label: what it is for.
            env: its environment; that of this process if not given.
            guard: is told about it before it runs any user code.

        Raises:
            ConfigurationError: the interpreter, the folder or the log cannot be used.
            Unavailable: the guard was closed.
        """
        child = cls(label, log)
        offer = child._offer = Offer()
        waiting = [offer]  # for a thread to take it out, unless the start is cancelled before
        command = [python, "-m", "jupyter_chariots.workers.child"]

        def begin() -> Session:
            return Session(
                command,
                waiting.pop(),
                cwd=cwd,
                log=log,
                label=label,
                env=env,
                guard=guard,
                on_exit=child._later(child._on_exit),
                on_gone=child._later(lambda _: child._gone.set_result(None)),
            )

        beginning = asyncio.ensure_future(asyncio.to_thread(begin))
        try:
            child._session = await asyncio.shield(beginning)
            child._transport, _ = await child._loop.create_connection(
                lambda: child, sock=offer.socket
            )
        except BaseException:
            offer.hang_up()
            try:
                waiting.pop().decline()  # the thread never gets its turn
            except IndexError:
                await child._abandon(beginning)
            else:
                beginning.cancel()
            raise
        if child._ended:  # already
            child._hang_up()
        return child

    async def _abandon(self, beginning: asyncio.Future[Session]) -> None:
        """End the process that was begun, if it was; nothing is left of it then."""
        await asyncio.wait([beginning])
        if beginning.exception() is None:
            beginning.result().kill()
            await asyncio.wait([self._gone])

    def _later(self, call: Callable[[int], object]) -> Callable[[int], None]:
        """The call, made by the loop when another thread asks for it."""

        def later(code: int) -> None:
            with contextlib.suppress(RuntimeError):  # the loop is closed
                self._loop.call_soon_threadsafe(call, code)

        return later

    def _on_exit(self, code: int) -> None:
        self._exited.set_result(code)
        # what it wrote before it ended may still be on the way; the end of the stream follows
        # unless a process that it forked holds the socket
        self._loop.call_later(0.2, self._end)
        if self._disconnected:
            self._end()

    @property
    def pid(self) -> int:
        """Its process id, which is also the id of its group."""
        return self._session.pid

    @property
    def alive(self) -> bool:
        """Whether it takes requests."""
        return not (self._stopping or self._disconnected or self._exited.done())

    @property
    def _disconnected(self) -> bool:
        return self._transport is None or self._transport.is_closing()

    @property
    def busy(self) -> bool:
        """Whether it has requests to answer."""
        return bool(self.outstanding)

    @property
    def reason(self) -> str:
        """How it ended, for messages: ``was killed by SIGSEGV``."""
        if not self._exited.done():
            return "broke off the connection"
        code = self._exited.result()
        if self._stopping:
            return "was stopped"
        if code >= 0:
            return f"ended with exit code {code}"
        if code == -signal.SIGKILL and not self._killed:
            return "was killed by SIGKILL (which the system does for lack of memory)"
        with contextlib.suppress(ValueError):
            return f"was killed by {signal.Signals(-code).name}"
        return f"was killed by signal {-code}"

    def interrupt(self) -> None:
        """Raise ``KeyboardInterrupt`` in the user code that it runs now; it survives that."""
        first = self.outstanding.first
        if first is not None:
            self._interrupt(first)

    def _interrupt(self, request: int) -> None:
        """End one request: the frame says which, the signal has the child read it at once."""
        if self._transport and not self._exited.done():
            self._transport.write(pack({"id": 0, "do": "interrupt", "of": request}))
            self._session.interrupt()

    def kill(self) -> None:
        """End it at once by SIGKILL, and all that it has started after at most 2 s more."""
        self._killed = True
        self._session.kill()

    async def stop(self, *, drain: bool = False) -> None:
        """End it: by a message, which SIGINT helps to be read; after 2 s by SIGKILL.

        Returns when it has ended, and all that it had started.

        Args:
            drain: first let the requests that it has be answered.
        """
        if drain and self.alive:
            await self.outstanding.answered()
        if self.alive and self._transport:
            self._stopping = True
            self._transport.write(pack({"id": 0, "do": "stop"}))
            self.interrupt()
        await asyncio.wait([self._exited], timeout=GRACE)
        self.kill()
        await asyncio.wait([self._gone])
        self._end()

    async def dispose(self) -> None:
        """As :meth:`stop`, but a waiting that is cancelled lasts until then, too."""
        stopping = asyncio.ensure_future(self.stop())
        try:
            await asyncio.shield(stopping)
        except asyncio.CancelledError:
            await asyncio.wait([stopping])
            raise

    # -- requests -----------------------------------------------------------------------------

    async def request(
        self, header: Mapping[str, Any], body: bytes = b"", *, timeout: float | None = None
    ) -> Frame:
        """Send a request and wait for its answer.

        Args:
            header: ``do`` and the arguments.
            body: bytes for the child; not looked into here.
            timeout: seconds that it may run, not counting the requests before it.

        Raises:
            ChariotsError: the error that the child answered with.
            TimedOut: it ran for too long.
            WorkerLost: the child died, or is not there any more.
        """
        return await self.post(header, body, timeout=timeout)

    async def run(
        self,
        header: Mapping[str, Any],
        body: bytes = b"",
        *,
        timeout: float | None = None,
        hear: Hear | None = None,
    ) -> Frame:
        """As ``request``; but if the waiting is cancelled, so is the request.

        Then this ends when the request has: with its answer if the cancelling came too late.

        Args:
            header: ``do`` and the arguments.
            body: bytes for the child; not looked into here.
            timeout: seconds that it may run, not counting the requests before it.
            hear: called with what it prints.

        Raises:
            Cancelled: it was cancelled.
            ChariotsError: as ``request`` does.
        """
        answer = self.post(header, body, timeout=timeout, hear=hear)
        try:
            return await answer
        except asyncio.CancelledError:
            return await self.outstanding.cancel(answer)

    def post(
        self,
        header: Mapping[str, Any],
        body: bytes = b"",
        *,
        timeout: float | None = None,
        hear: Hear | None = None,
    ) -> asyncio.Future[Frame]:
        """Send a request at once; the same as ``request``, but for the waiting."""
        if not self.alive or self._transport is None:
            refused: asyncio.Future[Frame] = self._loop.create_future()
            refused.set_exception(self.lost(begun=False))
            return refused
        number, answer = self.outstanding.add(timeout, hear)
        sent = {**header, "id": number}
        if hear:
            sent["heard"] = True
        for part in parts(sent, body):
            self._transport.write(part)
        return answer

    def lost(self, *, begun: bool = True) -> WorkerLost:
        """What those are told who wait for its answers when it has ended.

        Args:
            begun: whether it may have begun to run the request; the others may go elsewhere.
        """
        return WorkerLost(
            f"The process that ran {self.label!r} {self.reason}.",
            hint=f"It is started again at the next call. Its log: {self.log}.",
            pipeline=self.label,
            begun=begun,
        )

    # -- the socket -----------------------------------------------------------------------------

    def get_buffer(self, sizehint: int) -> memoryview:
        """Where the next bytes go."""
        return self._decoder.room()

    def buffer_updated(self, nbytes: int) -> None:
        """Give answers to those who wait for them."""
        try:
            for frame in self._decoder.filled(nbytes):
                self.outstanding.take(frame)
        except Exception as error:  # whatever user code that has got hold of the socket may say
            _log.error("The process of %r does not keep to the protocol: %s", self.label, error)
            self.kill()
            if self._transport:
                self._transport.abort()
        if self.on_answer:
            self.on_answer(self)

    def connection_lost(self, exc: Exception | None) -> None:
        """It ended, or nothing can be said to it any more."""
        if self._exited.done():
            self._end()
        else:
            # usually it is just about to end; how it did is worth waiting for
            self._loop.call_later(GRACE, self.kill)

    def _hang_up(self) -> None:
        if self._transport:
            self._transport.abort()
            self._offer.hang_up()

    def _end(self) -> None:
        if self._ended:
            return
        self._ended = True
        self._hang_up()
        self.outstanding.lose(lambda begun: self.lost(begun=begun))
        if self.on_answer:
            self.on_answer(self)
        if self.on_exit:
            self.on_exit(self)
