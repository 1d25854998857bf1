"""A worker is kept for the next job of its pipeline, with the state that it has loaded."""

from __future__ import annotations

import pytest

from ..live import LiveServer
from .conftest import Asker
from .jobs import Jobs

MODULE = "tests.server.warm_samples"


@pytest.fixture
def loads(tmp_path):
    return tmp_path / "loads"


@pytest.fixture
def jobs(tmp_path, loads):
    with LiveServer(
        tmp_path / "root",
        tmp_path / "home",
        app_pipelines=[MODULE],
        arguments=["--PipelinesServer.worker_pool_options={'n_workers': 1}"],
        environment={"LOADS": str(loads)},
    ) as server:
        yield Jobs(Asker(server), tmp_path)


def test_a_state_is_loaded_once_as_long_as_it_is_served(jobs, loads):
    def teach_and_load(value):
        jobs.done(jobs.submit("teach", value))
        answer = jobs.ask("POST", "pipelines/recall/load", {})
        assert answer.status == 200, answer

    def recall():
        found = jobs.done(jobs.submit("recall", 1))["pipeline_output"]
        return found["value"], found["pid"]

    teach_and_load("old")
    value, pid = recall()
    assert value == "old"
    assert {recall() for _ in range(5)} == {("old", pid)}
    assert loads.read_text().split().count(str(pid)) == 1
    teach_and_load("new")
    assert {recall() for _ in range(5)} == {("new", pid)}
    assert loads.read_text().split().count(str(pid)) == 2
