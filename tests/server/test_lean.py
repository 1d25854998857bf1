"""The short way lets in nobody whom the full path would not."""

from __future__ import annotations

import pytest
from jupyter_server.auth import Authorizer
from tornado.httputil import HTTPHeaders, HTTPServerRequest, RequestStartLine

from jupyter_chariots.server.permits import Permits

CALL = {"pipeline_input": 3}
MAIN = "pipelines/doubled/main"


class Asked(Authorizer):
    """Says no to what is forbidden, and remembers what it was asked."""

    asked: list[str] = []
    forbidden: set[str] = set()

    def is_authorized(self, handler, user, action, resource):
        path = handler.request.path
        self.asked.append(f"{action} {path}")
        return not any(part in path for part in self.forbidden)


class Clock:
    """A clock that a test moves."""

    now = 0.0

    def __call__(self):
        return self.now


@pytest.fixture
def jp_server_config(jp_server_config):
    Asked.asked, Asked.forbidden = [], set()
    jp_server_config["ServerApp"]["authorizer_class"] = Asked
    return jp_server_config


@pytest.fixture(autouse=True)
def quiet(monkeypatch):
    """The shortest way is for servers that do not log each request, as these tests do."""
    monkeypatch.setattr("jupyter_chariots.server.express.shows_debug", lambda log: False)


@pytest.fixture
def clock(extension):
    extension.permits.clock = Clock()
    return extension.permits.clock


@pytest.fixture
def token(jp_serverapp):
    return {"Authorization": f"token {jp_serverapp.identity_provider.token}"}


@pytest.fixture
def call(fetch, token, clock):
    """Calls ``doubled``; gives the status and how often the Authorizer was asked."""

    async def send(path=MAIN, body=CALL, method="POST", query=None, **headers):
        Asked.asked.clear()
        merged = {"Content-Type": "application/json", **token}
        merged |= {name.replace("_", "-"): value for name, value in headers.items()}
        kept = {name: value for name, value in merged.items() if value is not None}
        answer = await fetch(method, path, body, query=query, headers=kept)
        return answer.status, len(Asked.asked), answer

    return send


async def test_an_equal_request_is_not_asked_about_again(call, clock):
    _, asked, first = await call()
    assert asked == 1
    status, asked, second = await call(body={"pipeline_input": 21})
    assert (status, asked) == (200, 0)
    assert second.body == {**first.body, "pipeline_output": 42}
    ours = set(second.headers) - {"Date", "Content-Length"}
    assert ours == set(first.headers) - {"Date", "Content-Length", "Set-Cookie"}
    assert all(second.headers[name] == first.headers[name] for name in ours)
    clock.now += 2.9
    assert (await call())[:2] == (200, 0)
    clock.now += 0.2  # using it has not made it last longer
    assert (await call())[:2] == (200, 1)


async def test_a_wrong_token_is_refused(call):
    await call()
    for wrong in ["token wrong", "token ", "token", "", "Basic abc"]:
        status, asked, answer = await call(Authorization=wrong)
        assert (status, asked) == (401, 0)
        assert answer.body["code"] == "not_authenticated"
    assert (await call(Authorization=None))[:2] == (401, 0)


async def test_a_revoked_token_is_refused_after_a_few_seconds(call, clock, jp_serverapp):
    await call()
    jp_serverapp.identity_provider.token = "another"
    clock.now += 3.1
    assert (await call())[:2] == (401, 0)
    assert (await call(Authorization="token another"))[:2] == (200, 1)


async def test_who_is_not_authorized_leaves_nothing(call):
    Asked.forbidden = {"doubled"}
    for _ in range(3):
        status, asked, answer = await call()
        assert (status, asked) == (403, 1)
        assert answer.body["code"] == "not_allowed"


async def test_an_authorizer_that_says_no_later_is_heard_after_a_few_seconds(call, clock):
    await call()
    Asked.forbidden = {"doubled"}
    assert (await call())[:2] == (200, 0)
    clock.now += 3.1
    for _ in range(2):
        assert (await call())[:2] == (403, 1)


async def test_another_resource_is_asked_about(call):
    Asked.forbidden = {"failing"}
    await call()
    assert (await call())[1] == 0
    assert (await call("pipelines/failing/main"))[:2] == (403, 1)
    assert (await call("pipelines/doubled/versions", b""))[1] == 1
    assert (await call("pipelines/doubled/load", b""))[1] == 1
    assert (await call("pipelines/doubled/main/"))[1] == 1
    assert (await call("pipelines/none/main"))[:2] == (404, 1)


async def test_anything_but_the_very_request_takes_the_full_path(call, jp_serverapp):
    token = jp_serverapp.identity_provider.token
    await call()
    assert (await call())[1] == 0
    for other in [
        {"Cookie": "a=b"},
        {"Origin": "http://localhost"},
        {"X_Forwarded_User": "somebody"},
        {"Authorization": f"Bearer {token}"},
        {"query": {"no_track_activity": 1}},
    ]:
        for _ in range(2):
            status, asked, _ = await call(**other)
            assert status == 200
            if "X_Forwarded_User" not in other:
                assert asked == 1, other
    assert (await call(X_Forwarded_User="somebody else"))[1] == 1


