"""Calls that become jobs, and the routes of jobs."""

from __future__ import annotations

import http.client
import io
import json
import time
import urllib.request

import numpy as np
import pytest

from ..live import LiveServer, wait_for
from .conftest import Asker
from .jobs import Jobs, pids

MODULE = "tests.server.job_samples"
SETTINGS = ["--PipelinesServer.worker_pool_options={'n_workers': 2}"]


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    folder = tmp_path_factory.mktemp("jobs")
    with LiveServer(
        folder / "root", folder / "home", app_pipelines=[MODULE], arguments=SETTINGS
    ) as server:
        yield server


@pytest.fixture
def jobs(server, tmp_path):
    return Jobs(Asker(server), tmp_path)


# -- what becomes a job ---------------------------------------------------------------------------


def test_a_call_that_asks_for_a_worker_is_a_job(jobs):
    began = time.time()
    job_id = jobs.submit("do", {"value": 3})
    assert jobs.fetch(job_id)["job_status"] in ("queued", "running", "done")
    answer = jobs.done(job_id)
    assert answer["pipeline_output"] == 3
    assert set(answer["versions"]) == {"obeys"}
    assert (answer["job_id"], answer["job_status"]) == (job_id, "done")
    view = jobs.view(job_id)
    assert view["pipeline"] == "do"
    assert (view["attempts"], view["max_attempts"]) == (1, 2)
    assert view["submitted"] <= view["started"] <= view["ended"]
    assert view["who"]
    assert time.time() - began < 60


def test_the_three_settings(jobs):
    """The pipeline ``process`` says yes, ``inline`` says no."""
    assert jobs.main("process").body["job_id"]
    assert jobs.main("process", use_worker=True).body["job_id"]
    assert jobs.main("process", use_worker=False).body["job_id"] is None
    assert jobs.main("inline").body["job_id"] is None
    assert jobs.main("inline", use_worker=True).body["job_id"] is None
    assert jobs.main("do", {}, use_worker=False).body["job_id"] is None
    assert jobs.main("do", {}).body["job_id"] is None


def test_a_name_among_the_data_is_no_setting(jobs):
    order = {"value": {"use_worker": True, "after": ["x"]}}
    answer = jobs.main("do", order).body
    assert answer["job_id"] is None
    assert answer["pipeline_output"] == order["value"]


def test_what_belongs_to_jobs_is_refused_elsewhere(jobs):
    for field, value in (("after", []), ("priority", 1), ("idempotency_key", "k")):
        refused = jobs.main("do", {}, **{field: value})
        assert (refused.status, refused.body["field"]) == (400, field)
        assert "use_worker" in refused.body["hint"]


@pytest.mark.parametrize(
    "fields",
    [
        {"use_worker": "yes"},
        {"use_worker": True, "after": "x"},
        {"use_worker": True, "priority": 1.5},
        {"use_worker": True, "priority": 2**40},
        {"use_worker": True, "save": 1},
        {"use_worker": True, "idempotency_key": 3},
    ],
)
def test_fields_of_a_wrong_type(jobs, fields):
    assert jobs.main("do", {}, **fields).status == 400


def test_a_large_body_is_a_job_as_well(jobs):
    job_id = jobs.submit("do", {"value": "x" * 300_000})
    assert len(jobs.done(job_id)["pipeline_output"]) == 300_000


def test_an_unknown_pipeline_or_prerequisite(jobs):
    assert jobs.main("nothing", use_worker=True).status == 404
    refused = jobs.main("do", {}, use_worker=True, after=["nothing"])
    assert (refused.status, refused.body["code"]) == (404, "job_not_found")


# -- what a job does ------------------------------------------------------------------------------


def test_a_training_as_a_job_is_saved_unless_it_is_said(jobs):
    job_id = jobs.submit("train", {"value": 5})
    answer = jobs.done(job_id)
    assert answer["run_id"] == jobs.view(job_id)["run_id"]
    assert jobs.ask("GET", "pipelines/train").body["unsaved"] is None
    kept = jobs.done(jobs.submit("train", {"value": 6}, save=False))
    assert jobs.ask("GET", "pipelines/train").body["unsaved"] == kept["run_id"]


