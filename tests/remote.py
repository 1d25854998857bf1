"""Workers elsewhere, for tests: real processes in folders of their own."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from .live import LiveServer, clean_environment, wait_for

ENDED = ("done", "failed", "cancelled")


class Worker:
    """``jupyter chariots worker`` in a folder of its own.

    Args:
        server: whose jobs it runs.
        folder: where it is; its HOME is below.
        arguments: further ones.
        url: of the server, if not the one that this machine knows.
        prefix: a command that runs it, such as ``ip netns exec``.
        python: its interpreter.
    """

    def __init__(
        self,
        server: LiveServer,
        folder: Path,
        *arguments: str,
        url: str | None = None,
        prefix: Sequence[str] = (),
        environment: Mapping[str, str] | None = None,
    ) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.folder, self.log = folder, folder / "worker.log"
        command = [
            *(*prefix, sys.executable, "-m", "jupyter_chariots.cli", "worker"),
            *("--url", url or server.url, "--name", folder.name, *arguments),
        ]
        secrets = {"CHARIOTS_URL": url or server.url, "CHARIOTS_TOKEN": server.token}
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                command,
                cwd=folder,
                env={**clean_environment(folder / "home", environment), **secrets},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    @property
    def said(self) -> str:
        """What it has logged."""
        return self.log.read_text(errors="replace")

    def wait_until_said(self, text: str, deadline: float = 30.0) -> None:
        """Wait until it has logged something."""
        wait_for(lambda: text in self.said, f"the worker to say {text!r}: {self.said}", deadline)

    def signal(self, number: int) -> None:
        """Send it a signal."""
        self.process.send_signal(number)

    def end(self, deadline: float = 30.0) -> int:
        """SIGTERM, and wait; its exit code."""
        if self.process.poll() is None:
            self.process.terminate()
        return self.process.wait(deadline)

    def kill(self) -> None:
        """SIGKILL."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGKILL)
        self.process.wait()

    def __enter__(self) -> Worker:
        return self

    def __exit__(self, *_: object) -> None:
        self.kill()


def submit(server: LiveServer, pipeline: str, given: Any = None, **more: Any) -> str:
    """Submit a job; its id."""
    body = {"pipeline_input": given, "use_worker": True, **more}
    answer = server.post(f"pipelines/{pipeline}/main", body)
    assert answer.status == 200, answer
    assert answer.body["job_status"] in ("queued", "deferred"), answer
    return str(answer.body["job_id"])


def job(server: LiveServer, job_id: str) -> Any:
    """Where a job stands."""
    return server.get(f"jobs/{job_id}").body


def ended(server: LiveServer, job_id: str, deadline: float = 60.0) -> Any:
    """Wait for the end of a job; where it stands then."""

    def look() -> Any:
        found = job(server, job_id)
        return found if found["status"] in ENDED else None

    try:
        return wait_for(look, f"the end of job {job_id}", deadline)
    except AssertionError as error:
        raise AssertionError(f"{error}: {job(server, job_id)}\n{server.log_tail()}") from None


def fetched(server: LiveServer, job_id: str) -> Any:
    """What a job has come to."""
    return server.post("jobs/fetch/", {"job_id": job_id}).body


def processes_with(text: str) -> list[int]:
    """Ids of the processes whose command line or environment has a text in it."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit() and int(entry.name) != os.getpid():
            try:
                told = (entry / "cmdline").read_bytes() + (entry / "environ").read_bytes()
            except OSError:
                continue
            if text.encode() in told:
                found.append(int(entry.name))
    return found


def machine_of(pid: int, machines: Sequence[subprocess.Popen[bytes]]) -> subprocess.Popen[bytes]:
    """The one of these processes that a process comes from."""
    known = {machine.pid: machine for machine in machines}
    while pid not in known:
        pid = int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])
        assert pid > 1, "it comes from none of them"
    return known[pid]
