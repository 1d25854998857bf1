"""The routes that clients, panels and scripts may rely on."""

from __future__ import annotations

import re

import pytest

from jupyter_chariots.server.routes import ROUTES, pattern

CONTRACT = {
    # those of Chariots 0.2, as its client asks for them
    "/pipelines/x/main": "post",
    "/pipelines/x/versions": "post get",
    "/pipelines/x/load": "post",
    "/pipelines/x/save": "post",
    "/pipelines/x/health_check": "get",
    "/health_check": "get",
    "/available_pipelines": "get",
    "/jobs/fetch/": "post",
    # more
    "/pipelines": "post get",
    "/pipelines/x": "get delete",
    "/pipelines/x/loadable": "get",
    "/pipelines/x/served": "get",
    "/jobs": "get",
    "/jobs/x": "get delete",
    "/jobs/x/log": "get",
    "/ops": "get",
    "/ops/x/versions": "get",
    "/ops/x/diff": "get",
    "/snapshot": "get",
    "/openapi.yaml": "get",
}


@pytest.mark.parametrize("path", CONTRACT)
def test_a_route_of_the_contract(path):
    asked = f"/chariots{path}"
    handler = next(ROUTES[route] for route in ROUTES if re.fullmatch(pattern(route), asked))
    assert set(CONTRACT[path].split()) == {"get", "post", "put", "delete"} & set(vars(handler))
