"""Replicas and workers that crash in every run, of many pipelines at once.

The others are answered all the while, what crashes is started less and less often, and nothing of
it is left.
"""

from __future__ import annotations

import math
import threading
import time
from collections import Counter

import pytest

from ..live import wait_for
from .lab import ENDED, GONE, Lab, audit, descriptors

CRASHING = "tests.faults.crashing"
FIRST_DELAY_S = 0.5
WAYS = ("exit", "segfault")


@pytest.fixture
def stormy(tmp_path):
    made = Lab(tmp_path, app_pipelines=[CRASHING])
    with made.server:
        yield made
    assert made.no_orphan() == 0


class Storm:
    """Calls that crash, and others, in threads until it is over."""

    def __init__(self, lab: Lab, pipelines: int, seconds: float) -> None:
        self.lab = lab
        self.answers: Counter[tuple[str, int]] = Counter()
        self.jobs: list[str] = []
        self._end = time.monotonic() + seconds
        self._lock = threading.Lock()
        crashes = [(self._ask, f"crash_{i}", WAYS[i % 2]) for i in range(pipelines)]
        others = [(self._ask, "doomed", "exit"), (self._ask, "well", 1), (self._look, "", 0)]
        self._threads = [
            threading.Thread(target=self._again_and_again, args=one)
            for one in [*crashes, *others, (self._submit, "doomed", "segfault")]
        ]

    def __enter__(self) -> Storm:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        for thread in self._threads:
            thread.join()

    def _again_and_again(self, act, pipeline, value):
        while time.monotonic() < self._end:
            try:
                status = act(pipeline, value)
            except GONE:
                status = 0
            with self._lock:
                self.answers[pipeline.partition("_")[0] or "health", status] += 1

    def _ask(self, pipeline, value):
        return self.lab.server.post(f"pipelines/{pipeline}/main", {"pipeline_input": value}).status

    def _look(self, pipeline, value):
        return self.lab.server.get("health_check").status

    def _submit(self, pipeline, value):
        body = {"pipeline_input": value, "use_worker": True}
        answer = self.lab.server.post(f"pipelines/{pipeline}/main", body)
        if len(self.jobs) < 4 and answer.status == 200:
            self.jobs.append(answer.body["job_id"])
        wait_for(lambda: self.ended(answer.body["job_id"]), "the end of a job")
        return 503

    def ended(self, job: str) -> bool:
        return self.lab.server.get(f"jobs/{job}").body["status"] in ENDED

    def of(self, kind: str) -> dict[int, int]:
        """How often which status was answered."""
        return {status: n for (of, status), n in self.answers.items() if of == kind}


def starts(lab):
    return len((lab.notes / "starts").read_text().splitlines())


def quiet(lab):
    """Wait until nothing runs but the process of the pipeline that is well, and the guard."""
    wait_for(lambda: len(lab.children()) == 1, "the end of what crashed")
    return descriptors([lab.server.pid])


def test_a_storm_of_crashes(stormy, long, told, noted):
    lab, pipelines, seconds = stormy, 12 if long else 4, 60.0 if long else 3.0
    with Storm(lab, pipelines, 2.0):
        pass
    opened = quiet(lab)
    guard = descriptors([lab.guard()])
    before, began = starts(lab), time.monotonic()
    with Storm(lab, pipelines, seconds) as storm:
        pass
    took = time.monotonic() - began
    for kind in ("well", "health"):
        answers = storm.of(kind)
        told(f"{kind}: answered", sum(answers.values()), answers.get(200, 0))
    assert set(storm.of("crash")) == set(storm.of("doomed")) == {503}
    noted("crashing calls", sum(storm.of("crash").values()))
    # each pipeline is tried at once, once more, and then after 0.5 s, 1 s, 2 s, … of rest
    most = pipelines * (3 + math.floor(math.log2(took / FIRST_DELAY_S + 1)))
    runs = sum(storm.of("doomed").values()) * 2
    noted(f"starts in {took:.0f} s of {pipelines} crashing pipelines", starts(lab) - before - runs)
    assert starts(lab) - before <= most + runs
    wait_for(lambda: quiet(lab) <= opened, "the descriptors to be closed")
    told("descriptors of the guard", guard, descriptors([lab.guard()]))
    ended = [lab.server.get(f"jobs/{job}").body for job in storm.jobs]
    assert {(job["status"], job["error"]["code"], job["attempts"]) for job in ended} == {
        ("failed", "worker_lost", 2)
    }
    told("processes left of crashed ones", 0, len(lab.processes()) - 3)
    audit(lab, told)