def test_a_synchronous_training_is_a_row_and_is_not_saved(jobs):
    answer = jobs.main("train", {"value": 7}).body
    assert answer["job_id"] is None
    assert jobs.ask("GET", "pipelines/train").body["unsaved"] == answer["run_id"]
    (row,) = jobs.ask("GET", "jobs", query={"limit": 1}).body["items"]
    assert (row["pipeline"], row["status"], row["save"]) == ("train", "done", False)
    assert (row["run_id"], row["max_attempts"]) == (answer["run_id"], 1)
    assert jobs.fetch(row["id"])["versions"] == answer["versions"]
    failed = jobs.main("train", {"fail": "too hot"})
    assert failed.status == 500
    (row,) = jobs.ask("GET", "jobs", query={"limit": 1}).body["items"]
    assert (row["status"], row["error"]["code"]) == ("failed", "node_failed")


def test_a_prediction_as_a_job_runs_on_what_is_served(jobs):
    jobs.done(jobs.submit("train", {"value": 8}))
    assert jobs.ask("POST", "pipelines/predict/load", {}).status == 200
    jobs.done(jobs.submit("train", {"value": 9}))
    served = jobs.ask("GET", "pipelines/predict/served").body
    answer = jobs.done(jobs.submit("predict", 1))
    assert answer["pipeline_output"] == [1, 8]
    assert "run_id" not in answer
    assert answer["versions"] == jobs.main("predict", 1).body["versions"]
    assert jobs.ask("GET", "pipelines/predict/served").body == served
    assert jobs.ask("POST", "pipelines/predict/load", {}).status == 200
    assert jobs.done(jobs.submit("predict", 1))["pipeline_output"] == [1, 9]


def test_a_pipeline_that_is_not_loaded_takes_jobs_which_fail_with_the_reason(jobs):
    job_id = jobs.submit("never", 1)
    failed = jobs.until(job_id, "failed")
    assert failed["error"]["code"] == "not_loaded"
    assert jobs.fetch(job_id)["error"]["message"] == failed["error"]["message"]
    assert jobs.main("never", 1).status == 419


def test_runs_that_carry_state_on_follow_one_another(jobs):
    ids = [jobs.submit("tally") for _ in range(6)]
    counts = [jobs.done(job_id)["pipeline_output"] for job_id in ids]
    assert sorted(counts) == [1, 2, 3, 4, 5, 6]
    assert jobs.main("tally").body["pipeline_output"] == 7


def test_a_warm_worker_takes_the_next_job(jobs):
    found = {jobs.done(jobs.main("process").body["job_id"])["pipeline_output"] for _ in range(5)}
    assert len(found) <= 2


def test_a_failure_is_kept_with_its_traceback(jobs):
    job_id = jobs.submit("do", {"fail": "too hot"})
    view = jobs.until(job_id, "failed")
    assert (view["error"]["code"], view["error"]["node"]) == ("node_failed", "obeys")
    assert 'raise RuntimeError(order["fail"])' in view["error"]["traceback"]
    answer = jobs.fetch(job_id)
    assert answer["pipeline_output"] is None
    assert (answer["job_status"], answer["versions"]) == ("failed", {})
    assert "traceback" in answer["error"]
    listed = jobs.ask("GET", "jobs", query={"status": "failed", "limit": 1}).body["items"][0]
    assert listed["id"] == job_id
    assert "traceback" not in listed["error"]
    assert view["attempts"] == 1


def test_data_in_and_out(jobs):
    content = io.BytesIO()
    np.save(content, np.arange(6.0).reshape(2, 3))
    npy = {"Content-Type": "application/x-npy", "Accept": "application/x-npy"}
    server = jobs.ask.server
    path = "pipelines/squares/main?use_worker=true&priority=3"
    job_id = server.request("POST", path, content.getvalue(), headers=npy).body["job_id"]
    assert jobs.until(job_id, "done")["priority"] == 3
    request = urllib.request.Request(
        f"{server.url}/jobs/fetch/",
        json.dumps({"job_id": job_id}).encode(),
        {"Authorization": f"token {server.token}", **npy, "Content-Type": "application/json"},
    )
    with urllib.request.urlopen(request) as answer:
        assert answer.headers["Content-Type"] == "application/x-npy"
        assert answer.headers["Chariots-Job-Id"] == job_id
        assert set(json.loads(answer.headers["Chariots-Versions"])) == {"square"}
        result = np.load(io.BytesIO(answer.read()))
    assert np.array_equal(result, np.arange(6.0).reshape(2, 3) ** 2)


