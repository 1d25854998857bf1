"""Many jobs: at once, in a long queue, waiting for others; cancelled, failed, served no more."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from jupyter_chariots import OpStore
from jupyter_chariots.versioning.status import JobStatus

from ..live import REPOSITORY, LiveServer, wait_for
from ..op_store import lab as lab_store
from .job_lab import SAMPLES, JobLab, workers

SUBMITTER = """
import json, sys, urllib.request
url, token, bodies = sys.argv[1:]
print("ready", flush=True)
sys.stdin.readline()
ids = []
for pipeline, body in json.loads(bodies):
    request = urllib.request.Request(
        f"{url}/pipelines/{pipeline}/main",
        json.dumps({**body, "use_worker": True}).encode(),
        {"Authorization": f"token {token}", "Content-Type": "application/json"},
    )
    with urllib.request.urlopen(request, timeout=60) as answer:
        ids.append(json.load(answer)["job_id"])
print(json.dumps(ids), flush=True)
"""


@pytest.fixture(scope="module")
def lab(tmp_path_factory):
    folder = tmp_path_factory.mktemp("many_jobs")
    server = LiveServer(
        folder / "root", folder / "home", app_pipelines=[SAMPLES], arguments=[workers(2)]
    )
    with server:
        lab = JobLab(server, folder / "notes")
        yield lab
        lab.terminate()


def submit_at_once(lab, *bodies):
    """Submit each list of jobs in a process of its own, at once; gives the ids."""
    children = [
        subprocess.Popen(
            [sys.executable, "-c", SUBMITTER, lab.server.url, lab.server.token, json.dumps(one)],
            cwd=REPOSITORY,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for one in bodies
    ]
    for child in children:
        assert child.stdout.readline() == "ready\n"
    for child in children:
        child.stdin.write("\n")
        child.stdin.flush()
    ids = [json.loads(child.stdout.readline()) for child in children]
    for child in children:
        with child:
            pass
        assert child.returncode == 0
    return ids


def test_fifty_jobs_from_two_processes_on_two_workers_run_once_each(lab):
    names = [f"many_{i}" for i in range(50)]
    pipelines = ["taught" if i % 5 == 0 else "played" for i in range(50)]
    bodies = [
        (pipeline, {"pipeline_input": lab.order(name)})
        for pipeline, name in zip(pipelines, names, strict=True)
    ]
    ids = [job for one in submit_at_once(lab, bodies[0::2], bodies[1::2]) for job in one]
    assert len(set(ids)) == 50
    assert lab.end_of(*ids) == ["done"] * 50
    lab.ran_once(names)
    assert [lab.job(job)["attempts"] for job in ids] == [1] * 50
    by_name = {lab.result(job)["pipeline_output"]: job for job in ids}
    saved = lab.saves_of(*(by_name[name] for name in names))
    assert saved == [int(pipeline == "taught") for pipeline in pipelines]
    at_once = 0
    for line in lab.ledger():
        if line.name in names:
            at_once += 1 if line.event == "begin" else -1
            assert at_once <= 2


def test_one_key_from_two_processes_at_once_is_one_job_each(lab):
    names = [f"keyed_{i}" for i in range(10)]
    bodies = [
        ("taught", {"pipeline_input": lab.order(name), "idempotency_key": name}) for name in names
    ]
    first, second = submit_at_once(lab, bodies, bodies)
    assert first == second
    assert lab.end_of(*first) == ["done"] * 10
    lab.ran_once(names)
    assert lab.saves_of(*first) == [1] * 10


def test_a_cancelled_job_has_done_nothing_and_ends_those_behind_it(lab):
    short = [lab.submit("played", f"short_{i}") for i in range(20)]
    assert lab.end_of(*short) == ["done"] * 20  # after these, jobs are claimed ahead
    running = [lab.submit("taught", f"cancel_{i}", "wait") for i in range(2)]
    for i in range(2):
        lab.begun(f"cancel_{i}")
    queued = lab.submit("taught", "cancel_queued")
    deferred = lab.submit("taught", "cancel_deferred", after=[running[0]])
    behind = [lab.submit("played", f"behind_{i}", after=[job])
              for i, job in enumerate([running[0], queued, deferred])]  # fmt: skip
    last = lab.submit("played", "behind_all", after=behind)
    for job in (queued, deferred):
        cancelled = lab.cancel(job)
        assert cancelled["status"] == "cancelled" or cancelled["cancelling"]
    lab.let_go("cancel_1")
    assert lab.cancel(running[0])["cancelling"] is True
    states = lab.end_of(*running, queued, deferred, *behind, last)
    assert states == ["cancelled", "done", "cancelled", "cancelled", *["failed"] * 4]
    assert lab.saves_of(*running, queued, deferred) == [0, 1, 0, 0]
    for name in ("cancel_queued", "cancel_deferred", "behind_0", "behind_1", "behind_2"):
        assert lab.events(name) == []
    assert lab.job(last)["error"]["code"] == "prerequisite_failed"


def test_a_chain_ends_where_one_of_it_fails(lab):
    first = lab.submit("taught", "chain_0", "wait")
    second = lab.submit("taught", "chain_1", "refuse", after=[first])
    third = lab.submit("taught", "chain_2", after=[second])
    beside = lab.submit("taught", "chain_3", after=[first])
    both = lab.submit("taught", "chain_4", after=[beside, third])
    jobs = [first, second, third, beside, both]
    assert [lab.job(job)["status"] for job in jobs[1:]] == ["deferred"] * 4
    lab.let_go("chain_0")
    assert lab.end_of(*jobs) == ["done", "failed", "failed", "done", "failed"]
    errors = [lab.job(job)["error"] for job in (second, third, both)]
    assert [error["code"] for error in errors] == [
        "node_failed",
        "prerequisite_failed",
        "prerequisite_failed",
    ]
    assert all("chain_1 does not want to" in error["message"] for error in errors)
    lab.ran_once(["chain_0", "chain_3"])
    assert lab.events("chain_1") == ["begin"]
    assert lab.saves_of(*jobs) == [1, 0, 0, 1, 0]


def test_jobs_of_a_pipeline_that_is_served_no_more(lab):
    running = [lab.submit("fleeting", f"fleeting_{i}", "wait") for i in range(2)]
    for i in range(2):
        lab.begun(f"fleeting_{i}")
    queued = lab.submit("fleeting", "fleeting_queued")
    deferred = lab.submit("fleeting", "fleeting_deferred", after=[running[0]])
    other = lab.submit("played", "fleeting_other", after=[queued])
    unserved = lab.server.request("DELETE", "pipelines/fleeting")
    assert unserved.status < 300, unserved
    assert lab.end_of(queued, deferred, other) == ["failed"] * 3
    assert lab.job(queued)["error"]["code"] == "pipeline_not_found"
    for i in range(2):
        lab.let_go(f"fleeting_{i}")
    assert lab.end_of(*running) == ["done"] * 2  # what runs is let run
    assert lab.saves_of(*running) == [1, 1]
    lab.ran_once(["fleeting_0", "fleeting_1"])
    for name in ("queued", "deferred", "other"):
        assert lab.events(f"fleeting_{name}") == []


LONG = 10_000


def test_ten_thousand_jobs_in_the_queue_hold_nothing_up(lab):
    blocks = [lab.submit("played", f"block_{i}", "wait") for i in range(2)]
    for i in range(2):
        lab.begun(f"block_{i}")
    body = json.dumps({"pipeline_input": lab.order("many")}).encode()
    path = lab.server.root / ".chariots" / "op_store.db"
    with OpStore(path, secret=b"no state is read or written here") as store:
        for _ in range(10):
            jobs = store.together([store.submission("crowded", body) for _ in range(LONG // 10)])
    urgent = lab.submit("taught", "urgent", priority=1)

    def queued():
        return lab.server.get("snapshot").body["job_counts"]["queued"]

    # after short jobs of other tests, some may have been claimed ahead, and are handed back
    wait_for(lambda: queued() == LONG + 1, "all of them in the queue")
    assert len(lab.server.get("jobs?limit=100&status=queued").body["items"]) == 100
    assert lab.cancel(jobs[-1].id)["status"] == "cancelled"
    for i in range(2):
        lab.let_go(f"block_{i}")
    assert lab.end_of(*blocks, urgent) == ["done"] * 3
    wait_for(lambda: lab.events("many").count("end") > 100, "a hundred of the many")
    # those that wait end in one moment; nobody may be locked out for long
    assert lab.server.request("DELETE", "pipelines/crowded", timeout=30).status < 300
    wait_for(lambda: not lab.rows("SELECT 1 FROM jobs WHERE ended IS NULL"), "the end of all")
    ran = lab.events("many")
    assert ran.count("begin") == ran.count("end")
    counted = lab.rows("SELECT status, count(*) FROM jobs WHERE pipeline = 'crowded' GROUP BY 1")
    told = dict(counted)
    assert told == {"done": ran.count("end"), "cancelled": 1, "failed": LONG - 1 - told["done"]}


def test_each_step_of_a_job_costs_the_same_however_many_wait(tmp_path):
    """Counted in the steps of SQLite's machine, which no load of this one changes."""
    with lab_store.open_store(tmp_path) as store:
        store.register(lab_store.TRAIN, owner="m", source={})
        conn = store._db.get().conn

        def cost(act):
            steps = []
            conn.set_progress_handler(lambda: steps.append(None), 10)
            act()
            conn.set_progress_handler(None, 0)
            return len(steps)

        def life():
            job = lab_store.submit(store, b"a", idempotency_key=str(len(costs)))
            deferred = lab_store.submit(store, b"b", after=[job.id], priority=1)
            claim = store.claim_job("w", [lab_store.TRAIN.name])
            store.renew_jobs([claim.lease])
            store.finish_job(claim.lease, b"out", {})
            store.cancel_job(deferred.id)
            store.jobs(100)
            store.jobs(100, status=JobStatus.QUEUED, pipeline=lab_store.TRAIN.name)
            store.recent_jobs(100, 100)
            store.news(store.sequence() - 100, 100)

        costs = []
        for count in (1000, LONG):
            store.together([store.submission(lab_store.TRAIN.name, b"{}") for _ in range(count)])
            costs.append(cost(life))
        assert costs[1] < 1.5 * costs[0]
