"""Whatever ends, stops or holds up a process, each job comes to one end.

Jobs write down themselves when they begin and end, and the store says what was saved, so that
nothing is lost, done twice or left running. What happens to the store: ``test_job_store_faults``.
"""

from __future__ import annotations

import contextlib
import os
import signal
import sqlite3
import time
from pathlib import Path

import pytest

from ..live import LiveServer, wait_for
from ..processes import descendants
from .job_lab import ENDED, SAMPLES, JobLab, kill, workers

"""So soon a job has come through whose worker was killed."""


@pytest.fixture(scope="module")
def lab(tmp_path_factory):
    """A server for all tests that leave it alone; a job is frozen there from the beginning."""
    folder = tmp_path_factory.mktemp("jobs")
    arguments = [workers(3)]
    server = LiveServer(
        folder / "root", folder / "home", app_pipelines=[SAMPLES], arguments=arguments
    )
    with server:
        lab = JobLab(server, folder / "notes")
        lab.frozen = lab.submit("taught", "frozen", "freeze")
        yield lab
        lab.terminate()


@pytest.fixture
def own(live_server, tmp_path):
    """Makes servers of one's own; all of them share one store."""
    labs = []

    def make(number=2):
        server = live_server(app_pipelines=[SAMPLES], arguments=[workers(number)])
        labs.append(JobLab(server, tmp_path / "notes"))
        return labs[-1]

    yield make
    labs[0].terminate(*labs[1:])


def halt(lab, *pids):
    """Stop processes in a moment in which none of them locks the others out of the store."""

    def stands_still(pid):
        states = set()
        with contextlib.suppress(OSError):  # a thread has just ended
            stats = [path.read_text() for path in Path(f"/proc/{pid}/task").glob("*/stat")]
            states = {stat.rpartition(")")[2].split()[0] for stat in stats}
        return states == {"T"}

    def halted():
        for pid in pids:
            os.kill(pid, signal.SIGSTOP)
        wait_for(lambda: all(map(stands_still, pids)), "them to stand still")
        path = lab.server.root / ".chariots" / "op_store.db"
        with contextlib.closing(sqlite3.connect(path, isolation_level=None, timeout=3)) as db:
            try:
                db.execute("BEGIN IMMEDIATE")
            except sqlite3.OperationalError:
                go_on(*pids)
                return False
        return True

    wait_for(halted, "a store that nobody locks")


def go_on(*pids):
    """Let them run again."""
    for pid in pids:
        os.kill(pid, signal.SIGCONT)


# -- the worker -----------------------------------------------------------------------------------


@pytest.mark.parametrize("pipeline", ["taught", "played"])
def test_a_job_comes_through_when_its_worker_is_killed(lab, pipeline):
    name = f"killed once {pipeline}".replace(" ", "_")
    job = lab.submit(pipeline, name, "wait")
    kill(lab.begun(name))
    lab.begun(name, 2)
    lab.let_go(name)
    done = lab.becomes(job, *ENDED)
    log = lab.server.get(f"jobs/{job}/log").body["text"]
    assert "its process was killed" in log  # it was known at once, not when the lease had run out
    assert (done["status"], done["attempts"]) == ("done", 2)
    assert lab.events(name) == ["begin", "begin", "end"]
    assert lab.result(job)["pipeline_output"] == name
    assert lab.saves_of(job) == [int(pipeline == "taught")]


def test_a_job_whose_workers_are_all_killed_has_failed(lab):
    job = lab.submit("taught", "doomed", "wait")
    after = lab.submit("played", "after_doomed", after=[job])
    for attempt in (1, 2):
        kill(lab.begun("doomed", attempt))
    failed = lab.becomes(job, *ENDED)
    assert (failed["status"], failed["attempts"]) == ("failed", 2)
    assert failed["error"]["code"] == "worker_lost"
    assert failed["error"]["message"].startswith("Worker lost: ")
    assert lab.end_of(after) == ["failed"]
    assert lab.job(after)["error"]["code"] == "prerequisite_failed"
    assert lab.events("doomed") == ["begin", "begin"]
    assert lab.events("after_doomed") == []
    assert lab.saves_of(job, after) == [0, 0]


