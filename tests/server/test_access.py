"""Nobody gets in without credentials, and nobody past the Authorizer."""

from __future__ import annotations

import json
import re

import pytest
from jupyter_server.auth import Authorizer
from jupyter_server.auth.security import passwd

from jupyter_chariots.server.routes import ROUTES

from ..live import LiveServer, wait_for
from .conftest import OPENAPI


class Denying(Authorizer):
    """Says no to everything, and remembers what it was asked."""

    asked: list[tuple[str, str]] = []

    def is_authorized(self, handler, user, action, resource):
        self.asked.append((action, resource))
        return False


VERBS = [
    (verb.upper(), template)
    for template, operations in OPENAPI["paths"].items()
    for verb in operations
    if verb != "parameters"
]


def concrete(template):
    return re.sub(r"\{\w+\}", "learn", template).lstrip("/")


def test_without_credentials_every_verb_of_every_route_is_401(ask):
    for verb in ["GET", "POST", "PUT", "PATCH", "DELETE"]:
        for template in [*ROUTES, "/nothing"]:
            answer = ask(verb, concrete(template), token="")
            assert answer.status in (401, 405), (verb, template)
            assert answer.body["code"] in ("not_authenticated", "bad_request")
            assert answer.status == 401 or (verb, template) not in VERBS
    for verb, template in VERBS:
        assert ask(verb, concrete(template), token="wrong").status == 401


async def test_a_token_in_a_body_or_a_wrong_header_is_no_credential(fetch, extension):
    for headers in [
        {"Authorization": extension.identity.credential},
        {"Authorization": f"Basic {extension.identity.credential}"},
        {"Authorization": "token "},
        {"Authorization": "token"},
        {"X-Token": extension.identity.credential},
    ]:
        assert (await fetch("GET", "health_check", headers=headers)).status == 401
    query = {"token": extension.identity.credential}
    assert (await fetch("GET", "health_check", headers={}, query=query)).status == 401


async def test_the_credential_of_the_connection_file_opens_our_routes_only(
    fetch, extension, jp_fetch
):
    headers = {"Authorization": f"token {extension.identity.credential}"}
    assert (await fetch("GET", "health_check", headers=headers)).status == 200
    called = await fetch("POST", "pipelines/doubled/main", {"pipeline_input": 2}, headers=headers)
    assert called.body["pipeline_output"] == 4
    elsewhere = await jp_fetch("api", "contents", headers=headers, raise_error=False)
    assert elsewhere.code == 403


class TestAuthorizer:
    @pytest.fixture
    def jp_server_config(self, jp_server_config):
        Denying.asked = []
        jp_server_config["ServerApp"]["authorizer_class"] = Denying
        return jp_server_config

    async def test_every_verb_asks_for_what_is_described(self, fetch):
        for verb, template in VERBS:
            Denying.asked.clear()
            answer = await fetch(verb, concrete(template))
            assert answer.status == 403, (verb, template)
            assert answer.body["code"] == "not_allowed"
            described = OPENAPI["paths"][template][verb.lower()]["x-authorization"]
            assert [tuple(described.split())] == Denying.asked, (verb, template)

    async def test_unknown_routes_tell_nothing_either(self, fetch):
        for verb in ["GET", "POST", "PUT", "PATCH", "DELETE"]:
            assert (await fetch(verb, "nothing")).status == 403

    async def test_the_owner_too_must_pass_the_authorizer(self, fetch, extension):
        headers = {"Authorization": f"token {extension.identity.credential}"}
        answer = await fetch("GET", "health_check", headers=headers)
        assert answer.status == 403
        assert Denying.asked == [("read", "jupyter_chariots:pipelines")]


