"""What a cluster is asked to do: run ``jupyter chariots worker`` for a while."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass, field

__all__ = ["Errand", "WorkerFailed", "run_worker"]

_LAST_LINES = 20


class WorkerFailed(RuntimeError):
    """The worker ended with an error; the message is the end of what it said."""


@dataclass(frozen=True)
class Errand:
    """Where a worker gets its jobs, and for how long it asks for them.

    Attributes:
        url: address of the server.
        token: what it gets in with. It travels to the cluster, but no ``repr`` shows it, and so no
            log and no dashboard.
        name: of the worker.
        idle_s: without a job for so many seconds, it ends.
        lease_s: for so many seconds the server waits for it when it is silent.
        patience_s: without a job and without an answer of the server for so long, it ends.
    """

    url: str
    token: str = field(repr=False)
    name: str
    idle_s: float
    lease_s: float
    patience_s: float = 60.0


def run_worker(errand: Errand) -> int:
    """Run a worker with this Python; gives how many jobs it had.

    It is a process of its own, so that jobs have nothing to do with the process of the cluster, and
    ends, handing back what it has, when that does.

    Raises:
        WorkerFailed: it ended with an error.
    """
    command = [
        *(sys.executable, "-m", "jupyter_chariots.cli", "worker", "--json", "--attached"),
        *("--url", errand.url, "--name", errand.name, "--idle", str(errand.idle_s)),
        *("--lease", str(errand.lease_s), "--patience", str(errand.patience_s)),
    ]
    environment = {**os.environ, "CHARIOTS_URL": errand.url, "CHARIOTS_TOKEN": errand.token}
    process = subprocess.Popen(
        command,
        env=environment,
        stdin=subprocess.PIPE,  # nobody writes: it ends when this process does
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    said = _last(process)
    if process.returncode:
        raise WorkerFailed("\n".join(said) or f"It ended with exit code {process.returncode}.")
    return int(json.loads(said[-1])["jobs"])


def _last(process: subprocess.Popen[str]) -> list[str]:
    """Wait for its end; the last lines that it wrote, what it answered behind its log.

    Its standard input stays open until then, and is closed if this is interrupted.
    """
    assert process.stdin
    assert process.stdout
    assert process.stderr
    try:
        lines: list[str] = []
        for line in process.stderr:
            print(line, end="", file=sys.stderr, flush=True)  # the log of the cluster's worker
            lines = [*lines, line.rstrip()][-_LAST_LINES:]
        answered = process.stdout.read().split("\n")
        process.wait()
        return [*lines, *filter(None, answered)]
    finally:
        for stream in (process.stdin, process.stdout, process.stderr):
            stream.close()
