"""Jobs on a real server, and what there is to count of them."""

from __future__ import annotations

import os
import signal
import sqlite3
from collections import Counter
from collections.abc import Iterable
from contextlib import closing
from pathlib import Path
from typing import Any, NamedTuple

from ..live import LiveServer, wait_for
from ..processes import Process, descendants

SAMPLES = "tests.acceptance.job_samples"
ENDED = {"done", "failed", "cancelled"}


def workers(number: int) -> str:
    """The argument for so many local workers."""
    return f"--PipelinesServer.worker_pool_options={{'n_workers': {number}}}"


class Line(NamedTuple):
    """What user code has written down: that it began, ended or was interrupted."""

    name: str
    event: str
    pid: int
    at: float


class JobLab:
    """The jobs of a server that serves ``job_samples``.

    Args:
        server: it runs.
        folder: where jobs write down that they ran, and look whether they may go on.
    """

    def __init__(self, server: LiveServer, folder: Path) -> None:
        self.server, self.folder = server, folder
        folder.mkdir(parents=True, exist_ok=True)
        self._ledger = folder / "ledger"

    # -- jobs ---------------------------------------------------------------------------------

    def order(self, name: str, do: str = "nothing", **more: Any) -> dict[str, Any]:
        """The input of a job."""
        gate = self.folder / f"{name}.gate"
        return {"name": name, "do": do, "ledger": str(self._ledger), "gate": str(gate), **more}

    def submit(self, pipeline: str, name: str, do: str = "nothing", **fields: Any) -> str:
        """Submit a job that does this; gives its id."""
        size = fields.pop("size", 0)
        if do == "freeze":
            os.mkfifo(self.folder / f"{name}.gate")
        body = {"pipeline_input": self.order(name, do, size=size), "use_worker": True, **fields}
        answer = self.server.post(f"pipelines/{pipeline}/main", body)
        assert answer.status == 200, answer
        assert answer.body["job_status"] in ("queued", "deferred"), answer
        job_id: str = answer.body["job_id"]
        return job_id

    def let_go(self, name: str) -> None:
        """Let the jobs of this name end that wait or are frozen."""
        gate = self.folder / f"{name}.gate"
        if gate.is_fifo():
            os.close(os.open(gate, os.O_WRONLY))
        else:
            gate.touch()

    def job(self, job_id: str) -> dict[str, Any]:
        """Where it stands."""
        answer = self.server.get(f"jobs/{job_id}")
        assert answer.status == 200, answer
        job: dict[str, Any] = answer.body
        return job

    def becomes(self, job_id: str, *statuses: str, deadline: float = 60.0) -> dict[str, Any]:
        """The job, as soon as it has one of these states."""
        try:
            wait_for(lambda: self.job(job_id)["status"] in statuses, f"{statuses}", deadline)
        except AssertionError as error:
            raise AssertionError(f"{error}: {self.job(job_id)}\n{self.server.log_tail()}") from None
        return self.job(job_id)

    def end_of(self, *jobs: str, deadline: float = 60.0) -> list[str]:
        """The states of the jobs when all have ended."""
        return [self.becomes(job, *ENDED, deadline=deadline)["status"] for job in jobs]

    def cancel(self, job_id: str) -> dict[str, Any]:
        """Cancel it; gives where it stands then."""
        answer = self.server.request("DELETE", f"jobs/{job_id}")
        assert answer.status == 200, answer
        job: dict[str, Any] = answer.body
        return job

    def result(self, job_id: str) -> Any:
        """What ``/jobs/fetch`` answers."""
        return self.server.post("jobs/fetch/", {"job_id": job_id}).body

    # -- what user code has done ----------------------------------------------------------------

    def ledger(self) -> list[Line]:
        """All that jobs have written down, in order."""
        if not self._ledger.exists():
            return []
        lines = [line.split() for line in self._ledger.read_text().splitlines()]
        return [Line(name, event, int(pid), float(at)) for name, event, pid, at in lines]

    def events(self, name: str) -> list[str]:
        """What has happened in the runs of this name."""
        return [line.event for line in self.ledger() if line.name == name]

    def begun(self, name: str, times: int = 1) -> int:
        """Wait until user code of this name has begun so many times; the process of the last."""

        def pids() -> list[int]:
            return [
                line.pid for line in self.ledger() if (line.name, line.event) == (name, "begin")
            ]

        wait_for(lambda: len(pids()) >= times, f"run {times} of {name}")
        return pids()[times - 1]

    def ran_once(self, names: Iterable[str]) -> None:
        """Fail unless user code has run once for each of these, to its end."""
        wanted = set(names)
        told = Counter((line.name, line.event) for line in self.ledger() if line.name in wanted)
        assert told == Counter((name, event) for name in wanted for event in ("begin", "end"))

    # -- what the store has ---------------------------------------------------------------------

    def rows(self, sql: str, *values: Any) -> list[tuple[Any, ...]]:
        """What is in the store, read past the server."""
        path = self.server.root / ".chariots" / "op_store.db"
        with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True, timeout=60)) as db:
            return db.execute(sql, values).fetchall()

    def saves_of(self, *jobs: str) -> list[int]:
        """How many results each of these jobs has saved."""
        saved = Counter(job for (job,) in self.rows("SELECT job_id FROM runs WHERE saved NOT NULL"))
        return [saved[job] for job in jobs]

    def renewals(self, job_id: str) -> int:
        """How often the lease of its present attempt was renewed."""
        ((renewals,),) = self.rows("SELECT renewals FROM jobs WHERE id = ?", job_id)
        return int(renewals)

    def shorten_leases(self) -> None:
        """Have the leases that nobody renews any more run out after a few looks."""
        path = self.server.root / ".chariots" / "op_store.db"
        with closing(sqlite3.connect(path, isolation_level=None, timeout=60)) as db:
            db.execute("UPDATE jobs SET lease_s = 2 WHERE status = 'running'")

    # -- processes ------------------------------------------------------------------------------

    def guard(self) -> Process:
        """The guard of the server."""
        found = [p for p in descendants(self.server.pid) if "workers.guard" in p.command]
        assert len(found) == 1, found
        return found[0]

    def gone(self, pid: int) -> None:
        """Wait for the end of a process that a job ran in."""
        wait_for(lambda: not is_running(pid), f"the end of process {pid}")

    def terminate(self, *labs: JobLab) -> None:
        """Ask the server, and those of others on its store, to end; nothing of them may be left."""
        servers = [lab.server for lab in (self, *labs) if lab.server.process is not None]
        processes = {one for server in servers for one in descendants(server.pid)}
        for server in servers:
            server.stop()
        self.nothing_left(processes)

    def nothing_left(self, processes: Iterable[Process] = ()) -> None:
        """Wait for the end of these processes and of all that have run jobs here."""
        wait_for(lambda: not [p.command for p in processes if p.alive], "the end of all")
        for pid in {line.pid for line in self.ledger()}:
            self.gone(pid)


def is_running(pid: int) -> bool:
    """Whether there is such a process that runs jobs or did."""
    try:
        command = Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return False
    return b"workers.child" in command  # a zombie has none, another process another one


def kill(pid: int) -> None:
    """SIGKILL."""
    os.kill(pid, signal.SIGKILL)