# -- the queue ------------------------------------------------------------------------------------


def test_a_job_waits_for_others_and_fails_with_them(jobs):
    first, _, go = jobs.held()
    then = jobs.submit("do", {"value": 2}, after=[first])
    assert jobs.view(then)["status"] == "deferred"
    assert jobs.view(then)["after"] == [first]
    go.touch()
    assert jobs.done(then)["pipeline_output"] == 2
    assert jobs.view(first)["ended"] <= jobs.view(then)["started"]
    failing = jobs.submit("do", {"fail": "too hot"})
    # the first may have failed by then, and this one with it
    never = jobs.main("do", {"value": 3}, use_worker=True, after=[failing]).body["job_id"]
    assert jobs.until(never, "failed")["error"]["code"] == "prerequisite_failed"


def test_one_key_is_one_job(jobs):
    first = jobs.main("do", {"value": 1}, use_worker=True, idempotency_key="one").body
    again = jobs.main("do", {"value": 1}, use_worker=True, idempotency_key="one").body
    assert again["job_id"] == first["job_id"]
    jobs.done(first["job_id"])
    ended = jobs.main("do", {"value": 1}, use_worker=True, idempotency_key="one").body
    assert (ended["job_status"], ended["pipeline_output"]) == ("done", 1)
    other = jobs.main("do", {"value": 2}, use_worker=True, idempotency_key="one")
    assert other.status == 409


@pytest.fixture
def held(jobs):
    """Jobs that keep both workers busy, so that others wait: see :meth:`Jobs.held`.

    The pool claims some of those ahead where jobs are short, so the one before them is not.
    """
    jobs.settle()
    jobs.done(jobs.submit("do", {"last": 0.5}))
    held = [jobs.held() for _ in range(2)]
    for job_id, began, _ in held:
        wait_for(lambda began=began: pids(began), f"{job_id} to run")
    return held


def test_priority_goes_first(jobs, held):
    low = [jobs.submit("do", {"value": n}) for n in range(3)]
    high = jobs.submit("do", {"value": 9}, priority=5)
    held[0][2].touch()
    jobs.done(high)
    for job_id in low:
        jobs.done(job_id)
    started = [jobs.view(job_id)["started"] for job_id in (high, *low)]
    assert started == sorted(started)
    held[1][2].touch()
    jobs.done(held[1][0])


def test_cancel(jobs, held):
    waiting = jobs.submit("do", {"value": 1})
    after = jobs.submit("do", {"value": 1}, after=[waiting])
    assert jobs.cancel(waiting)["status"] == "cancelled"
    assert jobs.until(after, "failed")["error"]["code"] == "prerequisite_failed"
    for job_id, _, _ in held:
        cancelled = jobs.cancel(job_id)
        assert cancelled["cancelling"] or cancelled["status"] == "cancelled"
        ended = jobs.until(job_id, "cancelled")
        assert ended["error"]["code"] == "job_cancelled"
        assert jobs.cancel(job_id)["status"] == "cancelled"
    assert jobs.fetch(waiting)["job_status"] == "cancelled"
    assert jobs.ask("DELETE", "jobs/nothing").status == 404


def test_a_job_that_does_not_obey_is_killed(jobs):
    began = jobs.file()
    job_id = jobs.submit("do", {"began": str(began), "stubborn": True})
    (pid,) = wait_for(lambda: pids(began), "the job to run")
    jobs.cancel(job_id)
    jobs.until(job_id, "cancelled")
    assert pids(began) == [pid]
    assert jobs.done(jobs.submit("do", {"value": 1}))["pipeline_output"] == 1


# -- looking at jobs ------------------------------------------------------------------------------


