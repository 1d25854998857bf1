"""The routes of workers elsewhere, asked as such a worker would, and as others would."""

from __future__ import annotations

import asyncio
import contextlib
import json
import socket
import sys

import pytest
from jupyter_server.auth import Authorizer

from jupyter_chariots.op_store.blobs import digest_of
from jupyter_chariots.server.routes import ROUTES
from jupyter_chariots.workers.remote.protocol import pack

from ..live import LiveServer, wait_for
from .conftest import SAMPLES

TOKEN = "t" * 32
MINE = {"Chariots-Lease": TOKEN}


@pytest.fixture
def settings():
    return {"worker_pool": "remote"}


@pytest.fixture
def work(fetch, jp_auth_header):
    """Asks a route of workers under a lease."""

    async def ask(path, body=None, lease=TOKEN, **query):
        headers = {**jp_auth_header, "Chariots-Lease": lease}
        data = b"" if body is None else body
        return await fetch("POST", f"workers/{path}", data, headers=headers, query=query)

    return ask


WANTED = {"protocol": 1, "python": "{}.{}".format(*sys.version_info), "token": TOKEN}


async def submitted(fetch, name="doubled", value=2):
    body = {"pipeline_input": value, "use_worker": True}
    answer = await fetch("POST", f"pipelines/{name}/main", body)
    assert answer.body["job_status"] == "queued", answer
    return answer.body["job_id"]


async def claimed(work, **more):
    answer = await work("claim", {**WANTED, **more})
    assert answer.status == 200, answer
    return answer.body["job"]


async def report(work, job_id, result=b"4", **more):
    given = (await work(f"jobs/{job_id}/start", {})).body
    spec = given["definition"]["spec"]
    digest = digest_of(result)
    said = {"spec": spec, "run": None, "result": digest, "about": {"versions": {}}, "started": 0}
    inline = [] if more.pop("apart", False) else [(digest, result)]
    return pack({**said, **more}, inline), digest


async def test_a_job_from_its_claim_to_its_end(fetch, work):
    job_id = await submitted(fetch)
    job = await claimed(work, worker="me")
    assert (job["id"], job["attempts"]) == (job_id, 1)
    given = await work(f"jobs/{job_id}/bytes", {"what": "input"})
    assert json.loads(given.body)["pipeline_input"] == 2
    renewed = await work(f"jobs/{job_id}/renew", {"output": "half way\n", "pipeline": "doubled"})
    assert renewed.body == {"held": True, "cancel": False}
    body, _ = await report(work, job_id)
    for _ in range(2):  # the same end may be reported again: its answer may have been lost
        assert (await work(f"jobs/{job_id}/finish", body)).body == {"missing": []}
    # a renewal that comes between an end and its answer must not stop the worker
    assert (await work(f"jobs/{job_id}/renew", {})).body == {"held": True, "cancel": False}
    fetched = (await fetch("POST", "jobs/fetch/", {"job_id": job_id})).body
    assert (fetched["pipeline_output"], fetched["job_status"]) == (4, "done")
    view = (await fetch("GET", f"jobs/{job_id}")).body
    assert (view["worker"], view["attempts"]) == ("me", 1)
    while not (log := (await fetch("GET", f"jobs/{job_id}/log")).body)["ended"]:
        await asyncio.sleep(0.01)  # it is still being written
    assert log["text"] == "half way\n"


async def test_a_claim_that_is_repeated_gives_the_same_job(fetch, work):
    first, second = await submitted(fetch), await submitted(fetch)
    assert (await claimed(work))["id"] == (await claimed(work))["id"] == first
    assert (await claimed(work, token="u" * 32))["id"] == second
    assert await claimed(work, token="v" * 32, wait=0.01) is None


async def test_what_a_worker_cannot_run_it_does_not_get(fetch, work, extension):
    job_id = await submitted(fetch)
    digest = extension.manager.pipelines["doubled"].definition.digest
    other = {**WANTED, "python": "3.5"}
    answer = (await work("claim", other)).body
    assert answer["job"] is None
    assert answer["other_python"]["doubled"] == WANTED["python"]
    assert await claimed(work, refused=[["doubled", digest]]) is None
    assert await claimed(work, pipelines=["learn"]) is None
    assert (await claimed(work, pipelines=["doubled"]))["id"] == job_id


async def test_bytes_that_have_not_come_are_asked_for(fetch, work):
    job_id = await submitted(fetch)
    await claimed(work)
    result = b'"' + b"x" * 100 + b'"'
    body, digest = await report(work, job_id, result, apart=True)
    assert (await work(f"jobs/{job_id}/finish", body)).body == {"missing": [digest]}

    async def send(offset, piece, name=digest):
        sent = {"digest": name, "size": len(result), "offset": offset}
        return (await work(f"jobs/{job_id}/pieces", piece, **sent)).body["have"]

    assert await send(0, b"y" * len(result), digest_of(b"other")) == len(result)
    assert await send(0, result[:60]) == 60
    assert await send(0, result[:60]) == 60  # it has come before
    assert await send(90, result[90:]) == 60  # one before it has not
    assert (await work(f"jobs/{job_id}/finish", body)).body == {"missing": [digest]}
    assert await send(60, result[60:]) == len(result)
    assert (await work(f"jobs/{job_id}/finish", body)).body == {"missing": []}
    fetched = (await fetch("POST", "jobs/fetch/", {"job_id": job_id})).body
    assert fetched["pipeline_output"] == "x" * 100


