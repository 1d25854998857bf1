"""Who may do what: every verb of every route by every kind of user, as a table.

The rows are compared with the handlers themselves, so that no new route can be left out.
"""

from __future__ import annotations

import re

import pytest
from jupyter_server.auth import Authorizer, IdentityProvider, User
from tornado.web import RequestHandler

from jupyter_chariots.server.routes import (
    ROUTES,
    UnknownInferenceHandler,
    UnknownRouteHandler,
    handlers,
    pattern,
)

VERBS = ("GET", "POST", "PUT", "PATCH", "DELETE")
OURS = "jupyter_chariots:"

MAY = {
    "reader": lambda action, resource: action == "read",
    "runner": lambda action, resource: action != "write" and resource.startswith(OURS),
    "writer": lambda action, resource: action != "execute",
    "other": lambda action, resource: not resource.startswith(OURS),
    "owner": lambda action, resource: True,
}
"""What each user is allowed: "runner" may run pipelines, but no code of its own (``kernels``), and
"other" may do everything with Jupyter and nothing with pipelines.
"""

# "in": past authentication and the Authorizer, whatever comes then; *: a route that there is not
TABLE = """
                                                   no     wrong  reader runner writer other  owner
POST   /pipelines/{name}/main                      401    401    403    in     403    403    in
POST   /pipelines/{name}/load                      401    401    403    403    in     403    in
POST   /pipelines/{name}/save                      401    401    403    403    in     403    in
GET    /pipelines/{name}/versions                  401    401    in     in     in     403    in
POST   /pipelines/{name}/versions                  401    401    in     in     in     403    in
GET    /pipelines/{name}/health_check              401    401    in     in     in     403    in
GET    /pipelines/{name}/loadable                  401    401    in     in     in     403    in
GET    /pipelines/{name}/log                       401    401    in     in     in     403    in
GET    /pipelines/{name}/served                    401    401    in     in     in     403    in
GET    /pipelines/{name}                           401    401    in     in     in     403    in
DELETE /pipelines/{name}                           401    401    403    403    in     403    in
GET    /pipelines                                  401    401    in     in     in     403    in
POST   /pipelines                                  401    401    403    403    403    403    in
DELETE /calls/{id}                                 401    401    403    in     403    403    in
POST   /notebooks                                  401    401    403    403    403    403    in
GET    /health_check                               401    401    in     in     in     403    in
GET    /available_pipelines                        401    401    in     in     in     403    in
POST   /jobs/fetch                                 401    401    in     in     in     403    in
GET    /jobs                                       401    401    in     in     in     403    in
GET    /jobs/{id}                                  401    401    in     in     in     403    in
DELETE /jobs/{id}                                  401    401    403    403    in     403    in
GET    /jobs/{id}/log                              401    401    in     in     in     403    in
POST   /workers/claim                              401    401    403    403    403    403    in
POST   /workers/jobs/{id}/start                    401    401    403    403    403    403    in
POST   /workers/jobs/{id}/bytes                    401    401    403    403    403    403    in
POST   /workers/jobs/{id}/renew                    401    401    403    403    403    403    in
POST   /workers/jobs/{id}/pieces                   401    401    403    403    403    403    in
POST   /workers/jobs/{id}/finish                   401    401    403    403    403    403    in
POST   /workers/jobs/{id}/end                      401    401    403    403    403    403    in
GET    /ops                                        401    401    in     in     in     403    in
GET    /ops/{op}/versions                          401    401    in     in     in     403    in
GET    /ops/{op}/versions/{version}                401    401    in     in     in     403    in
GET    /ops/{op}/diff                              401    401    in     in     in     403    in
GET    /v2                                         401    401    in     in     in     403    in
GET    /v2/health/live                             401    401    in     in     in     403    in
GET    /v2/health/ready                            401    401    in     in     in     403    in
GET    /v2/models/{name}                           401    401    in     in     in     403    in
GET    /v2/models/{name}/ready                     401    401    in     in     in     403    in
POST   /v2/models/{name}/infer                     401    401    403    in     403    403    in
GET    /v2/models/{name}/versions/{version}        401    401    in     in     in     403    in
GET    /v2/models/{name}/versions/{version}/ready  401    401    in     in     in     403    in
POST   /v2/models/{name}/versions/{version}/infer  401    401    403    in     403    403    in
POST   /v2/repository/index                        401    401    in     in     in     403    in
POST   /v2/repository/models/{name}/load           401    401    403    403    in     403    in
POST   /v2/repository/models/{name}/unload         401    401    403    403    in     403    in
GET    /snapshot                                   401    401    in     in     in     403    in
GET    /openapi.yaml                               401    401    in     in     in     403    in
GET    *                                           401    401    in     in     in     403    in
POST   *                                           401    401    403    403    in     403    in
PUT    *                                           401    401    403    403    in     403    in
PATCH  *                                           401    401    403    403    in     403    in
DELETE *                                           401    401    403    403    in     403    in
GET    /v2/*                                       401    401    in     in     in     403    in
POST   /v2/*                                       401    401    403    403    in     403    in
PUT    /v2/*                                       401    401    403    403    in     403    in
PATCH  /v2/*                                       401    401    403    403    in     403    in
DELETE /v2/*                                       401    401    403    403    in     403    in
"""


class ByToken(IdentityProvider):
    """A token is the name of its user."""

    def get_user(self, handler):
        token = self.get_token(handler)
        if token not in MAY:
            return None
        handler._token_authenticated = True
        return User(username=token)


class ByName(Authorizer):
    def is_authorized(self, handler, user, action, resource):
        return MAY[user.username](action, resource)


def rows():
    """Verb, route and what each user gets."""
    head, *lines = TABLE.strip("\n").splitlines()
    users = head.split()
    for line in lines:
        verb, template, *cells = line.split()
        yield verb, template, dict(zip(users, cells, strict=True))


@pytest.fixture
def jp_server_config(jp_server_config):
    jp_server_config["ServerApp"]["authorizer_class"] = ByName
    jp_server_config["ServerApp"]["identity_provider_class"] = ByToken
    return jp_server_config


def test_the_table_has_every_verb_of_every_handler():
    known = {pattern(template): template for template in ROUTES}
    rest = {UnknownRouteHandler: "*", UnknownInferenceHandler: "/v2/*"}
    there = {
        (verb, known.get(path) or rest[handler])
        for path, handler in handlers()
        for verb in VERBS
        if getattr(handler, verb.lower()) is not getattr(RequestHandler, verb.lower())
    }
    assert {(verb, template) for verb, template, _ in rows()} == there


async def test_each_user_gets_what_the_table_says(fetch):
    wrong = []
    for verb, template, cells in rows():
        path = re.sub(r"\{\w+\}", "x", template).lstrip("/").replace("*", "nothing/here")
        for user, expected in cells.items():
            headers = {} if user == "no" else {"Authorization": f"token {user}"}
            status = (await fetch(verb, path, headers=headers)).status
            got = str(status) if status in (401, 403) else "in"
            if got != expected:
                wrong.append((verb, template, user, got, expected))
    assert wrong == []


async def test_a_remembered_call_is_remembered_for_its_user_only(fetch):
    """The short way of calls (lean.py) asks neither of the two again."""
    body = {"pipeline_input": 2}
    for user, expected in [("owner", 200), ("reader", 403), ("wrong", 401), ("runner", 200)] * 2:
        headers = {"Authorization": f"token {user}"}
        answer = await fetch("POST", "pipelines/doubled/main", body, headers=headers)
        assert answer.status == expected, user
