import threading

import numpy as np
import pandas as pd
import pytest
from jupyter_server.auth import passwd

from jupyter_chariots import JobStatus, PipelineResponse, PipelinesClient, Version, errors
from jupyter_chariots.examples import iris
from tests.live import FLOWERS

FLOWER = [[5.1, 3.5, 1.4, 0.2]]


@pytest.fixture
def client(iris_server):
    """A client of the shared server, where pred_iris serves what train_iris learns."""
    client = PipelinesClient(iris_server.url, iris_server.token)
    client.call_pipeline("train_iris")
    client.save_pipeline("train_iris")
    client.load_pipeline("pred_iris")
    yield client
    client.close()


def test_train_save_load_predict(client):
    trained = client.call_pipeline("train_iris")
    assert isinstance(trained, PipelineResponse)
    assert trained.job_status is JobStatus.DONE
    assert trained.job_id is None
    assert trained.run_id
    client.save_pipeline("train_iris")
    client.load_pipeline("pred_iris")
    assert client.is_pipeline_loaded("pred_iris") is True
    predicted = client.call_pipeline("pred_iris", FLOWER)
    assert predicted.value == [0]
    assert predicted.run_id is None
    assert predicted.versions == client.pipeline_versions("pred_iris")
    assert all(isinstance(version, Version) for version in predicted.versions.values())


def test_pipelines_are_objects_or_names(client):
    response = client.call_pipeline(iris.pred_iris, FLOWER)
    assert response.value == client.call_pipeline("pred_iris", FLOWER).value
    assert client.is_pipeline_loaded(iris.pred_iris)
    assert response.versions.keys() == iris.pred_iris.get_pipeline_versions().keys()
    client.load_pipeline(iris.pred_iris)


def test_arrays_and_frames_are_inputs(client):
    rows = [[5.1, 3.5, 1.4, 0.2], [6.7, 3.0, 5.2, 2.3]]
    expected = client.call_pipeline("pred_iris", rows).value
    assert len(expected) == 2
    for data in (np.array(rows), pd.DataFrame(rows, columns=list("abcd"))):
        classes = client.call_pipeline("pred_iris", data).value
        assert isinstance(classes, np.ndarray)
        assert classes.tolist() == expected


def test_what_is_served(client, iris_server):
    served = set(iris_server.get("health_check").body)  # also what other tests have served
    assert set(client.available_pipelines()) == served
    assert served >= {"train_iris", "train_pca", "pred_iris"}
    assert client.health()["pred_iris"] is True


def test_a_refused_load_says_what_to_do(client):
    before = client.call_pipeline("pred_iris", FLOWER)
    client.call_pipeline("train_pca", 3)
    client.save_pipeline("train_pca")
    with pytest.raises(errors.VersionError) as refused:
        client.load_pipeline("pred_iris")
    assert "train_iris" in refused.value.details["remedy"]
    assert client.call_pipeline("pred_iris", FLOWER) == before
    exec(refused.value.hint.splitlines()[-1], {"client": client})
    assert client.is_pipeline_loaded("pred_iris")


def test_roll_back_history_and_diff(client):
    whole = client.pipeline_versions("pred_iris")
    pca = newest_pca(client)
    client.call_pipeline("train_pca", 5)
    client.save_pipeline("train_pca")
    sampled = newest_pca(client)
    assert sampled != pca
    assert len(client.history("pcaop", limit=1)) == 1
    assert client.history("pcaop", limit=None) == client.history("pcaop")
    rows = {version_of(row): row for row in client.history("pcaop")}
    differs = client.diff("pcaop", pca, sampled)
    assert differs
    assert client.diff(rows[pca], rows[sampled]) == differs
    for wrong in [("pcaop", pca), (rows[pca], client.history("logisticop", 1)[0]), (pca, sampled)]:
        with pytest.raises(errors.BadRequest, match="of one op"):
            client.diff(*wrong)
    client.load_pipeline("pred_iris", {"pcaop": pca})
    assert client.pipeline_versions("pred_iris") == whole
    with pytest.raises(errors.VersionError):
        client.load_pipeline("pred_iris", {"pcaop": str(sampled)})
    latest = client.served("pred_iris", limit=1)[0]
    assert Version.parse(latest["versions"]["pcaop"]) == pca
    number = next(v["number"] for v in client.history("pcaop") if version_of(v) == pca)
    client.load_pipeline("pred_iris", {"pcaop": number})
    assert client.pipeline_versions("pred_iris") == whole


def test_a_client_saves_its_own_last_run(client, iris_server):
    other = PipelinesClient(iris_server.url, iris_server.token)
    mine = client.call_pipeline("train_pca", 11)
    theirs = other.call_pipeline("train_pca", 12)
    client.save_pipeline("train_pca")
    assert newest_pca(client) == pca_of(mine)
    with pytest.raises(errors.SaveConflict):
        other.save_pipeline("train_pca")
    other.save_pipeline("train_pca", force=True)
    assert newest_pca(client) == pca_of(theirs)
    other.close()


