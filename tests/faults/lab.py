"""A server whose processes can be ended at named points, and what is counted of it."""

from __future__ import annotations

import os
import sqlite3
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import closing, suppress
from http.client import HTTPException
from pathlib import Path
from typing import Any

from jupyter_chariots import OpStore
from jupyter_chariots.op_store.signing import read_secret

from ..live import REPOSITORY, Answer, LiveServer, wait_for
from ..processes import Process

HOOK = Path(__file__).parent / "hook"
SAMPLES = "tests.faults.samples"
ENDED = {"done", "failed", "cancelled"}
GONE = (OSError, HTTPException)
"""What a request raises whose server has ended."""

Told = Callable[[str, object, object], None]
"""Takes what was counted, how many there should be, and how many there are."""


class Refused(Exception):
    """An answer that is neither the thing nor a "not now"."""

    def __init__(self, answer: Answer) -> None:
        super().__init__(str(answer))
        self.body = answer.body


class Lab:
    """A server on ``samples``, and whoever else is on its store.

    Args:
        folder: of the server and of all that is noted.
        root: what it serves, if it is not in the folder.
        arguments: of the command line.
        environment: further variables.
        app_pipelines: the modules that it serves.
        name: of what is noted; servers of one folder share all the rest.
    """

    def __init__(
        self,
        folder: Path,
        root: Path | None = None,
        *,
        arguments: Sequence[str] = (),
        environment: Mapping[str, str] | None = None,
        app_pipelines: Sequence[str] = (SAMPLES,),
        name: str = "notes",
    ) -> None:
        self.notes = folder / name
        self.notes.mkdir(parents=True)
        self.server = LiveServer(
            root or folder / "root",
            folder / "home",
            app_pipelines=app_pipelines,
            arguments=arguments,
            environment={
                "PYTHONPATH": os.pathsep.join([str(HOOK), str(REPOSITORY)]),
                "FAULTS_FOLDER": str(self.notes),
                **(environment or {}),
            },
        )
        self.k = 0

    @property
    def database(self) -> Path:
        """Where the op store is."""
        return self.server.root / ".chariots" / "op_store.db"

    # -- named points ------------------------------------------------------------------------------

    def watch(self, cut: str | None = None) -> None:
        """Note from now on which points are passed; end whoever passes ``role point n``."""
        for name in ("passed", "cut", "was_cut"):
            (self.notes / name).unlink(missing_ok=True)
        if cut:
            (self.notes / "cut").write_text(cut)
        (self.notes / "passed").touch()

    def passed(self) -> list[str]:
        """The points that were passed, each as ``role point``; no more are noted."""
        found = (self.notes / "passed").read_text().splitlines()
        (self.notes / "passed").unlink()
        return found

    def recover(self, cut: str) -> bool:
        """Whether a process has ended itself as :meth:`watch` was told; a server is started again,
        and no other process ends itself any more.
        """
        for name in ("passed", "cut"):
            (self.notes / name).unlink(missing_ok=True)
        was_cut = (self.notes / "was_cut").exists()
        if was_cut and cut.startswith("server"):
            self._revive()
        return was_cut

    # -- processes ---------------------------------------------------------------------------------

    def processes(self) -> list[Process]:
        """All that run and were started by this server, or on behalf of it, or are it."""
        mark = f"FAULTS_FOLDER={self.notes}".encode()
        found = []
        for path in Path("/proc").glob("[0-9]*"):
            try:
                if mark in (path / "environ").read_bytes().split(b"\0"):
                    stat = (path / "stat").read_text().rpartition(")")[2].split()
                    found.append(Process(int(path.name), stat[19]))
            except OSError:
                continue
        return [process for process in found if process.alive]

    def guard(self) -> int:
        """The process id of the guard."""
        (found,) = [p.pid for p in self.processes() if "workers.guard" in p.command]
        return found

    def children(self) -> list[int]:
        """The process ids of replicas and workers."""
        return [p.pid for p in self.processes() if "workers.child" in p.command]

    def no_orphan(self) -> int:
        """Wait until nothing of a server runs that is gone; gives how many are left."""
        try:
            wait_for(lambda: not self.processes(), "the end of all processes")
        except AssertionError:
            return len(self.processes())
        return 0

    def _revive(self) -> None:
        assert self.server.process is not None
        self.server.process.wait(60)
        self.server.process = None
        assert self.no_orphan() == 0, [p.command for p in self.processes()]
        self.server.start()

    # -- what is done ------------------------------------------------------------------------------

    def ask(self, route: str, body: Any = None, method: str = "POST") -> Any:
        """Body of the answer, or ``None`` if there is none: the server or a process has ended.

        Raises:
            Refused: it is not done for another reason.
        """
        send = self.server.post if method == "POST" else self.server.get
        try:
            answer = send(route, body) if method == "POST" else send(route)
        except GONE:
            return None
        if answer.status not in (200, 503):
            raise Refused(answer)
        return answer.body if answer.status == 200 else None

    def train(self) -> str:
        """Train on something new and save it; gives the id of the run."""
        self.k += 1
        trained = self.ask("pipelines/train/main", {"pipeline_input": [0, 2 * self.k]})
        assert trained is not None
        run_id: str = trained["run_id"]
        assert self.ask("pipelines/train/save", {"run_id": run_id}) == {}
        return run_id

    def served(self) -> int:
        """The training that ``use`` is of; fails if it is of none, or a mixture."""
        answer = wait_for(
            lambda: self.ask("pipelines/use/main", {"pipeline_input": [0, 1]}), "an answer of `use`"
        )
        return trained_on(answer["pipeline_output"])

    # -- what there is -----------------------------------------------------------------------------

    def rows(self, sql: str, *values: Any) -> list[tuple[Any, ...]]:
        """What is in the store, read past the server."""
        uri = f"file:{self.database}?mode=ro"
        with closing(sqlite3.connect(uri, uri=True, timeout=60)) as db:
            return db.execute(sql, values).fetchall()

    def store(self) -> OpStore:
        """The store, opened here with the user's secret."""
        secret = read_secret(Path(self.server.environment["JUPYTER_DATA_DIR"]))
        return OpStore(self.database, secret=secret)