class TestCookies:
    """A browser's login needs the XSRF token as well."""

    async def test_a_post_with_a_cookie_needs_the_xsrf_token(self, fetch, log_in):
        sent = await log_in()
        xsrf = sent.pop("X-XSRFToken")
        body = {"pipeline_input": 3}
        refused = await fetch("POST", "pipelines/doubled/main", body, headers=sent)
        assert refused.status == 403
        assert "X-XSRFToken" in refused.body["hint"]
        sent["X-XSRFToken"] = xsrf
        assert (await fetch("POST", "pipelines/doubled/main", body, headers=sent)).status == 200

    async def test_a_program_gets_no_login(self, fetch, jp_serverapp):
        for headers, query, logged_in in [
            (None, None, False),
            ({}, {"token": jp_serverapp.identity_provider.token}, True),
        ]:
            answer = await fetch("GET", "health_check", headers=headers, query=query)
            assert answer.status == 200
            assert any("username" in c for c in answer.headers.get_list("Set-Cookie")) is logged_in

    async def test_another_site_cannot_make_a_browser_read(self, fetch, log_in):
        sent = {"Cookie": (await log_in())["Cookie"]}
        assert (await fetch("GET", "snapshot", headers=sent)).status == 200
        evil = {**sent, "Origin": "https://evil.example", "Referer": "https://evil.example/x"}
        assert (await fetch("GET", "snapshot", headers=evil)).status == 403

    async def test_another_site_cannot_make_a_browser_write(self, fetch, log_in):
        """It can send a form with the cookies and an _xsrf of its own; it does not know ours."""
        own, other = await log_in(), (await log_in())["X-XSRFToken"]
        xsrf = own.pop("X-XSRFToken")
        foreign = [None, "", "x", "2|aaaaaaaa|" + "0" * 32 + "|1700000000", other]
        assert other != xsrf
        for origin in [{}, {"Origin": "https://evil.example", "Referer": "https://evil.example/x"}]:
            for token in foreign:
                for kind in ["text/plain", "application/json", "application/x-www-form-urlencoded"]:
                    headers = {**own, **origin, "Content-Type": kind}
                    query = {} if token is None else {"_xsrf": token}
                    for verb, path in [
                        ("POST", "pipelines/process/main"),
                        ("POST", "pipelines"),
                        ("DELETE", "pipelines/process"),
                        ("POST", "workers/claim"),
                    ]:
                        answer = await fetch(verb, path, headers=headers, query=query)
                        assert answer.status == 403, (verb, path, origin, token, kind)
                        assert answer.body["code"] == "not_allowed"
        evil = {**own, "Origin": "https://evil.example", "X-XSRFToken": xsrf}
        assert (await fetch("GET", "snapshot", headers=evil)).status == 403

    async def test_another_site_is_promised_nothing(self, log_in, http_server_client, jp_base_url):
        """What browsers ask before they send more than a form would."""
        cookie = (await log_in())["Cookie"]
        asked = {
            "Origin": "https://evil.example",
            "Access-Control-Request-Method": "POST",
            "Access-Control-Request-Headers": "authorization,content-type",
        }
        for headers in [asked, {**asked, "Cookie": cookie}]:
            for path in ["pipelines/process/main", "pipelines", "nothing"]:
                for verb in ["OPTIONS", "GET", "POST"]:
                    answer = await http_server_client.fetch(
                        f"{jp_base_url}chariots/{path}",
                        method=verb,
                        headers=headers,
                        body=None if verb != "POST" else b"",
                        raise_error=False,
                    )
                    allowed = answer.headers.get("Access-Control-Allow-Origin", "")
                    assert allowed not in ("*", asked["Origin"], "null"), (verb, path)
                    assert answer.headers.get("Access-Control-Allow-Credentials") is None
                    assert verb == "OPTIONS" or answer.code in (401, 403)


def credential_of(server):
    (file,) = server.runtime_dir.glob("jpchariots-*.json")
    return json.loads(file.read_text())["token"]


class PasswordServer(LiveServer):
    """A server that knows a password and no token."""

    def _ready(self):
        try:
            self.token = credential_of(self)
        except ValueError:
            return False
        return super()._ready()


def test_with_a_password_the_credential_gets_in_where_no_token_does(tmp_path):
    password = f"--PasswordIdentityProvider.hashed_password={passwd('a password')}"
    with PasswordServer(tmp_path / "root", tmp_path, token="", arguments=[password]) as server:
        assert server.get("health_check").status == 200
        assert server.post("jobs/fetch/").status == 400
        assert server.get("health_check", token="a password").status == 401


def test_without_authentication_scripts_still_need_the_credential_to_change_things(live_server):
    server = live_server(app_pipelines=[], token="")
    wait_for(lambda: [*server.runtime_dir.glob("jpchariots-*.json")], "the connection file")
    assert server.get("health_check").status == 200
    refused = server.post("jobs/fetch/")
    assert refused.status == 403
    assert refused.body["hint"]
    assert server.post("jobs/fetch/", token=credential_of(server)).status == 400


async def test_no_secret_is_logged(fetch, extension, jp_serverapp, caplog):
    token = jp_serverapp.identity_provider.token
    secret = "s3cret-in-the-body"
    with caplog.at_level("DEBUG"):
        await fetch("POST", "pipelines/doubled/main", f'{{"pipeline_input": "{secret}'.encode())
        await fetch("POST", "pipelines/doubled/load", f'["{secret}"'.encode())
        await fetch("GET", "pipelines/none", query={"token": token}, headers={})
        headers = {"Authorization": f"token {extension.identity.credential}"}
        await fetch("GET", "pipelines/none", headers=headers)
    ours = [record for record in caplog.records if "chariots" in record.name.lower()]
    for record in [*ours, *(r for r in caplog.records if r.name == "ServerApp")]:
        text = record.getMessage()
        assert token not in text
        assert secret not in text
        assert extension.identity.credential not in text


def test_the_connection_file_is_readable_by_its_owner_only(extension, started, jp_runtime_dir):
    files = list(jp_runtime_dir.glob("jpchariots-*.json"))
    assert len(files) == 1
    assert files[0].stat().st_mode & 0o777 == 0o600
    content = json.loads(files[0].read_text())
    assert content["token"] == extension.identity.credential
    assert content["root_dir"] == str(started.root_dir)
    assert content["url"].startswith("http")
    assert content["pid"] > 0


async def test_the_connection_file_goes_when_the_server_stops(extension, jp_runtime_dir):
    await extension.stop_extension()
    assert not list(jp_runtime_dir.glob("jpchariots-*"))