@pytest.mark.parametrize("do", ["hang", "defy", "freeze"])
def test_a_job_that_hangs_ends_when_it_is_cancelled(lab, do):
    job = lab.submit("taught", f"hangs_{do}", do)
    after = lab.submit("played", f"after_{do}", after=[job])
    pid = lab.begun(f"hangs_{do}")
    cancelled = lab.cancel(job)
    assert (cancelled["status"], cancelled["cancelling"]) == ("running", True)
    assert lab.end_of(job, after) == ["cancelled", "failed"]
    if do != "hang":  # one that obeys keeps its process
        lab.gone(pid)
    assert lab.job(job)["attempts"] == 1
    assert "end" not in lab.events(f"hangs_{do}")
    assert lab.saves_of(job) == [0]
    assert lab.cancel(job)["status"] == "cancelled"


# -- the guard ------------------------------------------------------------------------------------


def test_another_guard_keeps_the_leases_of_one_that_was_killed(lab):
    job = lab.submit("taught", "guarded", "wait")
    lab.begun("guarded")
    wait_for(lambda: lab.renewals(job) > 0, "the care of the guard")
    kill(lab.guard().pid)
    before = lab.renewals(job)
    wait_for(lambda: lab.renewals(job) > before, "the care of another guard")
    lab.let_go("guarded")
    assert lab.end_of(job) == ["done"]
    lab.ran_once(["guarded"])
    assert lab.saves_of(job) == [1]


def test_a_job_that_is_in_c_code_for_longer_than_its_lease_runs_once(lab):
    """It was frozen when the server started; other guards than the first may keep its lease."""
    lab.begun("frozen")
    ((lease,),) = lab.rows("SELECT lease_s FROM jobs WHERE id = ?", lab.frozen)
    (since,) = (line.at for line in lab.ledger() if line.name == "frozen")
    # by then whoever looks at leases would have seen nothing for the length of one
    wait_for(lambda: time.monotonic() > since + lease + 2, "longer than a lease")
    before = lab.renewals(lab.frozen)
    wait_for(lambda: lab.renewals(lab.frozen) > before, "the care of the guard")
    assert lab.job(lab.frozen)["status"] == "running"
    lab.let_go("frozen")
    done = lab.becomes(lab.frozen, *ENDED)
    assert (done["status"], done["attempts"]) == ("done", 1)
    lab.ran_once(["frozen"])
    assert lab.saves_of(lab.frozen) == [1]


def test_a_late_attempt_is_ended_and_the_next_one_goes_on(own):
    """The guard stands still for longer than a lease, so the job is taken from its worker."""
    lab = own()
    job = lab.submit("taught", "late", "wait")
    lab.begun("late")
    wait_for(lambda: lab.renewals(job) > 0, "the care of the guard")
    guard = lab.guard().pid
    try:
        halt(lab, guard)
        lab.shorten_leases()
        lab.begun("late", 2)
    finally:
        go_on(guard)
    wait_for(lambda: "interrupted" in lab.events("late"), "the end of the first attempt")
    before = lab.renewals(job)
    wait_for(lambda: lab.renewals(job) > before, "the care for the second attempt")
    lab.let_go("late")
    assert lab.end_of(job) == ["done"]
    first, second = (line.pid for line in lab.ledger() if line.event == "begin")
    others = {(line.event, line.pid) for line in lab.ledger() if line.event != "begin"}
    assert others == {("interrupted", first), ("end", second)}
    assert lab.job(job)["attempts"] == 2
    assert lab.saves_of(job) == [1]


# -- the server -----------------------------------------------------------------------------------


