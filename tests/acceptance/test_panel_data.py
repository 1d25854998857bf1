"""What a panel shows of a pipeline can be had, and is true, at each step of a model's life."""

from __future__ import annotations

import urllib.request

import pytest

from ..live import IRIS, wait_for

ROW = {"pipeline_input": [[5.1, 3.5, 1.4, 0.2]]}


@pytest.fixture
def server(live_server):
    return live_server(app_pipelines=[IRIS])


def seen(server, name="pred_iris"):
    (view,) = [one for one in server.get("snapshot").body["pipelines"] if one["name"] == name]
    return view


def test_the_life_of_a_model(server):
    view = wait_for(lambda: seen(server), "the pipelines")
    assert (view["is_loaded"], view["served"], view["newer"]) == (False, None, None)
    assert view["ops"] == ["pcaop", "logisticop"]

    run = server.post("pipelines/train_iris/main").body["run_id"]
    train = seen(server, "train_iris")
    assert train["unsaved"] == run
    assert set(train["unsaved_ops"]) == {"pcaop", "logisticop"}
    server.post("pipelines/train_iris/save")
    assert seen(server, "train_iris")["unsaved_ops"] == []

    newer = wait_for(lambda: seen(server)["newer"], "the news")
    assert newer == {
        "numbers": {"pcaop": "1.0.0", "logisticop": "1.0.0"},
        "fits": True,
        "reason": None,
        "pinned": False,
    }
    server.post("pipelines/pred_iris/load")
    view = seen(server)
    assert (view["is_loaded"], view["newer"]) == (True, None)
    assert view["served"]["versions"]["logisticop"]["number"] == "1.0.0"

    assert server.post("pipelines/pred_iris/main", ROW).status == 200
    assert server.post("pipelines/pred_iris/main", {"pipeline_input": "stones"}).status >= 400
    view = seen(server)
    assert view["calls"]["rate"] > 0
    assert 0 < view["calls"]["p50"] <= view["calls"]["p99"]
    assert {"code", "message", "at"} <= view["last_error"].keys()
    assert "\n" not in view["last_error"]["message"]
    assert view["replicas"]["alive"] == view["replicas"]["wanted"] == 1
    assert 'jupyter_chariots_calls_total{pipeline="pred_iris"' in metrics(server)

    # a version alone, with what it was trained on; and where a load would be refused
    one = server.get("ops/logisticop/versions/1.0.0").body
    assert {up["op"]: up["label"] for up in one["trained_on"] if up["stateful"]} == {
        "pcaop": "1.0.0"
    }
    assert one["facts"]["metrics"]
    assert server.get("ops/logisticop/versions/7.0.0").status == 404
    assert server.get("ops/nobody/versions/1.0.0").status == 404

    loadable = server.get("pipelines/pred_iris/loadable?pcaop=1.0.0").body
    assert loadable["would_load"]["logisticop"]["number"] == "1.0.0"
    at = view["served"]["at"]
    (row,) = server.get(f"pipelines/pred_iris/served?from={at}&to={at}").body["items"]
    assert row["numbers"] == {"pcaop": "1.0.0", "logisticop": "1.0.0"}
    assert server.get("pipelines/pred_iris/served?to=2001-01-01T00:00:00Z").body["items"] == []


def metrics(server):
    """Jupyter's own page of them."""
    request = urllib.request.Request(
        f"{server.server_url}metrics", headers={"Authorization": f"token {server.token}"}
    )
    with urllib.request.urlopen(request, timeout=60) as answer:
        return answer.read().decode()
