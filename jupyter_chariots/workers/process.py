"""The server's handle on one child process."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import socket
import subprocess
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..errors import ChariotsError, ConfigurationError, TimedOut, WorkerLost, from_payload
from .frames import Decoder, Frame, FrameError, pack
from .logs import open_log

__all__ = ["GRACE", "Child"]

GRACE = 2.0
"""Seconds between SIGINT and SIGKILL."""


@dataclass
class _Pending:
    """A request without an answer yet."""

    answer: asyncio.Future[Frame]
    timeout: float | None
    overdue: bool = False


class Child(asyncio.Protocol):
    """A child process and the requests that it is to answer, one after the other, in order.

    Made by :meth:`start`. All methods belong to the event loop's thread; the process itself is
    started and waited for in other threads.

    Args:
        label: what it is for, in messages and in its log: the name of a pipeline.
        log: the file that its output goes to.
    """

    def __init__(self, label: str, log: Path) -> None:
        self.label, self.log = label, log
        self.on_exit: Callable[[Child], None] | None = None
        self._loop = asyncio.get_running_loop()
        self._pending: dict[int, _Pending] = {}
        self._last_id = 0
        self._since = 0.0
        self._timer: asyncio.TimerHandle | None = None
        self._decoder = Decoder()
        self._stopping = False
        self._ended = False
        self._exited: asyncio.Future[int] = self._loop.create_future()
        self._process: subprocess.Popen[bytes]
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
    ) -> Child:
        """Start a child as the leader of a session of its own.

        Args:
            python: its interpreter.
            cwd: its folder, the first place that it imports from.
            log: the file that its output goes to.
            label: what it is for.
            env: its environment; that of this process if not given.

        Raises:
            ConfigurationError: the interpreter, the folder or the log cannot be used.
        """
        child = cls(label, log)
        ours, theirs = socket.socketpair()
        try:
            await asyncio.to_thread(child._spawn, python, cwd, env, theirs)
            child._transport, _ = await child._loop.create_connection(lambda: child, sock=ours)
        except BaseException:
            ours.close()  # which ends the process, if there is one
            raise
        return child

    def _spawn(
        self, python: str, cwd: Path, env: Mapping[str, str] | None, channel: socket.socket
    ) -> None:
        """In a thread, for it touches files: start the process, and wait for it in another one."""
        try:
            with channel, open_log(self.log) as log:
                self._process = subprocess.Popen(
                    [python, "-m", "jupyter_chariots.workers.child", str(channel.fileno())],
                    cwd=cwd,
                    env=env,
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=log,
                    pass_fds=[channel.fileno()],
                    start_new_session=True,
                )
        except OSError as error:
            raise ConfigurationError(
                f"No process can be started for {self.label!r}: {error}.",
                hint=f"Interpreter: {python}; folder: {cwd}; log: {self.log}.",
            ) from error
        threading.Thread(target=self._wait, name=f"child-{self.pid}", daemon=True).start()

    def _wait(self) -> None:
        """In a thread: wait for the end of the process, then end what it has left behind."""
        if hasattr(os, "waitid"):
            # not reaped yet, so the id of its group cannot belong to anybody else
            os.waitid(os.P_PID, self.pid, os.WEXITED | os.WNOWAIT)
            self._kill_group()
        code = self._process.wait()
        with contextlib.suppress(RuntimeError):  # the loop is closed
            self._loop.call_soon_threadsafe(self._on_exit, code)

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
        return self._process.pid

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
        return bool(self._pending)

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
        with contextlib.suppress(ValueError):
            return f"was killed by {signal.Signals(-code).name}"
        return f"was killed by signal {-code}"

    def interrupt(self) -> None:
        """Raise ``KeyboardInterrupt`` in the user code that it runs now; it survives that."""
        if not self._exited.done():
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.pid, signal.SIGINT)

    def kill(self) -> None:
        """End it and all processes of its group at once."""
        if not self._exited.done():
            self._kill_group()

    def _kill_group(self) -> None:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self.pid, signal.SIGKILL)

    async def stop(self, *, drain: bool = False) -> None:
        """End it: by a message, which SIGINT helps to be read; after 2 s by SIGKILL.

        Args:
            drain: first let the requests that it has be answered.
        """
        if drain and self._pending and self.alive:
            await asyncio.wait([pending.answer for pending in self._pending.values()])
        if self.alive and self._transport:
            self._stopping = True
            self._transport.write(pack({"id": 0, "do": "stop"}))
            if self._pending:
                self.interrupt()
        await asyncio.wait([self._exited], timeout=GRACE)
        self.kill()
        await asyncio.wait([self._exited])
        self._end()

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
        if not self.alive or self._transport is None:
            raise self._lost()
        self._last_id += 1
        pending = _Pending(self._loop.create_future(), timeout)
        if not self._pending:
            self._since = self._loop.time()
        self._pending[self._last_id] = pending
        self._transport.write(pack({**header, "id": self._last_id}, body))
        self._watch()
        answer = await pending.answer
        error = answer[0].get("error")
        if error is not None:
            if pending.overdue and error.get("interrupted"):
                raise self._too_long(pending)
            raise from_payload(error)
        return answer

    def _watch(self) -> None:
        """See to it that the first request, which is being run, takes no longer than it may."""
        due = self._due()
        if due is not None and (self._timer is None or self._timer.when() > due):
            if self._timer:
                self._timer.cancel()
            self._timer = self._loop.call_at(due, self._look)

    def _look(self) -> None:
        self._timer = None
        due = self._due()
        if due is None or self._loop.time() < due:
            self._watch()  # another request is the first one by now
            return
        pending = next(iter(self._pending.values()))
        if pending.overdue:
            self.kill()
        else:
            pending.overdue = True
            self.interrupt()
            self._watch()

    def _due(self) -> float | None:
        """When the first request is to be interrupted, or, if it has been, killed."""
        pending = next(iter(self._pending.values()), None)
        if pending is None or pending.timeout is None:
            return None
        return self._since + pending.timeout + (GRACE if pending.overdue else 0.0)

    def _too_long(self, pending: _Pending) -> TimedOut:
        return TimedOut(
            f"{self.label!r} took longer than {pending.timeout:g} s and was ended.",
            hint="Make it faster, or give it more time in the configuration of the server.",
            pipeline=self.label,
        )

    def _lost(self) -> WorkerLost:
        return WorkerLost(
            f"The process that ran {self.label!r} {self.reason}.",
            hint=f"It is started again at the next call. Its log: {self.log}.",
            pipeline=self.label,
        )

    # -- the socket -----------------------------------------------------------------------------

    def data_received(self, data: bytes) -> None:
        """Give answers to those who wait for them."""
        try:
            for frame in self._decoder.feed(data):
                pending = self._pending.pop(frame[0]["id"])
                self._since = self._loop.time()
                self._watch()
                if not pending.answer.done():
                    pending.answer.set_result(frame)
        except (FrameError, KeyError):
            self.kill()

    def connection_lost(self, exc: Exception | None) -> None:
        """It ended, or nothing can be said to it any more."""
        if self._exited.done():
            self._end()
        else:
            # usually it is just about to end; how it did is worth waiting for
            self._loop.call_later(GRACE, self.kill)

    def _end(self) -> None:
        if self._ended:
            return
        self._ended = True
        if self._timer:
            self._timer.cancel()
        if self._transport:
            self._transport.abort()
        for pending in self._pending.values():
            error: ChariotsError = self._too_long(pending) if pending.overdue else self._lost()
            if not pending.answer.done():
                pending.answer.set_exception(error)
        self._pending.clear()
        if self.on_exit:
            self.on_exit(self)