def test_pages_and_filters(jobs):
    ids = [jobs.submit("do", {"value": n}) for n in range(5)]
    for job_id in ids:
        jobs.done(job_id)
    query = {"pipeline": "do", "status": "done", "limit": 2}
    seen: list[str] = []
    while len(seen) < 4:
        page = jobs.ask("GET", "jobs", query=query).body
        seen += [one["id"] for one in page["items"]]
        query["before"] = page["next"]
    assert seen == ids[:0:-1]
    assert jobs.ask("GET", "jobs", query={"status": "odd"}).status == 400
    assert jobs.ask("GET", "jobs", query={"pipeline": "nothing"}).body["items"] == []


@pytest.mark.parametrize(
    ("method", "path"), [("GET", "jobs/x"), ("DELETE", "jobs/x"), ("GET", "jobs/x/log")]
)
def test_an_unknown_job(jobs, method, path):
    answer = jobs.ask(method, path)
    assert (answer.status, answer.body["code"]) == (404, "job_not_found")


def test_a_long_poll_ends_with_the_news(jobs):
    job_id, began, go = jobs.held()
    wait_for(lambda: pids(began), "the job to run")
    running = jobs.until(job_id, "running")
    began_at = time.monotonic()
    same = jobs.ask("GET", f"jobs/{job_id}", query={"wait": 1, "seen": running["seen"] + 10**9})
    assert same.body["status"] == "running"
    assert time.monotonic() - began_at > 0.9
    go.touch()
    assert jobs.until(job_id, "done")


def test_the_log(jobs):
    job_id, _, go = jobs.held(save=False)
    printing = jobs.submit("do", {"print": ["one", "two"], "warn": "hot", "until": str(go)})
    first = {}

    def printed():
        first.update(jobs.ask("GET", f"jobs/{printing}/log").body)
        # the end of a line is written by itself
        return first["text"].endswith("\n") and {"one", "two", "hot"} <= {*first["text"].split()}

    wait_for(printed, "what it prints")
    assert not first["ended"]
    assert jobs.ask("GET", f"jobs/{printing}/log", query={"lines": 1}).body["text"] in (
        "two\n",
        "hot\n",
    )
    go.touch()
    query = {"after": first["offset"], "wait": 20}
    rest = jobs.ask("GET", f"jobs/{printing}/log", query=query).body
    assert (rest["text"], rest["ended"]) == ("", True)
    jobs.done(job_id)
    # that it is done is known a moment before its attempt has ended
    silent = wait_for(
        lambda: (found := jobs.ask("GET", f"jobs/{job_id}/log").body)["ended"] and found, "its end"
    )
    assert silent["text"].strip() == ""
    assert jobs.ask("GET", f"jobs/{job_id}/log", query={"after": "x"}).status == 400


def test_the_snapshot_shows_jobs(jobs):
    jobs.settle()
    job_id, _, go = jobs.held()
    jobs.until(job_id, "running")
    snapshot = jobs.ask("GET", "snapshot").body
    assert snapshot["job_counts"]["running"] == 1
    assert snapshot["jobs"][0]["id"] == job_id
    assert [one["seq"] for one in snapshot["jobs"]] == sorted(
        (one["seq"] for one in snapshot["jobs"]), reverse=True
    )
    assert len(snapshot["jobs"]) <= 101
    go.touch()
    jobs.done(job_id)
    counts = jobs.ask("GET", "snapshot").body["job_counts"]
    assert counts["running"] == 0


def test_the_metrics_count_jobs(jobs):
    jobs.settle()
    jobs.done(jobs.submit("do", {"value": 1}))
    done = jobs.ask("GET", "snapshot").body["job_counts"]["done"]

    def counted():
        server = jobs.ask.server
        request = urllib.request.Request(
            f"{server.server_url}metrics", headers={"Authorization": f"token {server.token}"}
        )
        with urllib.request.urlopen(request) as answer:
            text = answer.read().decode()
        return f'jupyter_chariots_jobs{{status="done"}} {done:.1f}' in text

    wait_for(counted, "the gauge")


# -- runs that somebody waits for -----------------------------------------------------------------


