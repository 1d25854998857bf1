"""Real processes on one queue: side by side, killed, locked out, out of space."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import pytest

from jupyter_chariots.op_store import OpStore, Sweeper
from jupyter_chariots.versioning.status import JobStatus

from .lab import TRAIN, open_store

_ROOT = Path(__file__).parents[2]

_BEGIN = """
import json, os, resource, sys
from pathlib import Path
from jupyter_chariots.errors import ChariotsError
from jupyter_chariots.op_store import Ending
from tests.op_store.lab import TRAIN, fit, open_store

def say(value):
    print(json.dumps(value), flush=True)

store = open_store(Path(sys.argv[1]))
say("ready")
sys.stdin.readline()
"""

_CLAIMER = """
done = []
while True:
    claim = store.claim_job(str(os.getpid()))
    if claim is None:
        break
    store.finish_job(claim.lease, claim.job.id.encode(), {})
    done.append(claim.job.id)
say(done)
store.close()
"""

_SUBMITTER = """
jobs = [store.submit_job(TRAIN.name, b"%d" % i, idempotency_key=str(i)) for i in range(100)]
say([job.id for job in jobs])
store.close()
"""

# Claims, and then is busy until it is killed.
_VICTIM = """
claim = store.claim_job("victim", lease_s=10.0)
store.renew_jobs([claim.lease])
say([claim.lease.job, claim.lease.token])
sys.stdin.read()
"""

_LOCKER = """
import time
with store._db.write():
    say("locked")
    time.sleep(5)
    released = time.monotonic()
say(released)
store.close()
"""

# Writes without a pause until it is told to stop.
_HOG = """
import select
say("begun")
while not select.select([sys.stdin], [], [], 0)[0]:
    with store._db.write() as db:
        db.execute("UPDATE ops SET owner = NULL WHERE id = -1")
        db.execute("INSERT OR REPLACE INTO turns VALUES ('t', 'h', 0, 0)")
store.close()
"""

# A limit on the size of files is what a full disk is to SQLite and to the files of blobs.
_FULL = """
claim = store.claim_job("w")
resource.setrlimit(resource.RLIMIT_FSIZE, (30_000, resource.RLIM_INFINITY))
told = []
for body in (b"x" * 60_000, b"x" * 200_000):
    try:
        if sys.argv[2] == "finish":
            store.finish_job(claim.lease, body, {})
        elif sys.argv[2] == "submit":
            store.submit_job(TRAIN.name, body)
        else:
            ending = Ending(claim.lease, body, lambda committed: {})
            store.commit(TRAIN, fit(TRAIN, {"pca": b"p", "clf": b"c"}), promote=True, ending=ending)
    except ChariotsError as error:
        told.append([error.code, error.hint])
resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
say(told)
store.finish_job(claim.lease, b"there is space again", {})
store.close()
"""


class Child:
    """A process with the store open, which begins when it is told to."""

    def __init__(self, code: str, folder: Path, *args: str) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-c", _BEGIN + code, str(folder), *args],
            cwd=_ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self.hear() == "ready"

    def begin(self) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write("\n")
        self.process.stdin.flush()

    def hear(self) -> object:
        assert self.process.stdout is not None
        return json.loads(self.process.stdout.readline())

    def end(self, code: int = 0) -> None:
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.close()
        assert self.process.wait(60) == code
        self.process.stdout.close()

    def kill(self) -> None:
        self.process.kill()
        self.end(-signal.SIGKILL)


def test_two_processes_claim_each_of_a_thousand_jobs_once(queue: OpStore, tmp_path: Path) -> None:
    ids = [queue.submit_job(TRAIN.name, b"%d" % index).id for index in range(1000)]
    children = [Child(_CLAIMER, tmp_path) for _ in range(2)]
    for child in children:
        child.begin()
    done = [child.hear() for child in children]
    for child in children:
        child.end()
    lists = [one for one in done if isinstance(one, list)]
    assert len(lists) == 2
    assert Counter(job for one in lists for job in one) == Counter(ids)
    assert queue.job_counts()[JobStatus.DONE] == 1000
    assert queue.job_result(ids[500]) == ids[500].encode()


def test_one_key_from_two_processes_is_one_job(queue: OpStore, tmp_path: Path) -> None:
    children = [Child(_SUBMITTER, tmp_path) for _ in range(2)]
    for child in children:
        child.begin()
    first, second = (child.hear() for child in children)
    for child in children:
        child.end()
    assert first == second
    assert queue.job_counts()[JobStatus.QUEUED] == 100


def test_a_submitted_job_outlives_its_submitter(queue: OpStore, tmp_path: Path) -> None:
    child = Child(_SUBMITTER.replace("store.close()", "sys.stdin.read()"), tmp_path)
    child.begin()
    jobs = child.hear()
    child.kill()
    assert isinstance(jobs, list)
    assert [job.id for job in reversed(queue.jobs())] == jobs


def test_a_job_of_a_killed_worker_is_found_and_tried_again(queue: OpStore, tmp_path: Path) -> None:
    job = queue.submit_job(TRAIN.name, b"{}")
    clock = iter(range(0, 10_000, 2))
    sweeper = Sweeper(queue, lambda: next(clock))
    for status in (JobStatus.QUEUED, JobStatus.FAILED):
        child = Child(_VICTIM, tmp_path)
        child.begin()
        child.hear()
        assert [sweeper.sweep() for _ in range(5)] == [[]] * 5
        child.kill()
        (taken,) = sweeper.sweep()
        assert (taken.id, taken.status) == (job.id, status)
    assert taken.error is not None
    assert taken.error["message"].startswith("Worker lost: nothing was heard of it for 10 s.")
    assert queue.leases() == []


def test_a_store_locked_for_five_seconds_is_waited_for(queue: OpStore, tmp_path: Path) -> None:
    queue.submit_job(TRAIN.name, b"1")
    claim = queue.claim_job("w")
    assert claim is not None
    child = Child(_LOCKER, tmp_path)
    child.begin()
    assert child.hear() == "locked"
    # whoever looks is not in the way of it
    assert queue.job(claim.job.id).status is JobStatus.RUNNING
    assert queue.claim_job("w") is None
    queue.finish_job(claim.lease, b"out", {})
    ended = time.monotonic()
    released = child.hear()  # by the one clock of all processes, before it lets go
    assert isinstance(released, float)
    assert ended >= released
    child.end()
    assert queue.job(claim.job.id).status is JobStatus.DONE


def test_who_writes_all_the_time_lets_others_write(queue: OpStore, tmp_path: Path) -> None:
    """SQLite's own waiting let one of two busy processes wait for seconds."""
    hog = Child(_HOG, tmp_path)
    hog.begin()
    assert hog.hear() == "begun"
    with open_store(tmp_path, busy_timeout=2.0) as impatient:
        for index in range(100):
            impatient.submit_job(TRAIN.name, b"%d" % index)
    hog.end()
    assert queue.job_counts()[JobStatus.QUEUED] == 100


@pytest.mark.parametrize("act", ["finish", "commit", "submit"])
def test_a_full_disk_leaves_the_job_as_it_was(queue: OpStore, tmp_path: Path, act: str) -> None:
    job = queue.submit_job(TRAIN.name, b"{}")
    child = Child(_FULL, tmp_path, act)
    child.begin()
    told = child.hear()
    assert isinstance(told, list)
    assert [code for code, _ in told] == ["store_error", "store_error"]
    assert all("space left" in hint for _, hint in told)
    child.end()
    assert [one.id for one in queue.jobs()] == [job.id]
    assert queue.job_result(job.id) == b"there is space again"
    assert queue.current(TRAIN) == {}
