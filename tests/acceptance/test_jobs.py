"""Jobs are never lost: whatever is killed, each one ends, and none is saved twice."""

from __future__ import annotations

import os
import signal

import pytest

from ..live import LiveServer, wait_for
from ..processes import descendants
from ..server.conftest import Asker
from ..server.jobs import Jobs, pids

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


def history(server, op="learned"):
    return server.get(f"ops/{op}/versions?limit=1000").body["items"]


def test_a_job_whose_worker_is_killed_runs_again(server, jobs):
    before = len(history(server))
    job_id, began, go = jobs.held("train")
    (first,) = wait_for(lambda: pids(began), "the first attempt")
    os.kill(first, signal.SIGKILL)
    wait_for(lambda: len(pids(began)) == 2, "the second attempt")
    go.touch()
    done = jobs.until(job_id, "done")
    assert done["attempts"] == 2
    assert len(history(server)) <= before + 1
    log = server.get(f"jobs/{job_id}/log").body["text"]
    assert "Attempt 1: its process was killed by SIGKILL" in log


def test_it_fails_when_its_attempts_are_used_up(jobs):
    job_id, began, _ = jobs.held("train")
    for number in (1, 2):
        wait_for(lambda number=number: len(pids(began)) == number, f"attempt {number}")
        os.kill(pids(began)[-1], signal.SIGKILL)
    failed = jobs.until(job_id, "failed")
    assert failed["error"]["code"] == "worker_lost"
    assert "Worker lost" in failed["error"]["message"]
    assert jobs.fetch(job_id)["job_status"] == "failed"


def test_a_synchronous_training_is_tried_once(server, jobs):
    answer = jobs.main("train", {"exit": 3})
    assert (answer.status, answer.body["code"]) == (503, "worker_lost")
    (row,) = server.get("jobs?limit=1").body["items"]
    # the answer waits for a moment only until that is written
    assert jobs.until(row["id"], "failed")["attempts"] == 1


@pytest.mark.parametrize("kill", [False, True], ids=["SIGTERM", "SIGKILL"])
def test_the_server_is_restarted(server, jobs, kill):
    """All that was running and waiting ends, and what was running is saved once."""
    before = len(history(server))
    job_id, began, go = jobs.held("train")
    (first,) = wait_for(lambda: pids(began), "the job to run")
    waiting = [jobs.submit("train", {"value": n}, after=[job_id]) for n in range(2)]
    queued = [jobs.submit("do", {"value": n}) for n in range(3)]
    processes = descendants(server.pid)
    assert first in {process.pid for process in processes}
    server.restart(kill=kill)
    wait_for(lambda: len(pids(began)) == 2, "the second attempt")
    # the guard ends last: it gives the jobs back when all others are gone
    assert not [one for one in processes if one.alive and "workers.guard" not in one.command]
    wait_for(lambda: not any(process.alive for process in processes), "the end of the guard")
    go.touch()
    done = jobs.until(job_id, "done")
    # one that is handed back was no attempt
    assert done["attempts"] == (2 if kill else 1)
    for other in (*waiting, *queued):
        jobs.until(other, "done")
    runs = [one["run_id"] for one in history(server)[: len(history(server)) - before]]
    assert len(runs) == len(set(runs)) <= 3
    assert server.get("snapshot").body["job_counts"]["running"] == 0


def test_a_short_job_ends_with_the_server(server, jobs):
    job_id, began, go = jobs.held("train")
    wait_for(lambda: pids(began), "the job to run")
    assert server.process
    server.process.terminate()
    go.touch()
    server.process.wait(60)
    server.start()
    assert jobs.view(job_id)["status"] == "done"
    assert len(pids(began)) == 1


def test_two_servers_share_a_queue_and_the_jobs_of_one_that_is_gone(server, jobs, tmp_path):
    other = LiveServer(
        server.root,
        tmp_path / "home",
        app_pipelines=[MODULE],
        arguments=SETTINGS,
        environment={"JUPYTER_DATA_DIR": server.environment["JUPYTER_DATA_DIR"]},
    )
    with other:
        held = [jobs.held() for _ in range(4)]
        for job_id, began, _ in held:
            wait_for(lambda began=began: pids(began), f"{job_id} to run")
        workers = {jobs.view(job_id)["worker"] for job_id, _, _ in held}
        assert len(workers) == 2
        # the first server cancels what may run at the second
        for job_id, _, _ in held[:2]:
            jobs.cancel(job_id)
            jobs.until(job_id, "cancelled", deadline=20)
        other.kill()
        for job_id, began, go in held[2:]:
            go.touch()
            done = jobs.until(job_id, "done")
            assert len(pids(began)) == done["attempts"]


def test_a_wrong_pool_is_said_and_harms_nothing_else(live_server):
    other = live_server(
        app_pipelines=[MODULE], arguments=["--PipelinesServer.worker_pool=no.such.Pool"]
    )
    assert other.post("pipelines/do/main", {"pipeline_input": {"value": 1}}).status == 200
    assert other.post("pipelines/train/main", {"pipeline_input": {"value": 1}}).status == 200
    refused = other.post("pipelines/do/main", {"pipeline_input": {}, "use_worker": True})
    assert (refused.status, refused.body["code"]) == (500, "configuration_error")
    assert "no.such.Pool" in refused.body["message"]
