"""Jobs while the store is locked, full or gone, and while the clock is set."""

from __future__ import annotations

import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import pytest

from ..disks import fill, small_disk
from ..live import wait_for
from ..processes import descendants
from .job_lab import SAMPLES, JobLab, kill, workers

LOCKER = """
import sqlite3, sys, time
db = sqlite3.connect(sys.argv[1], isolation_level=None, timeout=60)
db.execute("BEGIN IMMEDIATE")
print("locked", flush=True)
time.sleep(5)
sys.stdin.readline()
db.execute("COMMIT")
"""
CLOCK = r"""
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>
/* The clock of the wall, off by the seconds that stand in the file $SHIFT. */
static long shift(void) {
    char text[32] = "";
    const char *path = getenv("SHIFT");
    int file = path ? open(path, O_RDONLY | O_CLOEXEC) : -1;
    if (file < 0) return 0;
    if (read(file, text, sizeof text - 1) < 0) text[0] = 0;
    close(file);
    return atol(text);
}
int clock_gettime(clockid_t clock, struct timespec *at) {
    static int (*real)(clockid_t, struct timespec *);
    if (!real) *(void **)&real = dlsym(RTLD_NEXT, "clock_gettime");
    int error = real(clock, at);
    if (!error && (clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE))
        at->tv_sec += shift();
    return error;
}
int gettimeofday(struct timeval *at, void *zone) {
    struct timespec now;
    int error = clock_gettime(CLOCK_REALTIME, &now);
    at->tv_sec = now.tv_sec;
    at->tv_usec = now.tv_nsec / 1000;
    return error;
}
time_t time(time_t *at) {
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    if (at) *at = now.tv_sec;
    return now.tv_sec;
}
"""
DAY_S = 86_400


@pytest.fixture
def own(live_server, tmp_path):
    """Makes a server of one's own."""
    labs = []

    def make(number=2, **options):
        server = live_server(app_pipelines=[SAMPLES], arguments=[workers(number)], **options)
        labs.append(JobLab(server, tmp_path / "notes"))
        return labs[-1]

    yield make
    for lab in labs:
        lab.terminate()


def database(lab):
    return lab.server.root / ".chariots" / "op_store.db"


# -- the store ------------------------------------------------------------------------------------


