"""Defects of Chariots 0.2 in what it answered: gone. What other tests show:

an unknown pipeline was 500
    → server/test_bad_requests.py::test_an_unknown_pipeline_is_404_on_every_route
no body, null, a list were 500
    → server/test_bad_requests.py::test_nothing_is_a_call_without_input
    → server/test_bad_requests.py::test_what_is_not_an_object_is_400
    → server/test_bad_requests.py::test_null_is_no_body_and_a_null_field_is_absent
a job was fetched without an id: 500
    → server/test_bad_requests.py::test_a_job_without_an_id_is_400_and_an_unknown_one_404
there was no authentication
    → server/test_access.py::test_without_credentials_every_verb_of_every_route_is_401
    → server/test_access.py::TestAuthorizer::test_every_verb_asks_for_what_is_described
there was no limit of size
    → server/test_bad_requests.py::TestLargeBodies::test_a_body_that_is_too_large_is_413
of two pipelines of one name one was silently dropped
    → server/test_start.py::TestTwoOfOneName::test_none_of_them_is_served_and_the_log_names_both
numpy and NaN as outputs, value by value
    → workers/test_codec.py::test_other_numpy_values
    → workers/test_codec.py::test_what_is_missing_is_null
"""

from __future__ import annotations

import json
import re

import pytest

from jupyter_chariots import Node, Pipeline
from jupyter_chariots.errors import InvalidName
from jupyter_chariots.server.routes import ROUTES

from .conftest import LARGEST_BODY
from .samples import LONGEST, Step

NUMBER = b'{"pipeline_input": 1}'
FAILURES = [
    ("POST", "pipelines/doubled/main", b"{", 400, "bad_request"),
    ("POST", "pipelines/doubled/main", b'{"use_worker": 1}', 400, "bad_request"),
    ("POST", "pipelines/doubled/load", b'{"versions": {"mean": 1}}', 400, "bad_request"),
    ("POST", "pipelines/doubled/save", b'{"run": "x"}', 400, "bad_request"),
    ("GET", "ops?limit=x", None, 400, "bad_request"),
    ("POST", "pipelines/process/main", NUMBER, 400, "invalid_input"),
    ("POST", "pipelines/doubled/main", None, 400, "invalid_input"),
    ("GET", "pipelines/doubled/main", None, 405, "bad_request"),
    ("DELETE", "snapshot", None, 405, "bad_request"),
    ("GET", "nothing", None, 404, "not_found"),
    ("GET", "", None, 404, "not_found"),
    ("POST", "pipelines/nobody/main", NUMBER, 404, "pipeline_not_found"),
    ("GET", "ops/nobody/versions", None, 404, "op_not_found"),
    ("POST", "pipelines/never/load", b'{"versions": {"nobody": "1.0.0"}}', 404, "op_not_found"),
    ("POST", "pipelines/never/load", b'{"versions": {"never": "1.0.0"}}', 404, "version_not_found"),
    ("POST", "pipelines/never/save", b'{"run_id": "none"}', 404, "run_not_found"),
    ("POST", "jobs/fetch/", b'{"job_id": "none"}', 404, "job_not_found"),
    ("POST", "pipelines/twice/main", None, 409, "conflict"),
    ("POST", "pipelines/doubled/main", b" " * (LARGEST_BODY + 1), 413, "too_large"),
    ("POST", "pipelines/never/main", NUMBER, 419, "not_loaded"),
    ("POST", "pipelines/never/load", None, 419, "not_loaded"),
    ("POST", "pipelines/failing/main", NUMBER, 500, "node_failed"),
    ("POST", "pipelines/opaque/main", None, 500, "serialization_error"),
    ("POST", "pipelines/dying/main", NUMBER, 503, "worker_lost"),
    ("POST", "pipelines/sleeper/main", b'{"pipeline_input": 60}', 504, "timed_out"),
]


@pytest.mark.parametrize(("method", "path", "body", "status", "code"), FAILURES)
def test_a_failure_is_json_that_says_what_happened_and_what_to_do(
    send, method, path, body, status, code
):
    answer = send(method, path, body)
    assert (answer.status, answer.json["code"]) == (status, code)
    message = answer.json["message"]
    assert message
    assert answer.json.get("hint") or "must be" in message or code == "node_failed"


@pytest.mark.parametrize(
    ("headers", "status", "code"),
    [
        ({"Authorization": ""}, 401, "not_authenticated"),
        ({"Authorization": "token wrong"}, 401, "not_authenticated"),
        ({"Host": "evil.example"}, 403, "not_allowed"),
    ],
)
def test_what_is_not_let_in_gets_json_too(send, headers, status, code):
    for method, path in [("GET", "health_check"), ("POST", "pipelines/doubled/main")]:
        answer = send(method, path, **headers)
        assert (answer.status, answer.json["code"]) == (status, code)
        assert answer.json["hint"]


@pytest.mark.parametrize("kind", [None, "text/plain", "application/x-www-form-urlencoded", "x"])
def test_the_content_type_of_a_request_does_not_matter(send, kind):
    """It was 500 where it was missing."""
    headers = {"Content_Type": kind} if kind else {}
    answer = send("POST", "pipelines/doubled/main", b'{"pipeline_input": 4}', **headers)
    assert (answer.status, answer.json["pipeline_output"]) == (200, 8)