def test_a_load_sets_an_earlier_run_aside(client):
    client.load_pipeline("train_pca")
    run = client.call_pipeline("train_pca", 13)
    before = newest_pca(client)
    client.load_pipeline("train_pca")
    client.save_pipeline("train_pca")
    assert newest_pca(client) == before
    client.save_pipeline("train_pca", run_id=run.run_id)
    assert newest_pca(client) == pca_of(run)


def pca_of(response):
    return next(v for node, v in response.versions.items() if "pca" in node.lower())


def version_of(row):
    return Version.parse(row["version"])


def newest_pca(client):
    saved = [row for row in client.history("pcaop") if row["named"]]
    return version_of(max(saved, key=lambda row: row["named"]))


def test_errors_come_back(client):
    with pytest.raises(errors.PipelineNotFound, match="pred_irs"):
        client.call_pipeline("pred_irs")
    with pytest.raises(ValueError, match="pred_irs"):
        client.pipeline_versions("pred_irs")
    with pytest.raises(errors.NotFound):
        client.call_pipeline("../../api/status?")
    with pytest.raises(errors.BadRequest):
        client.call_pipeline("train_iris", FLOWER)
    with pytest.raises(errors.JobNotFound):
        client.fetch_job("none")
    with pytest.raises(errors.RunNotFound):
        client.save_pipeline("train_iris", run_id="none")
    with pytest.raises(errors.InvalidInput):
        client.call_pipeline("pred_iris", object())
    with pytest.raises(errors.OpNotFound):
        client.history("nobody")


def test_wrong_credentials_and_addresses(iris_server):
    for url, token, expected in [
        (iris_server.url, "wrong", errors.NotAuthenticated),
        (f"{iris_server.server_url}elsewhere", iris_server.token, errors.ServerNotFound),
    ]:
        client = PipelinesClient(url, token)
        with pytest.raises(errors.ChariotsError) as caught:
            client.available_pipelines()
        assert type(caught.value) is expected
        client.close()


def test_a_failed_op_shows_its_own_traceback(live_server):
    server = live_server(app_pipelines=["tests.client.app"])
    client = PipelinesClient(server.url, server.token)
    assert client.call_pipeline("division", [6, 2]).value == 6
    with pytest.raises(errors.NodeFailed, match="division") as caught:
        client.call_pipeline("division", [6, 0])
    assert caught.value.details["pipeline"] == "division"
    assert caught.value.details["node"] == "ratio"
    assert caught.value.details["op"] == "divide"
    assert "return pair[0] / pair[1]" in caught.value.traceback
    assert "ZeroDivisionError" in str(caught.value.__cause__)
    client.close()


def test_threads_share_a_client(client):
    answers = []

    def call():
        for _ in range(10):
            answers.append(client.call_pipeline("pred_iris", FLOWER).value)

    threads = [threading.Thread(target=call) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert answers == [[0]] * 80


def test_a_server_that_is_started_again_is_found_again(live_server, monkeypatch, tmp_path):
    server = live_server(app_pipelines=[FLOWERS])
    monkeypatch.setenv("JUPYTER_RUNTIME_DIR", str(server.runtime_dir))
    monkeypatch.chdir(server.root)
    client = PipelinesClient()
    with pytest.raises(errors.NotLoaded):
        client.call_pipeline("pred_iris", FLOWER)
    assert client.is_pipeline_loaded("pred_iris") is False
    client.call_pipeline("train_iris")
    server.restart(kill=True)  # another process, another credential
    client.save_pipeline("train_iris")
    client.load_pipeline("pred_iris")
    assert client.call_pipeline("pred_iris", FLOWER).value == [0]
    server.stop()
    with pytest.raises(errors.ServerNotFound, match="CHARIOTS_URL"):
        client.call_pipeline("pred_iris", FLOWER)
    client.close()


def test_a_server_with_a_password_and_a_base_url(live_server, monkeypatch):
    password = f"--PasswordIdentityProvider.hashed_password={passwd('secret')}"
    server = live_server(token="", base_url="/user/ada@x/", arguments=[password])
    monkeypatch.setenv("JUPYTER_RUNTIME_DIR", str(server.runtime_dir))
    monkeypatch.chdir(server.root)
    assert server.get("available_pipelines").status in (401, 403)
    client = PipelinesClient()
    assert client.available_pipelines() == []
    assert repr(client) == f"<PipelinesClient of {server.url}>"
    client.close()


def test_warnings_of_the_server_become_python_warnings(scripted):
    server = scripted(lambda handler: handler.answer(200, '{"warnings": ["pcaop: newer code"]}'))
    client = PipelinesClient(server.url)
    with pytest.warns(UserWarning, match="pcaop: newer code") as caught:
        client.load_pipeline("pred_iris")
    assert caught[0].filename == __file__
    client.close()


def test_making_a_client_connects_to_nothing():
    assert "not yet connected" in repr(PipelinesClient("http://nowhere.invalid"))