def test_a_client_that_waits_no_longer_than_it_says(jobs):
    began, go = jobs.file(), jobs.file()
    order = {"began": str(began), "until": str(go), "value": 4}
    prefer = {"Prefer": "respond-async, wait=1"}
    body = {"pipeline_input": order}
    answer = jobs.ask("POST", "pipelines/train/main", body, headers=prefer)
    assert (answer.status, answer.body["job_status"]) == (202, "running")
    assert answer.body["versions"] == {}
    assert answer.headers["Preference-Applied"] == "wait=1"
    job_id = answer.body["job_id"]
    assert answer.headers["Location"] == f"/chariots/jobs/{job_id}"
    go.touch()
    done = jobs.done(job_id)
    assert done["job_id"] == job_id
    assert jobs.ask("GET", "pipelines/train").body["unsaved"] == done["run_id"]
    assert len(pids(began)) == 1
    patient = {"Prefer": "respond-async, wait=60"}
    quick = jobs.ask(
        "POST", "pipelines/train/main", {"pipeline_input": {"value": 1}}, headers=patient
    )
    assert (quick.status, quick.body["job_id"]) == (200, None)


def test_a_training_goes_on_when_its_client_is_gone(jobs):
    began, go = jobs.file(), jobs.file()
    body = {"pipeline_input": {"began": str(began), "until": str(go), "value": 4}}
    server = jobs.ask.server
    connection = http.client.HTTPConnection("127.0.0.1", server.port)
    headers = {"Authorization": f"token {server.token}"}
    connection.request("POST", "/chariots/pipelines/train/main", json.dumps(body), headers)
    wait_for(lambda: pids(began), "the run")
    connection.close()
    (row,) = jobs.ask("GET", "jobs", query={"limit": 1}).body["items"]
    assert row["status"] == "running"
    go.touch()
    done = jobs.until(row["id"], "done")
    assert jobs.ask("GET", "pipelines/train").body["unsaved"] == done["run_id"]


# -- pipelines that load by themselves ------------------------------------------------------------


def causes(jobs, name):
    items = jobs.ask("GET", f"pipelines/{name}/served").body["items"]
    return [one["cause"] for one in items]


def test_a_pipeline_loads_by_itself_what_a_job_saved(jobs):
    jobs.settle()
    for value in (11, 12):
        jobs.done(jobs.submit("train", {"value": value}))
        wait_for(
            lambda value=value: jobs.main("follow", 1).body.get("pipeline_output") == [1, value],
            "the new version",
        )
    assert causes(jobs, "follow")[0] == "auto_load"


def test_it_waits_until_versions_go_together_and_not_a_call_fails(jobs):
    jobs.settle()
    jobs.done(jobs.submit("train", {"value": 20}))
    jobs.done(jobs.submit("refine", 1))
    wait_for(
        lambda: jobs.main("both", 1).body.get("pipeline_output") == [1, 20, 1, 20], "the first set"
    )
    jobs.done(jobs.submit("train", {"value": 21}))
    # what is newer does not go with what was trained on the one before
    newer = wait_for(lambda: jobs.ask("GET", "pipelines/both").body["newer"], "what is newer")
    assert not newer["fits"]
    assert jobs.main("both", 1).body["pipeline_output"] == [1, 20, 1, 20]
    refined = jobs.submit("refine", 1)
    seen = set()

    def switched():
        answer = jobs.main("both", 1)
        assert answer.status == 200
        seen.add(tuple(answer.body["pipeline_output"]))
        return (1, 21, 1, 21) in seen

    wait_for(switched, "the second set")
    jobs.done(refined)
    assert seen <= {(1, 20, 1, 20), (1, 21, 1, 21)}


def test_it_stays_where_it_is_pinned(jobs):
    jobs.settle()
    jobs.done(jobs.submit("train", {"value": 31}))
    wait_for(lambda: jobs.main("follow", 1).body.get("pipeline_output") == [1, 31], "the load")
    served = jobs.ask("GET", "pipelines/follow").body["served"]["versions"]["learned"]["number"]
    pinned = jobs.ask("POST", "pipelines/follow/load", {"versions": {"learned": served}})
    assert pinned.status == 200
    jobs.done(jobs.submit("train", {"value": 32}))
    newer = wait_for(lambda: jobs.ask("GET", "pipelines/follow").body["newer"], "what is newer")
    assert (newer["pinned"], newer["fits"]) == (True, True)
    assert jobs.main("follow", 1).body["pipeline_output"] == [1, 31]
    assert jobs.ask("POST", "pipelines/follow/load", {}).status == 200
    assert jobs.main("follow", 1).body["pipeline_output"] == [1, 32]
