"""Defects of Chariots 0.2 in serving and in runs by workers: gone. What other tests show:

a refused load had swapped half of the pipeline, which was then served
    → acceptance/test_served_semantics.py::test_a_refused_load_changes_nothing_while_calls_run
    → workers/test_replicas.py::test_a_switch_that_fails_leaves_the_old_set
    → pipelines/test_state.py::test_a_load_that_fails_half_way_is_undone
after a restart, and before any training, is_loaded was true and the call failed
    → acceptance/test_restart.py::test_before_any_training_it_is_not_loaded
two servers served two versions at once
    → acceptance/test_served_semantics.py::test_two_servers_switch_together_while_calls_run
    → workers/test_trainers.py::test_servers_on_one_store_count_together
dead workers were counted as alive
    → workers/test_trainers.py::test_an_idle_worker_that_dies_is_not_asked
    → workers/test_trainers.py::test_a_worker_that_is_killed_in_a_run
every run by a worker saved all ops
    → op_store/test_saves.py::test_what_a_run_merely_used_is_not_named
"""

from __future__ import annotations

import os
import signal
from concurrent.futures import ThreadPoolExecutor

import pytest

from jupyter_chariots import JobStatus, OpStore, PipelinesClient, errors

from ..live import wait_for


@pytest.fixture
def client(defects_server):
    client = PipelinesClient(defects_server.url, defects_server.token)
    yield client
    client.close()


def test_a_loaded_model_has_one_version_string_whoever_asks(client, defects_server):
    """It reported another one on every request."""
    trained = client.call_pipeline("waiting_learn", 3)
    client.save_pipeline("waiting_learn")
    client.load_pipeline("waiting")
    versions = {node: str(version) for node, version in trained.versions.items()}
    for _ in range(3):
        body = defects_server.post("pipelines/waiting/main", {"pipeline_input": 5}).body
        assert body["pipeline_output"] == 2
        assert body["versions"] == versions
        assert defects_server.get("pipelines/waiting/versions").body == versions
        assert defects_server.get("pipelines/waiting_learn/versions").body == versions
    client.load_pipeline("waiting")
    served = defects_server.get("pipelines/waiting").body["served"]["versions"]
    assert {op: entry["version"] for op, entry in served.items()} == versions


def test_training_saving_loading_and_calling_at_once_do_not_mix(client):
    """There was no lock around any of them."""
    trained = {}

    def train(number):
        trained[number] = client.call_pipeline("learn", [0, 2 * number]).versions
        return number

    def call(_):
        return client.call_pipeline("apply", [0])

    train(1)
    client.save_pipeline("learn", force=True)
    client.load_pipeline("apply")
    with ThreadPoolExecutor(6) as pool:
        training = [pool.submit(train, number) for number in range(2, 6)]
        calls = [pool.submit(call, index) for index in range(40)]
        for done in training:
            done.result()
            client.save_pipeline("learn", force=True)
            client.load_pipeline("apply")
        answers = [one.result() for one in calls]
    assert all(answer.value == [-1.0] for answer in answers)
    assert all(answer.versions in trained.values() for answer in answers)
    last = client.call_pipeline("apply", [0])
    assert last.versions in trained.values()
    assert client.pipeline_versions("apply") == last.versions


def test_no_run_that_carries_state_on_is_lost(client):
    with ThreadPoolExecutor(6) as pool:
        runs = [pool.submit(client.call_pipeline, "tally") for _ in range(24)]
    assert sorted(run.result().value for run in runs) == list(range(1, 25))


def test_a_dead_process_is_not_counted_as_alive(defects_server):
    pid = defects_server.post("pipelines/process/main").body["pipeline_output"]

    def shown():
        view = defects_server.get("pipelines/process").body
        return view["state"], view["replicas"]["alive"]

    assert shown() == ("ready", 1)
    os.kill(pid, signal.SIGKILL)
    wait_for(lambda: shown() == ("failed", 0), "the news of its end")
    reasons = defects_server.get("pipelines/process/health_check").body["warnings"]
    assert "SIGKILL" in reasons[0]
    assert defects_server.post("pipelines/process/main").body["pipeline_output"] != pid
    assert shown() == ("ready", 1)


class TestAskedForAWorker:
    """No pool is configured; asking for one was 500."""

    @pytest.fixture
    def job(self, client, defects_server):
        """Calls a pipeline as a job; gives what came of it."""

        def call(name, given):
            job_id = client.call_pipeline(name, given, use_worker=True).job_id

            def ended():
                found = defects_server.post("jobs/fetch/", {"job_id": job_id}).body
                return found if JobStatus(found["job_status"]).ended else None

            return wait_for(ended, f"the job of {name}")

        return call

    def test_a_prediction_saves_nothing_and_its_answer_has_versions(
        self, client, defects_server, job
    ):
        client.call_pipeline("asked_learn", 1)
        client.save_pipeline("asked_learn")
        client.load_pipeline("asked")
        before = defects_server.get("ops/asked/versions").body
        with OpStore(defects_server.root / ".chariots") as store:
            known = store.sequence()
        answer = job("asked", 5)
        assert (answer["pipeline_output"], answer["job_status"]) == (4, "done")
        versions = client.pipeline_versions("asked").items()
        assert answer["versions"] == {node: str(version) for node, version in versions}
        assert "run_id" not in answer
        assert defects_server.get("ops/asked/versions").body == before
        with OpStore(defects_server.root / ".chariots") as store:
            news = [one.kind for one in store.news(known) if one.pipeline == "asked"]
        assert set(news) == {"job"}

    def test_a_training_is_saved_without_another_request(self, defects_server, job):
        """A default of False for all would have forbidden it."""
        answer = job("asked_learn", 7)
        (newest, *_) = defects_server.get("ops/asked/versions").body["items"]
        assert newest["number"]
        assert newest["version"] == answer["versions"]["asked"]
        assert defects_server.get("pipelines/asked_learn").body["unsaved"] is None

    def test_a_failure_has_a_reason(self, job):
        error = job("failing", "stones")["error"]
        assert error["code"] == "node_failed"
        assert "cannot digest stones" in error["message"]
        assert error["node"] == "digest"

    def test_an_unknown_job_is_404_whatever_was_before(self, client):
        with pytest.raises(errors.JobNotFound):
            client.fetch_job("none")
