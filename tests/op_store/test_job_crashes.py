"""A change of a job that is cut off at any point has not happened, or happened wholly.

Each test kills a real process at a named point and looks at what it left.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from jupyter_chariots.op_store import Ending, Lease, OpStore
from jupyter_chariots.versioning.status import JobStatus

from .lab import PREDICT, TRAIN, fit, open_store

_CHILD = """
import os, sys
from pathlib import Path
from jupyter_chariots.errors import NodeFailed
from jupyter_chariots import faults
from jupyter_chariots.op_store import Ending, Lease
from tests.op_store.lab import TRAIN, fit, open_store

folder, act, point, skip, job, token, first = sys.argv[1:]
skip, lease = int(skip), Lease(job, token)

def reached(passed):
    global skip
    if passed == point:
        if skip == 0:
            os._exit(9)
        skip -= 1

store = open_store(Path(folder))
faults.reached = reached
if act == "submit":
    store.submit_job(TRAIN.name, b"x" * 70_000, after=[first])
elif act == "claim":
    store.claim_job("w")
elif act == "finish":
    store.finish_job(lease, b"x" * 70_000, {})
elif act == "commit":
    ending = Ending(lease, b"x" * 70_000, lambda committed: {})
    record = fit(TRAIN, {"pca": b"2" * 70_000, "clf": b"c2"})
    store.commit(TRAIN, record, promote=True, ending=ending)
elif act == "fail":
    store.fail_job(lease, NodeFailed("x"))
elif act == "lose":
    store.lose_job(lease, "killed")
elif act == "hand back":
    store.hand_back_job(lease)
elif act == "cancel":
    store.cancel_job(first)
os._exit(0)
"""


class Scene:
    """A store with a job that runs, one that waits for it, and one in the queue."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        with open_store(folder) as store:
            store.register(TRAIN, owner="m", source={})
            self.running = store.submit_job(TRAIN.name, b"1", max_attempts=1)
            claim = store.claim_job("w")
            assert claim is not None
            self.lease: Lease = claim.lease
            self.waiting = store.submit_job(TRAIN.name, b"2", after=[self.running.id])
            self.queued = store.submit_job(TRAIN.name, b"3")
            self.before = everything(store)

    def cut_off(self, act: str, point: str, skip: int = 0) -> None:
        args = [str(self.folder), act, point, str(skip), self.lease.job, self.lease.token]
        child = subprocess.run(
            [sys.executable, "-c", _CHILD, *args, self.queued.id],
            cwd=Path(__file__).parents[2],
            capture_output=True,
            text=True,
            check=False,
        )
        assert child.returncode == 9, child.stderr

    def statuses(self, store: OpStore) -> list[str]:
        jobs = (self.running, self.waiting, self.queued)
        return [store.job(job.id).status.value for job in jobs]


def everything(store: OpStore) -> list[object]:
    return [store.news(), store.jobs(), store.leases(), store.history("pca"), store.current(TRAIN)]


@pytest.fixture
def scene(tmp_path: Path) -> Scene:
    with open_store(tmp_path) as store:
        store.commit(TRAIN, fit(TRAIN, {"pca": b"1", "clf": b"c1"}), promote=True)
    return Scene(tmp_path)


@pytest.mark.parametrize(
    ("act", "point", "skip"),
    [
        ("submit", "blob written", 0),
        ("submit", "job recorded", 0),
        ("submit", "before commit", 0),
        ("claim", "job claimed", 0),
        ("claim", "before commit", 0),
        ("finish", "blob written", 0),
        ("finish", "job ended", 0),
        ("finish", "dependents told", 0),
        ("finish", "before commit", 0),
        ("commit", "blob written", 0),
        ("commit", "blob written", 1),
        ("commit", "version recorded", 1),
        ("commit", "run recorded", 0),
        ("commit", "version named", 1),
        ("commit", "job ended", 0),
        ("commit", "dependents told", 0),
        ("commit", "before commit", 0),
        ("fail", "job ended", 0),
        ("fail", "before commit", 0),
        ("lose", "job ended", 0),
        ("lose", "before commit", 0),
        ("hand back", "before commit", 0),
        ("cancel", "dependents told", 0),
        ("cancel", "before commit", 0),
    ],
)
def test_what_is_cut_off_has_not_happened(
    scene: Scene, tmp_path: Path, act: str, point: str, skip: int
) -> None:
    scene.cut_off(act, point, skip)
    with open_store(tmp_path) as store:
        assert everything(store) == scene.before
        # and all of it can happen still, once
        record = fit(TRAIN, {"pca": b"2" * 70_000, "clf": b"c2"})
        ending = Ending(scene.lease, b"x" * 70_000, lambda committed: {})
        store.commit(TRAIN, record, promote=True, ending=ending)
        assert scene.statuses(store) == ["done", "queued", "queued"]
        assert store.job_result(scene.running.id) == b"x" * 70_000
        assert store.choose(PREDICT).numbers == {"pca": "2.0.0", "clf": "1.0.1"}
        for _ in range(2):
            claim = store.claim_job("w")
            assert claim is not None
            store.finish_job(claim.lease, b"", {})
        assert store.job_counts()[JobStatus.DONE] == 3


@pytest.mark.parametrize(
    ("act", "statuses"),
    [
        ("submit", ["running", "deferred", "queued"]),
        ("claim", ["running", "deferred", "running"]),
        ("finish", ["done", "queued", "queued"]),
        ("commit", ["done", "queued", "queued"]),
        ("fail", ["failed", "failed", "queued"]),
        ("lose", ["failed", "failed", "queued"]),
        ("hand back", ["queued", "deferred", "queued"]),
        ("cancel", ["running", "deferred", "cancelled"]),
    ],
)
def test_what_is_cut_off_after_its_end_is_whole(
    scene: Scene, tmp_path: Path, act: str, statuses: list[str]
) -> None:
    scene.cut_off(act, "after commit")
    with open_store(tmp_path) as store:
        assert scene.statuses(store) == statuses
        assert len(store.jobs()) == 3 + (act == "submit")
        saved = "2.0.0" if act == "commit" else "1.0.0"
        assert store.choose(PREDICT).numbers["pca"] == saved
        assert (store.job(scene.running.id).run_id is not None) == (act == "commit")


def test_a_job_that_was_cut_off_is_tried_again_and_saved_once(tmp_path: Path) -> None:
    """Killed when all but the last word was written: the next attempt leaves the one result."""
    scene = Scene(tmp_path)
    with open_store(tmp_path) as store:
        store.hand_back_job(scene.lease)
        claim = store.claim_job("w")
        assert claim is not None
        scene.lease = claim.lease
    scene.cut_off("commit", "before commit")
    with open_store(tmp_path) as store:
        store.hand_back_job(scene.lease)
        claim = store.claim_job("w")
        assert claim is not None
        record = fit(TRAIN, {"pca": b"3", "clf": b"c3"})
        ending = Ending(claim.lease, b"out", lambda committed: {})
        store.commit(TRAIN, record, promote=True, ending=ending)
        assert [one.number for one in store.history("pca")] == ["1.0.0"]
        assert store.read("pca", "1.0.0") == b"3"