@pytest.mark.parametrize("also", ["alone", "with its guard"])
def test_every_job_ends_after_the_server_was_killed(own, also):
    lab = own()
    running = [lab.submit("taught", f"running_{i}", "wait") for i in range(2)]
    for i in range(2):
        lab.begun(f"running_{i}")
    queued = [lab.submit("taught", f"queued_{i}") for i in range(3)]
    deferred = lab.submit("played", "deferred", after=queued)
    wait_for(lambda: all(map(lab.renewals, running)), "the care of the guard")
    processes = descendants(lab.server.pid)
    if also != "alone":
        # nobody is left to give up the leases: they run out
        os.kill(lab.guard().pid, signal.SIGSTOP)
        guard = lab.guard().pid
        lab.server.kill()
        kill(guard)
        lab.shorten_leases()
    else:
        lab.server.kill()
    lab.nothing_left(processes)
    for i in range(2):
        assert lab.events(f"running_{i}") == ["begin"]
        lab.let_go(f"running_{i}")
    lab.server.start()
    jobs = [*running, *queued, deferred]
    assert lab.end_of(*jobs) == ["done"] * 6
    lab.ran_once(["queued_0", "queued_1", "queued_2", "deferred"])
    assert [lab.events(f"running_{i}") for i in range(2)] == [["begin", "begin", "end"]] * 2
    assert [lab.job(job)["attempts"] for job in jobs] == [2, 2, 1, 1, 1, 1]
    assert lab.saves_of(*jobs) == [1, 1, 1, 1, 1, 0]


def test_a_server_that_ends_lets_jobs_end_or_hands_them_back(own):
    lab = own()
    short = lab.submit("taught", "short", "wait")
    long = lab.submit("taught", "long", "wait")
    queued = lab.submit("taught", "queued", "wait")
    for name in ("short", "long"):
        lab.begun(name)
    processes = descendants(lab.server.pid)
    lab.server.process.terminate()
    lab.let_go("short")
    lab.server.process.wait(60)
    lab.nothing_left(processes)
    states = dict(lab.rows("SELECT id, status FROM jobs"))
    assert states == {short: "done", long: "queued", queued: "queued"}
    for name in ("long", "queued"):
        lab.let_go(name)
    lab.server.start()
    assert lab.end_of(short, long, queued) == ["done"] * 3
    assert [lab.job(job)["attempts"] for job in (short, long, queued)] == [1, 1, 1]
    lab.ran_once(["short"])
    assert lab.events("long") == ["begin", "interrupted", "begin", "end"]
    assert lab.events("queued")[-2:] == ["begin", "end"]
    assert lab.saves_of(short, long, queued) == [1, 1, 1]


def test_another_server_takes_over_from_one_that_stands_still(own):
    """Server, guard and workers are stopped, as on a machine that is suspended, and go on later."""
    still, other = own(1), own(1)
    # each takes what it can: a job for both of them
    jobs = [still.submit("taught", f"both_{i}", "wait") for i in range(2)]
    pids = [still.begun(f"both_{i}") for i in range(2)]
    family = {process.pid for process in descendants(still.server.pid)}
    (mine,) = (i for i in range(2) if pids[i] in family)
    (its,) = {0, 1} - {mine}
    # cancelled at one server, running at the other
    still.cancel(jobs[its])
    assert other.end_of(jobs[its]) == ["cancelled"]
    frozen = [still.server.pid, *family]
    try:
        halt(other, *frozen)
        other.shorten_leases()
        other.begun(f"both_{mine}", 2)
        other.let_go(f"both_{mine}")
        assert other.end_of(jobs[mine]) == ["done"]
    finally:
        go_on(*frozen)
    # the late one is let go as well: it is ended, or has learned something and may not report it
    wait_for(lambda: len(still.events(f"both_{mine}")) >= 4, "the end of the late attempt")
    assert still.events(f"both_{mine}").count("begin") == 2
    check = still.submit("played", "check")  # after whatever the late attempt has reported
    assert still.end_of(check) == ["done"]
    assert (still.job(jobs[mine])["status"], still.job(jobs[mine])["attempts"]) == ("done", 2)
    assert still.rows("SELECT job_id FROM runs") == [(jobs[mine],)]
