"""The steps at each of which a process is ended: what is done, and how to see what came of it."""

from __future__ import annotations

import subprocess
import sys
import uuid
from abc import ABC, abstractmethod
from typing import Any

from ..live import REPOSITORY, wait_for
from .lab import ENDED, Lab

Seen = dict[str, Any]


class Act(ABC):
    """One step, done to a server; what ``do`` does may be done again and then changes nothing.

    Attributes:
        short: where it is cut off in the short form: ``role point``.
    """

    short: tuple[str, ...] = ()

    def __init__(self, lab: Lab) -> None:
        self.lab = lab

    @abstractmethod
    def prepare(self) -> None:
        """Make a state in which there is something to do, another one each time."""

    @abstractmethod
    def do(self) -> bool:
        """Do it; whether the answer said that it was done."""

    def look(self) -> Seen:
        """What there is, after a check that all of it can be had; each part is old or new."""
        lab = self.lab
        with lab.store() as store:
            history = {
                op.name: [(one.version, one.number, one.size) for one in store.history(op.name)]
                for op in store.ops()
            }
            for op, versions in history.items():
                for version, _, size in versions:
                    assert size is None or len(store.read(op, version)) == size
            served = store.served("use")
            assert served is not None
            return {
                **history,
                "newest": {op: numbers_of(store, op) for op in history},
                "served": dict(served.versions),
                "current": store.current(store.definition("train").spec),
                "answers": lab.served(),
            }


def numbers_of(store: Any, op: str) -> Any:
    """The number of the version of an op that the latest save names."""
    named = [one for one in store.history(op) if one.named]
    return max(named, key=lambda one: one.named).number if named else None


class Register(Act):
    """A kernel serves pipelines, with their code and with what it has fitted."""

    short = ("server definition recorded",)

    def prepare(self) -> None:
        self.lab.k += 1

    def do(self) -> bool:
        lab = self.lab
        given = [lab.server.url, lab.server.token, str(lab.k)]
        child = subprocess.run(
            [sys.executable, "-m", "tests.faults.kernel", *given],
            cwd=REPOSITORY,
            env=lab.server.environment,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        return child.returncode == 0

    def look(self) -> Seen:
        lab = self.lab
        definitions = lab.rows(
            "SELECT name, digest, revision FROM definitions WHERE name LIKE 'sent%' ORDER BY name"
        )
        state = None
        if definitions and lab.server.get("pipelines/sent_ask/health_check").status == 200:
            answer = lab.ask("pipelines/sent_ask/main", {"pipeline_input": [0]})
            state = answer["pipeline_output"]
        # the code of one revision never runs under the name of another
        return {"definitions": definitions, "code": state and state[0], "state": state and state[1]}


class Fit(Act):
    """A training that somebody waits for: it leaves a candidate."""

    short = ("child before commit",)

    def prepare(self) -> None:
        self.lab.train()
        self.lab.k += 1

    def do(self) -> bool:
        return self.lab.ask("pipelines/train/main", {"pipeline_input": self.numbers}) is not None

    @property
    def numbers(self) -> list[int]:
        """What is trained on."""
        return [0, 2 * self.lab.k]


class Save(Act):
    """The candidate becomes the newest version."""

    short = ("server version named",)

    def prepare(self) -> None:
        lab = self.lab
        lab.k += 1
        trained = lab.ask("pipelines/train/main", {"pipeline_input": [0, 2 * lab.k]})
        self.run_id = trained["run_id"]

    def do(self) -> bool:
        return self.lab.ask("pipelines/train/save", {"run_id": self.run_id}) is not None


class Load(Act):
    """What is newest is loaded, and the replicas are switched to it."""

    short = ("child states read", "server served row written")

    def prepare(self) -> None:
        self.lab.served()  # there is a replica to switch from
        self.lab.train()

    def do(self) -> bool:
        return self.lab.ask("pipelines/use/load") is not None


class Job(Act):
    """A training as a job, and one that waits for it: submitted, claimed, run, saved, ended."""

    short = ("child job ended",)

    def prepare(self) -> None:
        self.lab.k += 1
        self.key = uuid.uuid4().hex

    def do(self) -> bool:
        first = self._submit("train", [0, 2 * self.lab.k])
        second = first and self._submit("use", [0, 1], after=[first])
        if not second:
            return False
        told = [wait_for(lambda job=job: self._end(job), "the end") for job in (first, second)]
        return told == ["done", "done"]

    def _submit(self, pipeline: str, value: object, **fields: object) -> Any:
        key = f"{pipeline} {self.key}"
        body = {"pipeline_input": value, "use_worker": True, "idempotency_key": key, **fields}
        answer = self.lab.ask(f"pipelines/{pipeline}/main", body)
        return answer and answer["job_id"]

    def _end(self, job: str) -> Any:
        """Where it has come to, or that the server is gone; nothing as long as it goes on."""
        answer = self.lab.ask(f"jobs/{job}", method="GET")
        if answer is None:
            return "gone"
        return answer["status"] if answer["status"] in ENDED else None

    def look(self) -> Seen:
        lab = self.lab
        known = lab.rows("SELECT id FROM jobs WHERE idempotency LIKE ?", f"% {self.key}")
        wait_for(lambda: all(self._end(job) for (job,) in known), "the end of jobs")
        done = lab.rows(
            "SELECT pipeline, status FROM jobs WHERE idempotency LIKE ?", f"% {self.key}"
        )
        return {**super().look(), **dict(done)}


class Collect(Act):
    """What nothing needs is removed, from a shell."""

    short = ("shell rows removed",)

    def prepare(self) -> None:
        for _ in range(2):
            self.lab.train()

    def do(self) -> bool:
        command = ["gc", "--keep", "1", str(self.lab.database)]
        child = subprocess.run(
            [sys.executable, "-m", "jupyter_chariots.cli", *command],
            cwd=self.lab.server.root,
            env=self.lab.server.environment,
            capture_output=True,
            text=True,
            check=False,
        )
        assert child.returncode <= 0, child.stderr
        return child.returncode == 0


ACTS: dict[str, type[Act]] = {
    "register": Register,
    "fit": Fit,
    "save": Save,
    "load": Load,
    "job": Job,
    "gc": Collect,
}
