"""A client written against the routes of Chariots 0.2, given an address and a token, works."""

from __future__ import annotations

import enum
import json
import urllib.error
import urllib.request
from typing import Any, NamedTuple

import pytest

from jupyter_chariots import Version

from ..live import IRIS, wait_for

ROWS = [[5.1, 3.5, 1.4, 0.2], [6.7, 3.0, 5.2, 2.3]]


class Status(enum.Enum):
    """All that the old client knew; another text would be an error in it."""

    queued = "queued"
    running = "running"
    done = "done"
    failed = "failed"
    deferred = "deferred"


class OldVersionError(Exception):
    """419."""


class OldNotFound(Exception):
    """404."""


class OldServerError(Exception):
    """500."""


class Response(NamedTuple):
    value: Any
    versions: dict[str, str]
    job_id: str | None
    job_status: Status


class OldClient:
    """Knows eight routes and three statuses, and reads no field that 0.2 did not have."""

    ERRORS = {419: OldVersionError, 404: OldNotFound, 500: OldServerError}

    def __init__(self, backend_url: str, token: str) -> None:
        self.backend_url = backend_url
        self.opener = urllib.request.build_opener()
        self.opener.addheaders = [("Authorization", f"token {token}")]

    def send(self, path: str, data: Any = None) -> Any:
        url, headers = f"{self.backend_url}{path}", {"Content-Type": "application/json"}
        body = None if data is None else json.dumps(data).encode()
        request = urllib.request.Request(url, body, headers if body is not None else {})
        try:
            with self.opener.open(request, timeout=120) as answer:
                assert answer.status == 200
                return json.load(answer)
        except urllib.error.HTTPError as error:
            with error:
                raise self.ERRORS[error.code](error.read().decode()) from None

    def call(self, name: str, pipeline_input: Any = None, use_worker: Any = None) -> Response:
        data = {"pipeline_input": pipeline_input, "use_worker": use_worker}
        return self.read(self.send(f"/pipelines/{name}/main", data))

    def fetch(self, job_id: str) -> Response:
        return self.read(self.send("/jobs/fetch/", {"job_id": job_id}))

    def read(self, answer: dict[str, Any]) -> Response:
        return Response(
            answer["pipeline_output"],
            {node: str(Version.parse(text)) for node, text in answer["versions"].items()},
            answer["job_id"],
            Status(answer["job_status"]),
        )

    def save(self, name: str) -> Any:
        return self.send(f"/pipelines/{name}/save", {})

    def load(self, name: str) -> Any:
        return self.send(f"/pipelines/{name}/load", {})

    def versions(self, name: str) -> Any:
        return self.send(f"/pipelines/{name}/versions", {})

    def is_loaded(self, name: str) -> bool:
        try:
            loaded: bool = self.send(f"/pipelines/{name}/health_check")["is_loaded"]
            return loaded
        except OldVersionError as error:
            return bool(json.loads(str(error))["is_loaded"])


@pytest.fixture
def client(live_server) -> OldClient:
    server = live_server(app_pipelines=[IRIS, "tests.server.samples"], base_url="/user/ada/")
    return OldClient(f"http://127.0.0.1:{server.port}/user/ada/chariots", server.token)


def test_a_whole_life(client: OldClient):
    names = client.send("/available_pipelines")
    assert {"train_iris", "pred_iris", "failing"} <= set(names)
    assert client.send("/health_check").keys() == set(names)

    # before any training
    assert not client.is_loaded("pred_iris")
    for refused in (client.load, client.call):
        with pytest.raises(OldVersionError, match="train_iris"):
            refused("pred_iris")

    # train, save, load, predict
    trained = client.call("train_iris")
    assert (trained.value, trained.job_id, trained.job_status) == (None, None, Status.done)
    assert client.versions("train_iris") == trained.versions
    assert client.save("train_iris") == {}
    assert client.load("pred_iris") == {}
    assert client.is_loaded("pred_iris")
    predicted = client.call("pred_iris", ROWS)
    assert predicted.value == [0, 2]
    assert predicted.versions == client.versions("pred_iris")
    assert set(predicted.versions.values()) < set(trained.versions.values())

    # as jobs
    asked = client.call("pred_iris", ROWS, use_worker=True)
    assert (asked.value, asked.versions, asked.job_status) == (None, {}, Status.queued)
    assert asked.job_id
    done = wait_for(
        lambda: (got := client.fetch(asked.job_id)).job_status is Status.done and got,
        "the prediction",
        120,
    )
    assert done == Response([0, 2], predicted.versions, asked.job_id, Status.done)
    asked = client.call("train_iris", use_worker=True)
    wait_for(lambda: client.fetch(asked.job_id).job_status is Status.done, "the training", 120)
    client.load("pred_iris")  # a job has saved what it left
    assert client.call("pred_iris", ROWS, use_worker=False).value == [0, 2]

    # what goes wrong
    with pytest.raises(OldServerError, match="cannot digest stones"):
        client.call("failing", "stones")
    asked = client.call("failing", "stones", use_worker=True)
    wait_for(lambda: client.fetch(asked.job_id).job_status is Status.failed, "the failure", 120)
    for unknown in (client.call, client.save, client.load, client.versions, client.is_loaded):
        with pytest.raises(OldNotFound):
            unknown("nobody")
    with pytest.raises(OldNotFound):
        client.fetch("nothing")