def test_jobs_go_on_while_another_process_locks_the_store_for_five_seconds(own):
    lab = own()
    running = [lab.submit(pipeline, pipeline, "wait") for pipeline in ("taught", "played")]
    for name in ("taught", "played"):
        lab.begun(name)
    cancelled = lab.submit("taught", "cancelled", "wait")
    locker = subprocess.Popen(
        [sys.executable, "-c", LOCKER, str(database(lab))],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    with locker, ThreadPoolExecutor() as pool:
        assert locker.stdout.readline() == b"locked\n"
        # they end, one is cancelled, and others are submitted, all while nothing can be written
        for name in ("taught", "played"):
            lab.let_go(name)
        cancelling = pool.submit(lab.cancel, cancelled)
        submitting = [pool.submit(lab.submit, "taught", f"later_{i}") for i in range(3)]
        # the server does not wait for the lock, which is held until this was answered
        assert lab.job(running[0])["status"] == "running"
        locker.stdin.close()
        assert cancelling.result()["status"] in ("cancelled", "running")  # if there was a worker
        later = [one.result() for one in submitting]
    assert locker.returncode == 0
    assert lab.end_of(*running, *later, cancelled) == [*["done"] * 5, "cancelled"]
    assert [lab.job(job)["attempts"] for job in (*running, *later)] == [1] * 5
    lab.ran_once(["taught", "played", *(f"later_{i}" for i in range(3))])
    assert lab.saves_of(*running, *later, cancelled) == [1, 0, 1, 1, 1, 0]
    assert "end" not in lab.events("cancelled")


def test_a_disk_that_is_full_when_results_are_written(own, tmp_path):
    root = tmp_path / "root"
    with small_disk(root / ".chariots", 8 << 20):
        lab = own(root=root)
        try:
            jobs = [lab.submit(name, name, "wait", size=1 << 20) for name in ("taught", "played")]
            for name in ("taught", "played"):
                lab.begun(name)
            ballast = root / ".chariots" / "ballast"
            fill(ballast)
            for name in ("taught", "played"):
                lab.let_go(name)
            for job in jobs:
                # that it failed may fit still
                wait_for(lambda job=job: gave_up(lab, job), "the server's complaint")
            assert lab.server.get("health_check").status == 200
            ballast.unlink()
            # what came of them is lost, which they say; nothing is half there
            assert lab.end_of(*jobs) == ["failed"] * 2
            for job in jobs:
                assert lab.job(job)["error"]["code"] == "store_error"
                assert "space left" in lab.job(job)["error"]["hint"]
            assert lab.saves_of(*jobs) == [0, 0]
            lab.ran_once(["taught", "played"])
            again = lab.submit("taught", "again", size=1 << 20)
            assert lab.end_of(again) == ["done"]
            assert lab.saves_of(again) == [1]
        finally:
            lab.terminate()


def gave_up(lab, job):
    """Whether a result was not written: the job says so, or the log, that not even that fits."""
    complaint = f"The end of job {job} cannot be written"
    return lab.job(job)["status"] == "failed" or complaint in lab.server.log_tail()


def test_a_server_whose_store_is_removed_says_so_and_ends(own, tmp_path):
    lab = own()
    job = lab.submit("taught", "homeless", "wait")
    queued = lab.submit("taught", "queued", after=[job])
    pid = lab.begun("homeless")
    folder, away = lab.server.root / ".chariots", tmp_path / "away"
    folder.rename(away)
    lab.let_go("homeless")
    wait_for(lambda: "cannot be written" in lab.server.log_tail(), "the server's complaint")
    body = {"pipeline_input": lab.order("refused"), "use_worker": True}
    refused = lab.server.post("pipelines/taught/main", body)
    assert (refused.status, refused.body["code"]) == (500, "store_error"), refused
    assert "was removed" in refused.body["message"]
    processes = descendants(lab.server.pid)
    lab.server.stop()
    lab.nothing_left(processes)
    lab.gone(pid)
    # put back, it has all that was written, and the jobs go on
    shutil.rmtree(folder, ignore_errors=True)
    away.rename(folder)
    lab.shorten_leases()
    lab.server.start()
    assert lab.end_of(job, queued) == ["done", "done"]
    assert lab.saves_of(job, queued) == [1, 1]
    assert lab.events("refused") == []


# -- the clock ------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def clock(tmp_path_factory):
    """A library that shifts the clock of the wall of the processes that load it."""
    compiler = shutil.which("cc")
    if compiler is None or sys.platform != "linux":
        pytest.skip("no compiler")
    folder = tmp_path_factory.mktemp("clock")
    (folder / "clock.c").write_text(CLOCK)
    library = folder / "clock.so"
    source = str(folder / "clock.c")
    subprocess.run([compiler, "-shared", "-fPIC", "-o", str(library), source, "-ldl"], check=True)
    return library


def test_clocks_that_are_set_take_no_job_from_anybody(own, clock, tmp_path):
    shift = tmp_path / "shift"
    shift.write_text("0")
    lab = own(environment={"LD_PRELOAD": str(clock), "SHIFT": str(shift)})

    def set_clock(days):
        draft = tmp_path / "draft"
        draft.write_text(str(days * DAY_S))
        draft.replace(shift)

    job = lab.submit("taught", "timeless", "wait")
    lab.begun("timeless")
    starts = [lab.job(job)["started"]]
    others = []
    for days in (-400, 400):
        set_clock(days)
        before = lab.renewals(job)
        wait_for(lambda before=before: lab.renewals(job) > before, "a renewal")
        name = f"set_by_{days}"
        others.append(lab.submit("taught", name, "wait"))
        if days == 400:
            kill(lab.begun(name))
            lab.begun(name, 2)
        lab.let_go(name)
        assert lab.end_of(others[-1]) == ["done"]
        starts.append(lab.job(others[-1])["started"])
    assert starts[0][:4] < starts[2][:4], "the clock was not set"
    lab.let_go("timeless")
    assert lab.end_of(job) == ["done"]
    assert [lab.job(one)["attempts"] for one in (job, *others)] == [1, 1, 2]
    lab.ran_once(["timeless", "set_by_-400"])
    assert lab.saves_of(job, *others) == [1, 1, 1]
    # the later end is the newest, whatever the clock said
    newest = lab.rows("SELECT job_id FROM runs ORDER BY saved DESC LIMIT 1")
    assert newest == [(job,)]
