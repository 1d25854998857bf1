"""Many jobs at once, from several processes; jobs that are cancelled, that wait, that fail."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from ..live import REPOSITORY, LiveServer, wait_for
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
    running = [lab.submit("taught", f"cancel_{i}", "wait") for i in range(2)]
    for i in range(2):
        lab.begun(f"cancel_{i}")
    queued = lab.submit("taught", "cancel_queued")
    deferred = lab.submit("taught", "cancel_deferred", after=[running[0]])
    behind = [lab.submit("played", f"behind_{i}", after=[job])
              for i, job in enumerate([running[0], queued, deferred])]  # fmt: skip
    last = lab.submit("played", "behind_all", after=behind)
    for job in (queued, deferred):
        assert lab.cancel(job)["status"] == "cancelled"
    assert lab.cancel(running[0])["cancelling"] is True
    lab.let_go("cancel_1")
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


def test_jobs_of_a_pipeline_that_is_served_no_more(live_server, tmp_path):
    server = live_server(app_pipelines=[SAMPLES], arguments=[workers(1)])
    lab = JobLab(server, tmp_path / "notes")
    running = lab.submit("taught", "running", "wait")
    lab.begun("running")
    queued = lab.submit("taught", "queued")
    deferred = lab.submit("taught", "deferred", after=[running])
    other = lab.submit("played", "other", after=[queued])
    unserved = server.request("DELETE", "pipelines/taught")
    assert unserved.status < 300, unserved
    assert lab.end_of(queued, deferred, other) == ["failed"] * 3
    assert lab.job(queued)["error"]["code"] == "pipeline_not_found"
    lab.let_go("running")
    assert lab.end_of(running) == ["done"]  # what runs is let run
    assert lab.saves_of(running) == [1]
    lab.ran_once(["running"])
    assert lab.events("queued") == lab.events("deferred") == lab.events("other") == []
    again = lab.submit("played", "again")
    assert lab.end_of(again) == ["done"]
    wait_for(lambda: not lab.rows("SELECT 1 FROM jobs WHERE ended IS NULL"), "the end of all")
    lab.terminate()
