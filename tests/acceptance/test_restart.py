"""A restart loses nothing, however the server ended: the first promise of the product."""

from __future__ import annotations

import pytest

from ..live import IRIS

ROW = {"pipeline_input": [[5.1, 3.5, 1.4, 0.2]]}


@pytest.fixture
def server(live_server):
    return live_server(app_pipelines=[IRIS])


def ask(server, name, route, body=None):
    return server.post(f"pipelines/{name}/{route}", body)


def test_four_requests_and_a_prediction(server):
    trained = ask(server, "train_iris", "main")
    assert (trained.status, trained.body["job_status"]) == (200, "done")
    saved = ask(server, "train_iris", "save")
    assert (saved.status, saved.body) == (200, {})
    loaded = ask(server, "pred_iris", "load")
    assert (loaded.status, loaded.body) == (200, {})
    predicted = ask(server, "pred_iris", "main", ROW)
    assert predicted.status == 200
    assert predicted.body["pipeline_output"] == [0]
    assert predicted.body["job_id"] is None

    server.restart(kill=True)

    health = server.get("pipelines/pred_iris/health_check")
    assert (health.status, health.body["is_loaded"]) == (200, True)
    assert ask(server, "pred_iris", "main", ROW).body == predicted.body
    assert server.get("pipelines/pred_iris/versions").body == predicted.body["versions"]
    assert server.get("health_check").body["pred_iris"] is True


def test_killed_between_training_and_save(server):
    trained = ask(server, "train_iris", "main")
    assert trained.status == 200

    server.restart(kill=True)

    assert server.get("pipelines/train_iris/versions").body == trained.body["versions"]
    assert ask(server, "train_iris", "save").body == {}
    assert ask(server, "pred_iris", "load").status == 200
    predicted = ask(server, "pred_iris", "main", ROW)
    assert predicted.body["pipeline_output"] == [0]
    learned = set(predicted.body["versions"].values())
    assert learned <= set(trained.body["versions"].values())


def test_before_any_training_it_is_not_loaded(server):
    for _ in range(2):
        health = server.get("pipelines/pred_iris/health_check")
        assert (health.status, health.body["is_loaded"]) == (419, False)
        assert server.get("health_check").body["pred_iris"] is False
        called = ask(server, "pred_iris", "main", ROW)
        assert called.status == 419
        assert called.body["code"] == "not_loaded"
        assert "train_iris" in called.body["hint"]
        server.restart(kill=True)


def test_rolled_back_stays_rolled_back(server):
    def train(pipeline, body=None):
        assert ask(server, pipeline, "main", body).status == 200
        assert ask(server, pipeline, "save").status == 200

    train("train_iris")
    assert ask(server, "pred_iris", "load").status == 200
    first = ask(server, "pred_iris", "main", ROW).body
    served = server.get("pipelines/pred_iris").body["served"]["versions"]
    numbers = {op: entry["number"] for op, entry in served.items()}
    train("train_pca", {"pipeline_input": 7})
    refused = ask(server, "pred_iris", "load")
    assert refused.status == 419
    assert refused.body["remedy"] == ["train_iris"]
    train("train_iris")
    assert ask(server, "pred_iris", "load").status == 200
    assert ask(server, "pred_iris", "load", {"versions": numbers}).status == 200
    assert ask(server, "pred_iris", "main", ROW).body == first

    server.restart(kill=True)

    assert ask(server, "pred_iris", "main", ROW).body == first
    assert server.get("pipelines/pred_iris").body["served"]["pins"] == numbers


def test_a_restart_by_the_book_leaves_no_process_and_no_connection_file(server):
    assert ask(server, "train_iris", "main").status == 200
    assert list(server.runtime_dir.glob("jpchariots-*.json"))
    server.stop()
    assert not list(server.runtime_dir.glob("jpchariots-*.json"))
    server.start()
    assert ask(server, "train_iris", "save").body == {}
