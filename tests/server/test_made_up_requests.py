"""Requests that schemathesis makes up from openapi.yaml, to a live server.

Whatever comes, the answer is one that is described: its status, its headers, its content type and
its body; what does not fit the description is refused, what fits is not; and the only 500 is that
of an op that raised. In ``make test`` these are a few requests for each operation, always the same;
``make hostile`` makes up many more, and others each time.
"""

from __future__ import annotations

import copy
import itertools
import sys
from collections.abc import Iterator
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase
from schemathesis.checks import CHECKS, not_a_server_error

from ..live import LiveServer
from ..made_up import made_up
from .conftest import OPENAPI

NAMES = {
    "name": ["doubled", "failing", "count", "learn", "apply", "none"],
    "op": ["mean", "counter", "none"],
    "job": ["held", "ended"],
}

# What is behind the form of these is judged by more than a schema: an input by the pipeline,
# a path by the file, lengths and digests by the bytes that follow.
JUDGED = {
    "call",
    "serve",
    "serveNotebook",
    "finishJob",
    "sendPiece",
    "served",
    "loadable",
    "infer",
    "inferVersion",
}


def description() -> dict[str, Any]:
    """openapi.yaml, with names that there are, so that most requests get past the look-up."""
    changed = copy.deepcopy(OPENAPI)
    for parameter, names in NAMES.items():
        either = [{"enum": names}, {"type": "string"}]
        changed["components"]["parameters"][parameter]["schema"] = {"anyOf": either}
    return changed


SCHEMA = schemathesis.openapi.from_dict(description())


class Jobs:
    """Jobs that this test has claimed, as a worker elsewhere does."""

    def __init__(self, server: LiveServer) -> None:
        self.server = server
        self.held, self.token, self.ended = "", "", ""
        self._numbers = itertools.count()

    def claim(self) -> None:
        """Hold one that runs."""
        self.token = f"{next(self._numbers):064}"
        call = {"pipeline_input": [1, 3], "use_worker": True}
        assert self.server.post("pipelines/learn/main", call).status == 200
        python = "{}.{}".format(*sys.version_info)
        wanted = {"protocol": 1, "python": python, "token": self.token}
        self.held = self.server.post("workers/claim", wanted).body["job"]["id"]

    def end(self) -> None:
        """End it, and hold another one."""
        self.ended = self.held
        self.claim()


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveServer]:
    folder = tmp_path_factory.mktemp("made_up")
    options = {
        "app_pipelines": ["tests.server.fuzz_samples"],
        "arguments": ["--PipelinesServer.worker_pool=remote"],
    }
    with LiveServer(folder / "root", folder / "home", **options) as server:
        assert server.post("pipelines/learn/main", {"pipeline_input": [1, 3]}).status == 200
        assert server.post("pipelines/learn/save").status == 200
        assert server.post("pipelines/apply/load").status == 200
        yield server


@pytest.fixture(scope="module")
def jobs(server: LiveServer) -> Jobs:
    jobs = Jobs(server)
    jobs.claim()
    jobs.end()
    return jobs


@schemathesis.hook
def before_call(context: Any, case: Any, kwargs: Any) -> None:
    """Nobody waits for news that do not come."""
    for place in (case.query, case.body):
        if isinstance(place, dict) and _is_patient(place.get("wait")):
            place["wait"] = 0


def _is_patient(wait: Any) -> bool:
    try:
        return 0 < float(wait) <= 60
    except (TypeError, ValueError):
        return False


@schemathesis.serializer("application/x-npy", "application/vnd.apache.arrow.stream")
def as_it_is(context: Any, value: Any) -> Any:
    return value if isinstance(value, bytes) else str(value).encode()


def use(jobs: Jobs, case: Any) -> bool:
    """Put ids of jobs in place of their words; whether it is about the one that is held."""
    given = case.path_parameters or {}
    if case.method == "DELETE" and given.get("name") in NAMES["name"]:
        given["name"] = "spare"  # the others are needed
    word = given.get("id")
    if word not in NAMES["job"]:
        return False
    case.path_parameters["id"] = getattr(jobs, word)
    if len((case.headers or {}).get("Chariots-Lease", "")) >= 32:
        case.headers["Chariots-Lease"] = jobs.token
    return bool(word == "held")


def only_ops_fail(context: Any, response: Any, case: Any) -> None:
    """A server that is asked for nonsense neither breaks nor says that it is busy."""
    if response.status_code >= 500:
        said = response.json()
        assert said.get("code") == "node_failed" or said.get("ready") is False, response.text


@SCHEMA.parametrize()
@made_up(3, phases=[Phase.explicit, Phase.generate], suppress_health_check=list(HealthCheck))
def test_every_answer_is_described(case: Any, server: LiveServer, jobs: Jobs) -> None:
    operation = case.operation.definition.raw["operationId"]
    held = use(jobs, case)
    # every route without credentials: tests/server/test_access.py
    excluded = [not_a_server_error, CHECKS.get_one("ignored_auth")]
    if operation in JUDGED:
        excluded.append(CHECKS.get_one("positive_data_acceptance"))
    response = case.call(
        base_url=server.url, headers={"Authorization": f"token {server.token}"}, timeout=60
    )
    query = urlsplit(response.request.url).query
    if any(not value for _, value in parse_qsl(query, keep_blank_values=True)):
        excluded.append(CHECKS.get_one("negative_data_rejection"))  # it is as if it was not there
    if held and operation in ("endAttempt", "finishJob", "cancelJob"):
        jobs.end()
    case.validate_response(response, additional_checks=[only_ops_fail], excluded_checks=excluded)
