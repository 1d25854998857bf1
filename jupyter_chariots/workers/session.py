"""A child as the operating system sees it: the leader of a session."""

from __future__ import annotations

import contextlib
import os
import secrets
import signal
import subprocess
import threading
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from ..errors import ChariotsError, ConfigurationError
from .channel import Offer
from .descendants import MARKER, end
from .guard_process import GuardProcess
from .logs import open_log

__all__ = ["Session"]


class Session:
    """A running child, and all that it starts. To be made in a thread, for that touches files.

    Args:
        command: what comes before the argument that says how the child is connected.
        offer: the connection that it is to take; returns when it has.
        cwd: its folder.
        log: the file that its output goes to.
        label: what it is for, for messages.
        env: its environment; that of this process if not given.
        guard: is told about it before it runs any user code.
        on_exit: called in a thread with its exit code (negative: the signal) when it has ended.
        on_gone: called in a thread, with the same, when all that it had started has ended, too.

    Raises:
        ConfigurationError: it cannot be started; nothing is left of it.
        Unavailable: the guard was closed.
    """

    def __init__(
        self,
        command: Sequence[str],
        offer: Offer,
        *,
        cwd: Path,
        log: Path,
        label: str,
        env: Mapping[str, str] | None,
        guard: GuardProcess | None,
        on_exit: Callable[[int], None],
        on_gone: Callable[[int], None],
    ) -> None:
        self._marker = secrets.token_hex(8)
        self._guard, self._on_exit, self._on_gone = guard, on_exit, on_gone
        self._ended = threading.Event()
        with offer:
            self._start(command, offer, cwd, log, label, env)
            threading.Thread(target=self._wait, name=f"child-{self.pid}", daemon=True).start()
            try:
                if guard:
                    guard.watch(self.pid, self._marker)
                offer.accept(lambda: not self._ended.is_set())
            except OSError as error:
                self.kill()
                raise ConfigurationError(
                    f"The process that was started for {label!r} does not answer: {error}.",
                    hint=f"Interpreter: {command[0]}; log: {log}.",
                ) from error
            except ChariotsError:
                self.kill()
                raise

    def _start(
        self,
        command: Sequence[str],
        offer: Offer,
        cwd: Path,
        log: Path,
        label: str,
        env: Mapping[str, str] | None,
    ) -> None:
        own = {**offer.env, MARKER: self._marker}
        try:
            with open_log(log) as output:
                self._process = subprocess.Popen(
                    [*command, offer.argument],
                    cwd=cwd,
                    env={**(os.environ if env is None else env), **own},
                    stdin=subprocess.DEVNULL,
                    stdout=output,
                    stderr=output,
                    pass_fds=offer.descriptors,
                    start_new_session=True,
                )
        except OSError as error:
            raise ConfigurationError(
                f"No process can be started for {label!r}: {error}.",
                hint=f"Interpreter: {command[0]}; folder: {cwd}; log: {log}.",
            ) from error

    @property
    def pid(self) -> int:
        """Its process id, which is also that of its session and of its group."""
        return self._process.pid

    def interrupt(self) -> None:
        """Send it SIGINT."""
        if not self._ended.is_set():
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.pid, signal.SIGINT)

    def kill(self) -> None:
        """End it at once by SIGKILL, and all that it has started after at most 2 s more."""
        if not self._ended.is_set():
            # in a thread, for it looks for them before the child is dead: while it lives, it tells
            # whose parent it is
            options = {"at_once": True}
            threading.Thread(target=end, args=[self._family], kwargs=options, daemon=True).start()

    @property
    def _family(self) -> dict[int, str]:
        return {self.pid: self._marker}

    def _wait(self) -> None:
        """In a thread: wait for the end of the process, then end what it has left behind."""
        status = None
        if hasattr(os, "waitid"):
            # not reaped yet, so the id of its session cannot be given to anybody else
            status = os.waitid(os.P_PID, self.pid, os.WEXITED | os.WNOWAIT)
        code = self._process.wait() if status is None else _exit_code(status)
        self._ended.set()
        self._on_exit(code)
        end(self._family)
        if self._guard:
            self._guard.forget(self.pid)
        self._process.wait()
        self._on_gone(code)


def _exit_code(status: os.waitid_result) -> int:
    """As :class:`subprocess.Popen` gives it: that of a signal is negative."""
    return status.si_status if status.si_code == os.CLD_EXITED else -status.si_status