async def test_without_its_lease_nothing_is_given_or_taken(fetch, work):
    job_id = await submitted(fetch)
    await claimed(work)
    body, digest = await report(work, job_id)
    asked = {
        "start": {},
        "bytes": {"what": "input"},
        "finish": body,
        "end": {"how": "failed", "error": {"code": "node_failed", "message": "no"}},
    }
    for route, given in asked.items():
        answer = await work(f"jobs/{job_id}/{route}", given, lease="u" * 32)
        assert (answer.status, answer.body["code"]) == (409, "lease_lost"), route
        assert (await work(f"jobs/{job_id}/{route}", given, lease="")).status == 400
        assert (await work(f"jobs/nothing/{route}", given)).status == 404
    sent = {"digest": digest, "size": 1, "offset": 0}
    answer = await work(f"jobs/{job_id}/pieces", b"4", lease="u" * 32, **sent)
    assert answer.body["code"] == "lease_lost"
    assert (await work(f"jobs/{job_id}/renew", {}, lease="u" * 32)).body == {"held": False}
    await work(f"jobs/{job_id}/end", {"how": "back"}, lease="u" * 32)  # nothing to hand back
    assert (await fetch("GET", f"jobs/{job_id}")).body["status"] == "running"


async def test_the_ends_of_an_attempt(fetch, work):
    first = await submitted(fetch)
    await claimed(work)
    await work(f"jobs/{first}/end", {"how": "back", "why": "it stops"})
    view = (await fetch("GET", f"jobs/{first}")).body
    assert (view["status"], view["attempts"]) == ("queued", 0)
    for attempt in (1, 2):
        assert (await claimed(work))["attempts"] == attempt
        await work(f"jobs/{first}/end", {"how": "lost", "why": "its process died"})
    view = (await fetch("GET", f"jobs/{first}")).body
    assert (view["status"], view["error"]["code"]) == ("failed", "worker_lost")
    assert "its process died" in view["error"]["message"]
    second = await submitted(fetch)
    await claimed(work)
    error = {"code": "node_failed", "message": "it raised", "traceback": "Traceback …", "op": "x"}
    await work(f"jobs/{second}/end", {"how": "failed", "error": error})
    view = (await fetch("GET", f"jobs/{second}")).body
    assert view["error"] == {**error, "op": "x"}
    assert (await work(f"jobs/{second}/end", {"how": "otherwise"})).status == 400


async def test_cancelling_is_told_with_the_lease(fetch, work):
    job_id = await submitted(fetch)
    await claimed(work)
    await fetch("DELETE", f"jobs/{job_id}")
    assert (await work(f"jobs/{job_id}/renew", {})).body == {"held": True, "cancel": True}
    body, _ = await report(work, job_id)
    answer = await work(f"jobs/{job_id}/finish", body)
    assert (answer.status, answer.body["code"]) == (409, "job_cancelled")
    assert (await fetch("GET", f"jobs/{job_id}")).body["status"] == "cancelled"


async def test_reports_that_are_none_are_refused(fetch, work):
    job_id = await submitted(fetch)
    await claimed(work)
    good, digest = await report(work, job_id)
    other = (await fetch("GET", "pipelines/learn")).body["name"]
    bodies = [b"", b"x" * 100, good + b"x", good[:-1], pack({}, [])]
    bodies += [pack({"spec": {"name": other}}, [])]
    bodies += [(await report(work, job_id, run={"run_id": "../x"}))[0]]
    bodies += [good.replace(digest.encode(), b"0" * len(digest))]  # bytes of another digest
    for body in bodies:
        answer = await work(f"jobs/{job_id}/finish", body)
        assert (answer.status, answer.body["code"]) == (400, "bad_request"), body
    assert (await fetch("GET", f"jobs/{job_id}")).body["status"] == "running"


async def test_malformed_claims_are_refused(work):
    for wrong in [
        {"protocol": 99},
        {"token": "short"},
        {"refused": ["x"]},
        {"wait": "long"},
        {"pipelines": "learn"},
    ]:
        assert (await work("claim", {**WANTED, **wrong})).status in (400, 409), wrong


async def test_the_credential_of_workers_opens_their_routes_only(fetch, extension):
    credential = extension.identity.worker_credential
    assert credential != extension.identity.credential
    headers = {"Authorization": f"token {credential}", **MINE}
    assert (await fetch("POST", "workers/claim", WANTED, headers=headers)).status == 200
    assert (await fetch("GET", "jobs", headers=headers)).status == 401
    called = await fetch("POST", "pipelines/doubled/main", {"pipeline_input": 2}, headers=headers)
    assert called.status == 401


