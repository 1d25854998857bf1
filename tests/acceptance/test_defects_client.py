"""Defects of Chariots 0.2 in its client and its configuration: gone. What other tests show:

the store's client ignored its URL
    → client/test_discovery.py::test_the_argument_goes_before_the_environment
    → client/test_discovery.py::test_the_environment_goes_before_connection_files
400 and 405 ended in a JSON decode error
    → client/test_answers.py::test_html_is_never_taken_for_an_answer
    → client/test_answers.py::test_errors_come_back_as_the_same_class
default arguments crashed
    → client/test_client.py::test_a_server_that_is_started_again_is_found_again
    → client/test_client.py::test_train_save_load_predict
an op's own error was lost
    → client/test_client.py::test_a_failed_op_shows_its_own_traceback
whether a call becomes a job
    → workers/test_envelope.py::test_whether_a_call_becomes_a_job
"""

from __future__ import annotations

import inspect

import pytest

from jupyter_chariots import JobStatus, OpStore, PipelineResponse, PipelinesClient, errors
from jupyter_chariots.server import PipelinesServer


@pytest.fixture
def client(defects_server):
    client = PipelinesClient(defects_server.url, defects_server.token)
    yield client
    client.close()


@pytest.fixture
def trained(client):
    """The client of a server that serves ``waiting``."""
    client.call_pipeline("waiting_learn", 3)
    client.save_pipeline("waiting_learn")
    client.load_pipeline("waiting")
    return client


def test_every_look_of_the_client_works(trained):
    """A typing error broke every GET."""
    assert "waiting" in trained.available_pipelines()
    assert trained.health()["waiting"] is True
    assert trained.is_pipeline_loaded("waiting") is True
    (version,) = trained.pipeline_versions("waiting").values()
    assert str(version) in {one["version"] for one in trained.history("waiting")}
    assert trained.diff("waiting", version, version) == {}
    assert trained.served("waiting", limit=1)[0]["pipeline"] == "waiting"


def test_each_error_of_the_store_is_one_of_its_own(trained):
    """Each was "something went wrong"."""
    digests = ".".join(["0" * 40] * 3)
    for error, said, ask in [
        (errors.OpNotFound, "nobody", lambda: trained.history("nobody")),
        (errors.OpNotFound, "nobody", lambda: trained.diff("nobody", "1.0.0", "1.0.0")),
        (errors.VersionNotFound, "9.9.9", lambda: trained.diff("waiting", "1.0.0", "9.9.9")),
        (errors.VersionNotFound, "000", lambda: trained.diff("waiting", digests, "1.0.0")),
        (errors.BadRequest, "not a version", lambda: trained.diff("waiting", "new", "1.0.0")),
        (errors.VersionNotFound, "7.0.0", lambda: load(trained, waiting="7.0.0")),
        (errors.BadRequest, "not a version", lambda: load(trained, waiting="latest")),
        (errors.OpNotFound, "Did you mean 'waiting'", lambda: load(trained, waitin="1.0.0")),
        (errors.RunNotFound, "'no'", lambda: trained.save_pipeline("waiting", run_id="no")),
        (errors.NotLoaded, "never", lambda: trained.load_pipeline("never")),
    ]:
        with pytest.raises(errors.ChariotsError, match=said) as caught:
            ask()
        assert type(caught.value) is error
    assert trained.is_pipeline_loaded("waiting")


def load(client, **versions):
    client.load_pipeline("waiting", versions)


def test_a_wrong_verb_comes_back_as_an_error_of_ours(defects_server):
    answer = defects_server.request("PUT", "pipelines/waiting/main", b"")
    assert answer.status == 405
    error = errors.from_payload(answer.body)
    assert type(error) is errors.BadRequest
    assert "POST" in str(error)


def test_defaults_may_be_left_out(trained, tmp_path, monkeypatch):
    assert trained.call_pipeline("process").value
    for method in ("load_pipeline", "save_pipeline", "history", "served"):
        required = [
            one
            for one in inspect.signature(getattr(PipelinesClient, method)).parameters.values()
            if one.default is inspect.Parameter.empty
        ]
        assert len(required) == 2, method  # self, and what it is about
    monkeypatch.chdir(tmp_path)
    with OpStore() as store:
        assert store.path == tmp_path / ".chariots" / "op_store.db"
    assert "not yet connected" in repr(PipelinesClient())


def test_workers_are_neither_demanded_nor_forbidden_by_default():
    """A default of False for all forbade them for every request."""
    assert PipelinesServer().use_workers is None


@pytest.mark.parametrize("status", ["queued", "running", "done", "failed", "deferred", "cancelled"])
def test_every_status_of_a_job_is_known(status):
    """Deferred was not."""
    body = {"pipeline_output": None, "versions": {}, "job_id": "j", "job_status": status}
    response = PipelineResponse.from_json(body)
    assert response.job_status is JobStatus(status)
    assert (response.value, response.versions, response.job_id) == (None, {}, "j")
