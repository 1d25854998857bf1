"""Two servers on one store: calls, trainings, saves, loads, jobs, serve and unserve at once."""

from __future__ import annotations

import itertools
import threading
import time
import uuid
from collections import Counter
from contextlib import closing

import pytest

from jupyter_chariots import Node, Pipeline, PipelinesClient, ReservedNodes
from jupyter_chariots.errors import ChariotsError

from ..live import wait_for
from .lab import ENDED, GONE, Lab, audit, descriptors, trained_on


@pytest.fixture
def labs(tmp_path):
    made = [Lab(tmp_path, name=f"notes_{name}") for name in "ab"]
    with made[0].server, made[1].server:
        made[0].train()
        assert made[0].ask("pipelines/use/load") == {}
        wait_for(lambda: served(made[1]) == 1, "the other one to follow")
        yield made
    assert [lab.no_orphan() for lab in made] == [0, 0]


def served(lab):
    answer = lab.server.post("pipelines/use/main", {"pipeline_input": [0, 1]})
    return answer.status == 200 and trained_on(answer.body["pipeline_output"])


def fleeting(number):
    def add(value):
        return value + number

    ends = [ReservedNodes.pipeline_input], ReservedNodes.pipeline_output
    return Pipeline([Node(add, *ends, name="adds")], "fleeting")


class Load:
    """What is done to both servers at once, until it is over.

    Attributes:
        saved: the runs whose save was answered.
        jobs: the jobs whose submission was answered.
        answers: how often which status was answered, by what was asked.
    """

    def __init__(self, labs: list[Lab]) -> None:
        self.labs = itertools.cycle(labs)
        self.saved: set[str] = set()
        self.jobs: set[str] = set()
        self.answers: Counter[tuple[str, int]] = Counter()
        self.errors: list[BaseException] = []
        self._k = itertools.count(2)
        self._lock = threading.Lock()
        self._over = threading.Event()

    def run(self, seconds: float, then=lambda: None) -> None:
        """Do it all for so long; ``then`` is done in the midst of it."""
        acts = [*[self._call] * 3, *[self._train] * 2, self._load, self._submit, self._serve]
        threads = [threading.Thread(target=self._repeat, args=[act]) for act in acts]
        for thread in threads:
            thread.start()
        half = time.monotonic() + seconds / 2
        try:
            wait_for(lambda: time.monotonic() > half or self.errors, "half of it", 2 * seconds)
            then()
            end = time.monotonic() + seconds / 2
            wait_for(lambda: time.monotonic() > end or self.errors, "all of it", 2 * seconds)
        finally:
            self._over.set()
            for thread in threads:
                thread.join()
        if self.errors:
            raise self.errors[0]

    def _repeat(self, act) -> None:
        while not self._over.is_set():
            with self._lock:
                lab, k = next(self.labs), next(self._k)
            try:
                act(lab, k)
            except GONE:
                self._note("gone", 0)
            except BaseException as error:
                self.errors.append(error)
                return

    def _note(self, what: str, status: int) -> None:
        with self._lock:
            self.answers[what, status] += 1

    def _ask(self, lab: Lab, what: str, route: str, body=None):
        answer = lab.server.post(route, body)
        self._note(what, answer.status)
        return answer.body if answer.status == 200 else None

    def _call(self, lab: Lab, k: int) -> None:
        answer = self._ask(lab, "call", "pipelines/use/main", {"pipeline_input": [0, 1]})
        if answer:
            trained_on(answer["pipeline_output"])

    def _train(self, lab: Lab, k: int) -> None:
        body = {"pipeline_input": [0, 2 * k]}
        trained = self._ask(lab, "train", "pipelines/train/main", body)
        if trained:
            saved = self._ask(lab, "save", "pipelines/train/save", {"run_id": trained["run_id"]})
            if saved is not None:
                self.saved.add(trained["run_id"])

    def _load(self, lab: Lab, k: int) -> None:
        self._ask(lab, "load", "pipelines/use/load")

    def _submit(self, lab: Lab, k: int) -> None:
        body = {"pipeline_input": [0, 2 * k], "use_worker": True}
        body["idempotency_key"] = uuid.uuid4().hex
        job = self._ask(lab, "job", "pipelines/train/main", body)
        if job:
            self.jobs.add(job["job_id"])
            wait_for(lambda: self._ended(lab, job["job_id"]), "the end of a job")

    def _ended(self, lab: Lab, job: str) -> bool:
        return self._over.is_set() or lab.server.get(f"jobs/{job}").body["status"] in ENDED

    def _serve(self, lab: Lab, k: int) -> None:
        with closing(PipelinesClient(lab.server.url, lab.server.token)) as client:
            try:
                client.serve(fleeting(k))
                self._note("serve", 200)
                client.unserve("fleeting")
                self._note("unserve", 200)
            except ChariotsError as error:
                self._note("serve", error.status)


def test_two_servers_under_load(labs, long, told, noted):
    first = Load(labs)
    first.run(20.0 if long else 3.0)
    settle(labs, first)
    opened = [descriptors([lab.server.pid, lab.guard()]) for lab in labs]
    load = Load(labs)
    load.run(60.0 if long else 3.0)
    settle(labs, load)
    for what, status in sorted(load.answers):
        noted(f"{what}: {status}", load.answers[what, status])
    # a save is refused only if another run was saved in between; no call is lost
    allowed = {("save", 409), *((what, 200) for what, _ in load.answers)}
    assert set(load.answers) <= allowed
    for lab, count in zip(labs, opened, strict=True):
        wait_for(
            lambda lab=lab, count=count: descriptors([lab.server.pid, lab.guard()]) <= count + 4,
            "descriptors to be closed",
        )
    found(labs[0], told, first, load)


@pytest.mark.long
def test_two_servers_of_which_one_is_killed_under_load(labs, long, told, noted):
    a, b = labs
    load = Load(labs)

    def kill():
        b.server.kill()
        assert b.no_orphan() == 0
        b.server.start()

    load.run(40.0 if long else 3.0, kill)
    settle(labs, load)
    noted("requests whose server was gone", load.answers["gone", 0])
    assert load.answers["call", 200]
    found(a, told, load)


def settle(labs, *loads):
    """Wait until all jobs have ended and both servers serve the same."""
    a, b = labs
    wait_for(lambda: not a.rows("SELECT 1 FROM jobs WHERE ended IS NULL"), "the end of all jobs")
    assert wait_for(lambda: a.ask("pipelines/use/load") is not None, "a load")
    wait_for(lambda: served(a) == served(b) is not False, "both to serve the same")


def found(lab, told, *loads):
    saved = {run for load in loads for run in load.saved}
    rows = lab.rows("SELECT run_id, job_id FROM runs WHERE saved IS NOT NULL")
    told("saves answered = found", len(saved), len(saved & {run for run, _ in rows}))
    jobs = {job for load in loads for job in load.jobs}
    done = {job for (job,) in lab.rows("SELECT id FROM jobs WHERE status = 'done'")}
    told("jobs answered = done", len(jobs), len(jobs & done))
    told("results of those jobs saved", len(jobs), len(jobs & {job for _, job in rows}))
    audit(lab, told)
