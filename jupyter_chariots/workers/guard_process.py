"""The server's handle on its guard."""

from __future__ import annotations

import contextlib
import json
import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

from ..errors import ConfigurationError, Unavailable

__all__ = ["GuardProcess"]

_PACKAGE_PARENT = Path(__file__).resolve().parents[2]
_LONGEST_END_S = 10.0  # the guard gives up on processes that even SIGKILL does not end


class GuardProcess:
    """Starts a guard with the first child, and another one whenever it dies.

    All methods may block for a moment, and may be called by any thread but that of the event
    loop. What was told is in the socket, so it counts even if the server dies right after it,
    before the guard has read it.

    Attributes:
        store_path: the database of the op store, where leases are renewed.
        on_word: called, in a thread, with ``cancel`` or ``lost``, a job and the token of its lease.
    """

    def __init__(self) -> None:
        self.store_path = ""
        self.on_word: Callable[[str, str, str], object] = lambda word, job, token: None
        self._lock = threading.Lock()
        self._family: dict[int, str] = {}
        self._leases: dict[str, str] = {}
        self._socket: socket.socket | None = None
        self._process: subprocess.Popen[bytes] | None = None
        self._closing = threading.Event()

    @property
    def pid(self) -> int | None:
        """The process id of the guard, if it has been started."""
        return self._process.pid if self._process else None

    def watch(self, pid: int, marker: str) -> None:
        """End this child when the server is gone, and all that it starts.

        Args:
            pid: of the child, the leader of a session.
            marker: what its environment variable ``CHARIOTS_CHILD`` says.

        Raises:
            Unavailable: the guard was closed.
            ConfigurationError: it cannot be started.
        """
        with self._lock:
            if self._closing.is_set():
                raise Unavailable("The server is stopping.")
            self._family[pid] = marker
            if self._process is None:
                try:
                    self._start()
                except ConfigurationError:
                    del self._family[pid]
                    raise
            else:
                self._tell(f"watch {pid} {marker}\n")

    def forget(self, pid: int) -> None:
        """It has ended, and all that it had started; its process id may be given to others."""
        with self._lock:
            if self._family.pop(pid, None) is not None:
                self._tell(f"forget {pid}\n")

    def renew(self, job: str, token: str) -> None:
        """Keep the lease of a job from now on, whatever keeps this process from doing anything.

        Raises:
            Unavailable: the guard was closed.
            ConfigurationError: it cannot be started.
        """
        with self._lock:
            if self._closing.is_set():
                raise Unavailable("The server is stopping.")
            self._leases[job] = token
            if self._process is None:
                self._start()
            else:
                self._tell(f"renew {job} {token}\n")

    def release(self, job: str, token: str) -> None:
        """This lease need not be kept any more; a later one of the job is."""
        with self._lock:
            if self._leases.get(job) == token:
                del self._leases[job]
                self._tell(f"release {job} {token}\n")

    def close(self) -> None:
        """End what is left of the children, and the guard; return when it has ended."""
        with self._lock:
            self._closing.set()
            process = self._process
            self._hang_up()
        if process:
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(_LONGEST_END_S)

    def _start(self) -> None:
        ours, theirs = socket.socketpair()
        # without `site` it starts in half the time; the folder is one where nothing is imported
        # from by mistake
        command = [sys.executable, "-S", "-m", f"{__package__}.guard", str(theirs.fileno())]
        try:
            with theirs:
                process = subprocess.Popen(
                    command,
                    cwd=os.sep,
                    env={**os.environ, "PYTHONPATH": str(_PACKAGE_PARENT)},
                    stdin=subprocess.DEVNULL,
                    stdout=subprocess.DEVNULL,
                    pass_fds=[theirs.fileno()],
                    start_new_session=True,
                )
        except OSError as error:
            ours.close()
            raise ConfigurationError(
                f"The process that guards the pipelines cannot be started: {error}.",
                hint=f"Interpreter: {sys.executable}.",
            ) from error
        self._socket, self._process = ours, process
        path = json.dumps(self.store_path).replace(" ", "\\u0020")  # one word
        lines = [f"store {path}\n"]
        lines += [f"watch {pid} {marker}\n" for pid, marker in self._family.items()]
        lines += [f"renew {job} {token}\n" for job, token in self._leases.items()]
        self._tell("".join(lines))
        for work, argument in ((self._replace, process), (self._listen, ours)):
            threading.Thread(target=work, args=[argument], name="guard", daemon=True).start()

    def _listen(self, ours: socket.socket) -> None:
        """In a thread: what the guard says, until it or its socket is gone."""
        rest = b""
        with contextlib.suppress(OSError):
            while data := ours.recv(1 << 16):
                *lines, rest = (rest + data).split(b"\n")
                for line in lines:
                    word, job, token = line.decode().split()
                    self.on_word(word, job, token)

    def _replace(self, process: subprocess.Popen[bytes]) -> None:
        """In a thread: when the guard has died, start another one that knows the same."""
        started = time.monotonic()
        process.wait()
        # one that cannot live at all is not tried again and again
        delay = 0.0 if time.monotonic() > started + 1.0 else 1.0
        while not self._closing.wait(delay):
            with self._lock:
                if self._closing.is_set():
                    return
                self._hang_up()
                with contextlib.suppress(ConfigurationError):
                    self._start()
                    return
            delay = 1.0

    def _tell(self, text: str) -> None:
        with contextlib.suppress(OSError):  # it is dead; the next one is told everything
            assert self._socket
            self._socket.sendall(text.encode())

    def _hang_up(self) -> None:
        if self._socket:
            with contextlib.suppress(OSError):  # the thread that listens would hold it open
                self._socket.shutdown(socket.SHUT_RDWR)
            self._socket.close()