async def test_a_token_in_a_form_or_in_the_query_counts_as_it_does_for_jupyter(call):
    await call()
    form = "application/x-www-form-urlencoded"
    for _ in range(2):
        assert (await call(body=b"token=wrong", Content_Type=form))[0] == 401
        assert (await call(query={"token": "wrong"}))[0] == 401


async def test_other_methods_and_websockets_get_what_they_always_get(call):
    await call()
    for method in ["GET", "PUT", "PATCH", "DELETE"]:
        status, _, answer = await call(method=method)
        assert status == 405
        assert answer.headers["Allow"] == "POST, OPTIONS"
    upgrade = {"Upgrade": "websocket", "Connection": "Upgrade", "Sec_WebSocket_Version": "13"}
    assert (await call(method="GET", body=b"", **upgrade))[0] == 405


async def test_another_host_name_is_refused(call):
    await call()
    status, _, answer = await call(Host="evil.example")
    assert status == 403
    assert "evil.example" in answer.body["message"]


async def test_a_cookie_alone_is_never_remembered(call, extension, fetch, jp_serverapp):
    page = await fetch("GET", "health_check", headers={}, query={"token": "wrong"})
    assert page.status == 401
    for cookie in ["username-localhost=x", "_xsrf=x"]:
        for _ in range(2):
            assert (await call(Authorization=None, Cookie=cookie))[0] in (401, 403)


async def test_a_login_is_asked_about_each_time(call, log_in):
    login = {name.replace("-", "_"): value for name, value in (await log_in()).items()}
    for token in ({}, {"Authorization": None}):
        for _ in range(3):
            assert (await call(**login, **token))[:2] == (200, 1)
    await call()  # what a token has got, a login has not
    assert (await call(**login, Authorization=None))[:2] == (200, 1)
    assert (await call(Cookie=login["Cookie"], Authorization=None))[:2] == (403, 0)


async def test_our_own_credential_is_remembered_like_any_other(call, clock, extension):
    ours = f"token {extension.identity.credential}"
    assert (await call(Authorization=ours))[:2] == (200, 1)
    assert (await call(Authorization=ours))[:2] == (200, 0)
    extension.identity.credential = "another"
    clock.now += 3.1
    assert (await call(Authorization=ours))[:2] == (401, 0)


async def test_errors_are_the_same_on_both_ways(call, clock):
    for path, body in [
        ("pipelines/failing/main", CALL),
        ("pipelines/doubled/main", b"{"),
        ("pipelines/doubled/main", b""),
        ("pipelines/dying/main", CALL),
        ("pipelines/none/main", CALL),
    ]:
        _, asked, full = await call(path, body)
        assert asked == 1
        status, asked, lean = await call(path, body)
        assert asked == 0, path
        assert status == full.status
        assert lean.body["code"] == full.body["code"]
        assert lean.body.keys() == full.body.keys()
        assert lean.headers["Content-Type"] == full.headers["Content-Type"]
        clock.now += 3.1


class TestSmallBodies:
    @pytest.fixture
    def settings(self):
        return {"max_body_size": 100}

    async def test_a_body_that_is_too_large_is_refused(self, call):
        await call()
        status, asked, answer = await call(body=b" " * 101)
        assert (status, asked) == (413, 0)
        assert answer.body["code"] == "too_large"


def test_nothing_is_remembered_where_no_token_is_asked_for(live_server):
    server = live_server(app_pipelines=["tests.server.samples"], token="")
    for _ in range(2):
        refused = server.post(MAIN, CALL, token="any")
        assert refused.status == 403
        assert "XSRF" in refused.body["message"]


class Connection:
    """What tornado wants to know of one."""

    remote_ip, protocol = "127.0.0.1", "http"
    context = None

    def __init__(self):
        self.context = self


def request(**headers):
    sent = HTTPHeaders({"Host": "localhost", "Authorization": "token abc", **headers})
    start = RequestStartLine("POST", "/x", "HTTP/1.1")
    return HTTPServerRequest(start_line=start, headers=sent, connection=Connection())


def test_a_body_on_its_way_may_come_a_little_after_the_end():
    clock = Clock()
    permits = Permits(clock=clock)
    asked = request()
    permits.grant(asked, None, {})
    clock.now = 2.9
    permit = permits.of(asked)
    clock.now = 3.1
    assert permits.of(asked) is None
    assert permits.in_time(permit)
    clock.now = 5.1
    assert not permits.in_time(permit)


def test_a_body_of_unknown_or_great_length_takes_the_full_path():
    permits = Permits()
    for headers in [
        {"Transfer-Encoding": "chunked"},
        {"Content-Length": str(10**8)},
        {"Content-Length": "1,1"},
    ]:
        asked = request(**headers)
        permits.grant(asked, None, {})
        assert permits.of(asked) is None
    asked = request(**{"Content-Length": "10"})
    permits.grant(asked, None, {})
    assert permits.of(asked)
    assert permits.of(request(**{"Content-Length": "20"}))


def test_the_memory_is_bounded_and_holds_no_token():
    permits = Permits()
    for number in range(5000):
        permits.grant(request(**{"X-Request": str(number)}), None, {})
    assert len(permits._known) <= 1024
    assert b"abc" not in b"".join(permits._known)
    assert permits.of(request(**{"X-Request": "4999"}))
