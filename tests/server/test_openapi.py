"""openapi.yaml is true: its routes and verbs are those of the handlers.

That every status and every body is as described is checked with each answer that the tests of
this folder get (``check_described`` in conftest.py).
"""

from __future__ import annotations

import pytest
from openapi_spec_validator import validate
from tornado.web import RequestHandler

from jupyter_chariots.server.base import ChariotsHandler
from jupyter_chariots.server.inference import InferenceHandler
from jupyter_chariots.server.newsfeed import SCHEMAS, event_id
from jupyter_chariots.server.routes import ROUTES, handlers

from .conftest import OPENAPI, SAMPLES

VERBS = ["get", "post", "put", "patch", "delete", "head"]


def test_it_is_valid():
    validate(OPENAPI)


def test_it_has_the_routes_of_the_handlers():
    assert set(OPENAPI["paths"]) == set(ROUTES)
    served = [handler for _, handler in handlers()]
    assert set(ROUTES.values()) < set(served)


@pytest.mark.parametrize("template", ROUTES)
def test_a_route_has_the_verbs_of_its_handler(template):
    handler = ROUTES[template]
    written = {verb for verb in VERBS if verb in vars(handler)}
    assert written == set(OPENAPI["paths"][template]) - {"parameters"}


def test_no_verb_is_inherited():
    """The decorator of Jupyter would ask about the resource of another class."""
    for verb in VERBS:
        assert getattr(InferenceHandler, verb) is getattr(RequestHandler, verb)
    for handler in ROUTES.values():
        assert handler.__mro__[1] in (ChariotsHandler, InferenceHandler)


def test_every_operation_has_a_name_and_the_statuses_that_any_may_have():
    names = []
    for operations in OPENAPI["paths"].values():
        for verb, operation in operations.items():
            if verb == "parameters":
                continue
            names.append(operation["operationId"])
            assert {"400", "401", "403", "500", "503"} < set(operation["responses"])
    assert len(names) == len(set(names))


def test_every_event_has_a_schema_of_its_name():
    for path in SCHEMAS:
        assert f'"$id": {event_id(path.stem)}' in path.read_text(encoding="utf-8")
    assert {path.stem for path in SCHEMAS} == {
        *("served", "saved", "loaded", "state", "job", "progress")
    }


def test_it_is_served(ask):
    answer = ask("GET", "openapi.yaml")
    assert answer.headers["Content-Type"] == "application/yaml"
    assert answer.body.startswith("openapi: 3.1.0")


def test_routes_with_and_without_a_slash_at_the_end_are_the_same(ask):
    assert ask("GET", "health_check/").body == ask("GET", "health_check").body
    assert ask("GET", "pipelines/doubled/").body["owner"] == SAMPLES
