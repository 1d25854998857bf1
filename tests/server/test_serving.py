"""Definitions that are sent to a server: who may, what is refused, what is never opened."""

from __future__ import annotations

import pickle
import sqlite3
from dataclasses import replace

import pytest
from jupyter_server.auth import Authorizer

from jupyter_chariots import Node, Pipeline, ReservedNodes, op
from jupyter_chariots.pipelines.bundle import Bundle, Sent
from jupyter_chariots.pipelines.header import make_header
from jupyter_chariots.pipelines.packing import pack


def seven():
    return 7


@pytest.fixture
def pipeline():
    return Pipeline([Node(op(seven), output_nodes=ReservedNodes.pipeline_output)], "seven")


@pytest.fixture
def app_pipelines():
    return []


class Touch:
    """Opening its pickle makes a file."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return open, (str(self.path), "w")


def body_of(pipeline, data=None, header=None):
    sent = Sent(pipeline.spec, pack(pipeline).data if data is None else data, "")
    return Bundle({**make_header(), **(header or {})}, (sent,)).to_bytes()


async def test_it_is_served_and_unserved(fetch, pipeline):
    answer = await fetch("POST", "pipelines", body_of(pipeline))
    assert answer.status == 200
    assert [one["change"] for one in answer.body["pipelines"]] == ["served"]
    called = await fetch("POST", "pipelines/seven/main")
    assert called.body["pipeline_output"] == 7
    again = await fetch("POST", "pipelines", body_of(pipeline))
    assert [one["change"] for one in again.body["pipelines"]] == ["unchanged"]
    assert (await fetch("DELETE", "pipelines/seven")).status == 200
    assert (await fetch("POST", "pipelines/seven/main")).status == 404
    assert (await fetch("DELETE", "pipelines/seven")).status == 404


async def test_what_is_malformed_or_belongs_elsewhere_is_refused(fetch, pipeline):
    body = body_of(pipeline)
    for broken in [b"{}", body[:-1], body + b"x"]:
        assert (await fetch("POST", "pipelines", broken)).status == 400
    for header, status in [
        ({"protocol": 99}, 409),
        ({"python": "2.7; rm"}, 400),
        ({"executable": "/no/such/python"}, 409),
        ({"folder": "/no/such/folder"}, 409),
    ]:
        answer = await fetch("POST", "pipelines", body_of(pipeline, header=header))
        assert answer.status == status, header
    assert (await fetch("GET", "available_pipelines")).body == []


async def test_another_python_is_refused_before_anything_is_opened(fetch, pipeline, tmp_path):
    evil = pickle.dumps(Touch(tmp_path / "opened"))
    body = body_of(pipeline, evil, {"python": "3.1"})
    assert (await fetch("POST", "pipelines", body)).status == 200
    answer = await fetch("POST", "pipelines/seven/main")
    assert answer.status == 409
    assert "Python 3.1" in answer.body["message"]
    assert not (tmp_path / "opened").exists()


class OnlyPipelines(Authorizer):
    def is_authorized(self, handler, user, action, resource):
        return resource != "kernels"


class TestAuthorizer:
    @pytest.fixture
    def jp_server_config(self, jp_server_config):
        jp_server_config["ServerApp"]["authorizer_class"] = OnlyPipelines
        return jp_server_config

    async def test_who_may_not_run_kernels_may_not_define(self, fetch, pipeline):
        assert (await fetch("POST", "pipelines", body_of(pipeline))).status == 403
        assert (await fetch("GET", "available_pipelines")).body == []


def send(server, pipeline, data=None):
    return server.request("POST", "pipelines", body_of(pipeline, data))


def change(server, statement, *values):
    with sqlite3.connect(server.root / ".chariots" / "op_store.db") as db:
        assert db.execute(statement, values).rowcount == 1
    db.close()


def test_a_definition_that_somebody_else_wrote_is_never_opened(live_server, pipeline, tmp_path):
    server = live_server()
    evil = pickle.dumps(Touch(tmp_path / "opened"))
    other = Pipeline(pipeline.pipeline_nodes, "other")
    third = Pipeline(pipeline.pipeline_nodes, "third")
    for one in (pipeline, other):
        assert send(server, one).status == 200
    assert send(server, third).status == 200
    server.kill()
    # the bytes under the very digest that was signed
    change(
        server,
        "UPDATE blobs SET data = ?, size = ? WHERE digest = (SELECT "
        "json_extract(source, '$.blob') FROM definitions WHERE name = 'seven')",
        evil,
        len(evil),
    )
    # a definition whose signature is another one's
    change(
        server,
        "UPDATE definitions SET source = (SELECT source FROM definitions WHERE name = 'third') "
        "WHERE name = 'other'",
    )
    server.start()
    for name in ("seven", "other"):
        answer = server.post(f"pipelines/{name}/main")
        assert answer.body["code"] == "not_trusted", answer
        assert server.get(f"pipelines/{name}/health_check").status == 419
    assert server.post("pipelines/third/main").body["pipeline_output"] == 7
    assert not (tmp_path / "opened").exists()

    assert send(server, other).body["pipelines"][0]["change"] == "served"
    assert server.post("pipelines/other/main").body["pipeline_output"] == 7


async def test_a_spec_that_is_not_that_of_the_definition_does_not_run(fetch, pipeline):
    spec = replace(pipeline.spec, takes_input=True)
    body = Bundle(make_header(), (Sent(spec, pack(pipeline).data, ""),)).to_bytes()
    assert (await fetch("POST", "pipelines", body)).status == 200
    assert (await fetch("POST", "pipelines/seven/main", {"pipeline_input": 1})).status == 409


def eight():
    return 8


async def test_a_call_that_meets_a_new_definition_in_a_start_gets_its_answer(
    fetch, pipeline, extension
):
    """The store has the new definition a moment before this server serves it."""
    assert (await fetch("POST", "pipelines", body_of(pipeline))).status == 200
    assert (await fetch("POST", "pipelines/seven/main")).body["pipeline_output"] == 7
    (warm,) = extension.manager.pipelines.values()
    warm._replicas.cull()
    changed = Pipeline([Node(op(eight), output_nodes=ReservedNodes.pipeline_output)], "seven")
    bundle = Bundle.from_bytes(body_of(changed))

    def elsewhere(store):
        sent = bundle.pipelines[0]
        (known,) = store.register_by_value(
            [sent.spec], [sent.data], [bundle.header], owner=warm.definition.owner
        )
        kept = store.carry_over(known.spec)
        store.commit_load(known.spec, kept, cause="definition", who=None)

    await extension.manager.store(elsewhere)
    answer = await fetch("POST", "pipelines/seven/main")
    assert (answer.status, answer.body.get("pipeline_output")) == (200, 8), answer