class OnlyPipelines(Authorizer):
    def is_authorized(self, handler, user, action, resource):
        return resource != "kernels"


class TestAuthorizer:
    @pytest.fixture
    def jp_server_config(self, jp_server_config):
        jp_server_config["ServerApp"]["authorizer_class"] = OnlyPipelines
        return jp_server_config

    async def test_who_may_not_run_kernels_is_no_worker(self, work):
        for template in ROUTES:
            if template.startswith("/workers/"):
                path = template.removeprefix("/workers/").replace("{id}", "x")
                answer = await work(path, {})
                assert (answer.status, answer.body["code"]) == (403, "not_allowed"), template


REMOTE = ["--PipelinesServer.worker_pool=remote"]


@contextlib.contextmanager
def asking(server):
    """A worker that asks for a job, waits for it, and goes away at the end of ``with``."""
    body = json.dumps({**WANTED, "wait": 50}).encode()
    head = (
        f"POST {server.base_url}chariots/workers/claim HTTP/1.1\r\nHost: localhost\r\n"
        f"Authorization: token {server.token}\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    with socket.create_connection(("127.0.0.1", server.port)) as sock:
        sock.sendall(head.encode() + body)
        yield


def attempts_of_the_next(server):
    """Submit a job and take it; lost ones come back when their lease has run out."""
    body = {"pipeline_input": 1, "use_worker": True}
    job_id = server.post("pipelines/doubled/main", body).body["job_id"]

    def taken():
        answer = server.post("workers/claim", {**WANTED, "token": "v" * 32})
        return answer.body["job"]

    assert wait_for(taken, "the job")["id"] == job_id
    return server.get(f"jobs/{job_id}").body["attempts"]


def test_a_worker_that_has_gone_is_given_nothing(live_server):
    server = live_server(app_pipelines=[SAMPLES], arguments=REMOTE)
    with asking(server):
        # another worker has been answered meanwhile, so this one has been heard as well
        assert server.post("workers/claim", {**WANTED, "token": "u" * 32}).status == 200
    assert attempts_of_the_next(server) == 1


def test_a_worker_that_went_while_the_server_started_is_given_nothing(tmp_path):
    (tmp_path / "root").mkdir()
    (tmp_path / "root" / "held.py").write_text(
        "import time\nfrom pathlib import Path\n"
        "while not Path('go').exists():\n    time.sleep(0.01)\n"
        f"from {SAMPLES} import doubled\n"
    )
    server = LiveServer(
        tmp_path / "root", tmp_path / "home", app_pipelines=["held"], arguments=REMOTE
    )
    server.begin()
    with server:

        def answers():
            with contextlib.suppress(OSError):
                return server.get("openapi.yaml").status == 200

        wait_for(answers, "the server to listen")
        with asking(server):
            assert answers()  # so it has been heard
        (server.root / "go").touch()
        wait_for(lambda: server.get("available_pipelines").status == 200, "the start")
        assert attempts_of_the_next(server) == 1


SO_FAR = {"done": 0, "total": 2, "node": "a", "i": 0.5, "n": 1, "message": None, "fraction": 0.25}


@pytest.mark.parametrize(
    "wrong",
    [
        {},
        {"fraction": 0.5},
        {**SO_FAR, "fraction": 2},
        {**SO_FAR, "done": "one"},
        {**SO_FAR, "message": ["a"]},
        {**SO_FAR, "more": 1},
    ],
)
async def test_what_panels_could_not_show_is_not_taken(fetch, work, wrong):
    job_id = await submitted(fetch)
    await claimed(work)
    for path, body in [("renew", {}), ("end", {"how": "back"})]:
        answer = await work(f"jobs/{job_id}/{path}", {**body, "progress": wrong})
        assert (answer.status, answer.body["field"]) == (400, "progress")
    assert (await work(f"jobs/{job_id}/renew", {"progress": SO_FAR})).status == 200
    shown = (await fetch("GET", f"jobs/{job_id}")).body
    assert (shown["status"], shown["progress"]) == ("running", SO_FAR)


@pytest.mark.parametrize("wrong", [{}, {"code": "x"}, {"code": "x", "message": 3}])
async def test_what_is_no_error_is_not_taken(fetch, work, wrong):
    job_id = await submitted(fetch)
    await claimed(work)
    for error in [wrong, {"code": "x", "message": "y", "traceback": {}}]:
        answer = await work(f"jobs/{job_id}/end", {"how": "failed", "error": error})
        assert (answer.status, answer.body["field"]) == (400, "error")


async def test_numbers_that_are_none_are_not_taken(fetch, work):
    for lease_s in [b"NaN", b"Infinity", b"true"]:
        body = b'{"protocol": 1, "python": "3", "token": "%b", "lease_s": %b}'
        answer = await work("claim", body % (TOKEN.encode(), lease_s))
        assert answer.status == 400