@pytest.mark.parametrize("rows", [[[1]], [[1, 2, 3]], 7, "text", [["a", 1]], {"a": 1}])
def test_wrong_rows_say_which_node_failed_and_why(send, rows):
    answer = send("POST", "pipelines/sums/main", json.dumps({"pipeline_input": rows}).encode())
    assert answer.status == 500
    assert answer.json["code"] == "node_failed"
    assert [answer.json[key] for key in ("pipeline", "node", "op")] == ["sums", "adding", "unpack"]
    assert "Error: " in answer.json["message"]
    assert "for first, second in rows" in answer.json["traceback"]
    assert send("POST", "pipelines/sums/main", b'{"pipeline_input": [[1, 2]]}').status == 200


def test_arrays_and_what_json_has_no_word_for_are_answers(send):
    """A numpy result was 500, and NaN gave JSON that only Python reads."""
    answer = send("POST", "pipelines/numbers/main")
    assert answer.status == 200
    assert answer.json["pipeline_output"] == {
        "array": [[0, 1, 2], [3, 4, 5]],
        "scalar": 7,
        "holes": [None, None, None, None, 1.5],
    }


def test_every_answer_is_json_by_its_content_type(send):
    """It was text/html."""
    for path in ["health_check", "available_pipelines", "pipelines", "snapshot", "ops", "jobs"]:
        assert send("GET", path).json is not None
    for route in ["main", "load", "save", "versions"]:
        answer = send("POST", f"pipelines/steps/{route}", NUMBER if route == "main" else None)
        assert (answer.status, type(answer.json)) == (200, dict)
    assert send("GET", "pipelines/steps/health_check").json == {"is_loaded": True}


def test_versions_are_to_be_had_by_get_and_by_post(send):
    """It was by POST only."""
    got, posted = (send(method, "pipelines/steps/versions") for method in ("GET", "POST"))
    assert got.status == posted.status == 200
    assert got.json == posted.json
    assert set(got.json) == {"step", "step_2"}


@pytest.mark.parametrize(
    ("route", "body"),
    [
        ("never/load", {"versions": {"never": "9" * 9000}}),
        ("never/load", {"versions": {"n" * 9000: "1.0.0"}}),
        ("never/save", {"run_id": "r" * 9000}),
        ("doubled/main", {"use_worker": "w" * 9000}),
    ],
)
def test_what_is_long_is_not_repeated(send, route, body):
    answer = send("POST", f"pipelines/{route}", json.dumps(body).encode())
    assert answer.status in (400, 404)
    assert len(answer.body) < 1000


ODD_NAMES = [
    "..",
    "%2E%2E",
    "..%2F..%2Fetc%2Fpasswd",
    "a%2Fb",
    "a%5Cb",
    "%2F",
    "%00",
    "%20",
    ".hidden",
    "%C3%A9t%C3%A9",
    "%F0%9F%A6%8A",
    "n" * 129,
    "n" * 3000,
    "a;b",
    "a'b%22--",
]


@pytest.mark.parametrize("name", ODD_NAMES)
def test_names_that_nothing_can_bear_are_404_on_every_route(send, defects_server, name):
    """Those with a slash could not be reached, others were paths."""
    before = sorted((defects_server.root / ".chariots").rglob("*"))
    asked = 0
    for template, handler in ROUTES.items():
        if not {"{name}", "{op}"} & {*template.split("/")}:
            continue
        path = template.replace("{name}", name).replace("{op}", name).lstrip("/")
        for method in ("GET", "POST"):
            if getattr(handler, method.lower()) is getattr(handler.__base__, method.lower()):
                continue
            answer = send(method, f"{path}?a=1.0.0&b=1.0.0" if "diff" in path else path)
            assert answer.status == 404, (method, path[:80], answer)
            assert answer.json["code"].endswith("not_found")
            assert len(answer.body) < 1000
            asked += 1
    assert asked >= 10
    after = sorted((defects_server.root / ".chariots").rglob("*"))
    assert {path.name for path in after} - {path.name for path in before} <= {
        "op_store.db-wal",
        "op_store.db-shm",
    }


def test_an_empty_name_is_no_route(send):
    for template in ROUTES:
        if "{" in template:
            path = re.sub(r"\{\w+\}", "", template).lstrip("/")
            answer = send("GET", path)
            # without their names, two are lists of all
            if template not in ("/pipelines/{name}", "/jobs/{id}"):
                assert (answer.status, answer.json["code"]) == (404, "not_found"), path


def test_the_longest_name_is_served_and_a_longer_one_refused(send):
    answer = send("POST", f"pipelines/{LONGEST}/main", NUMBER)
    assert (answer.status, answer.json["pipeline_output"]) == (200, 2)
    with pytest.raises(InvalidName):
        Pipeline([Node(Step(), ["__pipeline_input__"])], LONGEST + "n")


def test_a_module_with_a_name_that_is_not_allowed_is_named_and_the_others_go_on(send):
    failures = send("GET", "snapshot").json["failures"]
    (failure,) = [one for one in failures if one.get("module") == "slashed"]
    assert "'a/b' cannot be the name of a pipeline" in failure["message"]
    assert failure["hint"]
    assert send("POST", "pipelines/doubled/main", NUMBER).status == 200
