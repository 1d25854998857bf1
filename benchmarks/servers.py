"""A server that is measured: started, asked and ended, with what its processes use."""

from __future__ import annotations

import contextlib
import http.client
import os
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import psutil

from .peers import Missing, clean_environment

__all__ = ["Server", "Target"]

_START_S, _STOP_S = 120.0, 15.0
_POLL_S = 0.01


@dataclass
class Target:
    """Where a prediction is asked for, and how.

    Attributes:
        port: of this machine.
        path: of the route.
        body: of the request.
        headers: that it needs, beside the content type.
    """

    port: int
    path: str
    body: str
    headers: dict[str, str] = field(default_factory=dict)

    def ask(self, method: str, path: str, body: str | None = None) -> tuple[int, bytes]:
        """One request on a connection of its own; status and body of the answer."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        try:
            headers = {"Content-Type": "application/json", **self.headers}
            connection.request(method, path, body, headers)
            answer = connection.getresponse()
            return answer.status, answer.read()
        finally:
            connection.close()

    def answers(self) -> bool:
        """Whether it predicts the first class of iris, in the words of whatever server."""
        try:
            status, body = self.ask("POST", self.path, self.body)
        except (OSError, http.client.HTTPException):
            return False
        return status == 200 and b"[0]" in body.replace(b" ", b"")


class Server:
    """A server with all its processes.

    Args:
        name: for people.
        command: that starts it.
        target: the prediction that it makes.
        folder: where it runs.
        home: its HOME and Jupyter's folders.
        environment: further environment variables.
    """

    def __init__(
        self,
        name: str,
        command: Sequence[str],
        target: Target,
        *,
        folder: Path,
        home: Path,
        environment: Mapping[str, str] | None = None,
    ) -> None:
        self.name, self.target = name, target
        self._command, self._folder, self._log = list(command), folder, home / "server.log"
        folders = {f"JUPYTER_{kind}_DIR": str(home / kind) for kind in ("CONFIG", "DATA")}
        runtime = {"HOME": str(home), "JUPYTER_RUNTIME_DIR": str(home / "RUNTIME")}
        self._environment = clean_environment({**folders, **runtime, **(environment or {})})
        for place in (folder, home):
            place.mkdir(parents=True, exist_ok=True)
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> float:
        """Start it; seconds until the first right answer.

        Raises:
            Missing: it does not start, or does not predict.
        """
        before = time.monotonic()
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(
                self._command, cwd=self._folder, env=self._environment, stdin=subprocess.DEVNULL,
                stdout=log, stderr=log, start_new_session=True,
            )  # fmt: skip
        try:
            self._up(before + _START_S)
        except BaseException:
            self.stop()
            raise
        return time.monotonic() - before

    def _up(self, until: float) -> None:
        self._wait(self.target, until)

    def _wait(self, target: Target, until: float) -> None:
        assert self._process
        while not target.answers():
            if self._process.poll() is not None or time.monotonic() > until:
                raise Missing(f"{self.name} does not predict:\n{self._log.read_text()}")
            time.sleep(_POLL_S)

    def processes(self) -> list[psutil.Process]:
        """Its own and all below it."""
        if self._process is None:
            return []
        with contextlib.suppress(psutil.Error):
            top = psutil.Process(self._process.pid)
            return [top, *top.children(recursive=True)]
        return []

    def processor_time(self) -> float:
        """Seconds that these have used so far."""
        used = 0.0
        for process in self.processes():
            with contextlib.suppress(psutil.Error):
                times = process.cpu_times()
                used += times.user + times.system
        return used

    def memory(self) -> int:
        """Bytes that these take: pages that several share are divided among them (PSS)."""
        taken = 0
        for process in self.processes():
            with contextlib.suppress(psutil.Error):
                taken += process.memory_full_info().pss
        return taken

    def stop(self) -> None:
        """End it, and what it leaves behind."""
        if self._process is None:
            return
        below = self.processes()[1:]
        self._process.terminate()
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(_STOP_S)
        for process in below:
            with contextlib.suppress(psutil.Error):
                process.kill()
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()
        self._process = None

    def __enter__(self) -> Server:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()