def trained_on(output: Sequence[float]) -> int:
    """What ``use`` was trained on that makes this of ``[0, 1]``."""
    first, second = output
    assert first == -1.0, f"a mixture: {output}"
    return round(1 / (second + 1))


def versions_found(store: OpStore) -> tuple[int, int]:
    """How many versions have a number, and how many of them can be read, signed and whole."""
    named = store._db.value("SELECT count(*) FROM versions WHERE n_major IS NOT NULL")
    loadable = 0
    for op in store.ops():
        before = None
        while page := store.history(op.name, 100, before):
            before = page[-1].id
            loadable += sum(
                one.size is None or len(store.read(op.name, one.version)) == one.size
                for one in page
                if one.number is not None
            )
    return named, loadable


def audit(lab: Lab, told: Told, saved: int | None = None, jobs: int | None = None) -> None:
    """Count what must hold of a store whatever has happened to it.

    Args:
        lab: with a server that is asked for nothing any more.
        told: takes the counts.
        saved: how many runs were saved, as the clients know it.
        jobs: how many jobs were submitted, as the clients know it.
    """
    # a run of a server that was killed is missed when its lease has run out
    unended = "SELECT 1 FROM jobs WHERE ended IS NULL"
    with suppress(AssertionError):  # which the counts will tell
        wait_for(lambda: not lab.rows(unended), "the end of all jobs")
    runs = lab.rows("SELECT job_id, saved FROM runs")
    with lab.store() as store:
        found, loadable = versions_found(store)
    if saved is not None:
        told("runs saved = found", saved, sum(when is not None for _, when in runs))
    told("versions saved = loadable", found, loadable)
    statuses = Counter(status for (status,) in lab.rows("SELECT status FROM jobs"))
    ended = sum(count for status, count in statuses.items() if status in ENDED)
    told("jobs submitted = ended", statuses.total() if jobs is None else jobs, ended)
    results = Counter(job for job, when in runs if job and when is not None)
    told("results of jobs saved twice", 0, sum(count > 1 for count in results.values()))
    ((whole,),) = lab.rows("PRAGMA integrity_check")
    told("damage that SQLite finds", "ok", whole)


def descriptors(pids: Iterable[int]) -> int:
    """How many files, sockets and pipes these processes have open."""
    return sum(len(os.listdir(f"/proc/{pid}/fd")) for pid in pids)


def memory(pid: int) -> float:
    """What a process has for itself, in MiB."""
    rollup = Path(f"/proc/{pid}/smaps_rollup").read_text()
    private = sum(
        int(line.split()[1]) for line in rollup.splitlines() if line.startswith("Private_")
    )
    return private / 1024
