"""A pool of one's own, named in the configuration."""

from __future__ import annotations

import pytest

from ..live import LiveServer, wait_for
from .conftest import Asker
from .jobs import Jobs, pids

ARGUMENTS = [
    "--PipelinesServer.worker_pool=tests.server.own_pool.TaskPool",
    "--PipelinesServer.worker_pool_options={'size': 2}",
]


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    folder = tmp_path_factory.mktemp("pools")
    with LiveServer(
        folder / "root",
        folder / "home",
        app_pipelines=["tests.server.job_samples"],
        arguments=ARGUMENTS,
    ) as server:
        yield server


def test_it_runs_jobs_with_as_many_workers_as_are_needed(server, tmp_path):
    jobs = Jobs(Asker(server), tmp_path)
    held = [jobs.held() for _ in range(3)]
    for job_id, began, _ in held[:2]:
        wait_for(lambda began=began: pids(began), f"{job_id} to run")
    assert {jobs.view(job_id)["worker"] for job_id, _, _ in held[:2]} == {"task 1", "task 2"}
    assert jobs.view(held[2][0])["status"] == "queued"
    for _, _, go in held:
        go.touch()
    for job_id, _, _ in held:
        assert jobs.done(job_id)["pipeline_output"] == 1
    after = jobs.submit("do", {"value": 5}, after=[held[0][0]])
    assert jobs.done(after)["pipeline_output"] == 5
