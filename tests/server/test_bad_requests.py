"""Whatever is sent, the answer is JSON that says what is wrong."""

from __future__ import annotations

import pytest


def test_an_unknown_pipeline_is_404_on_every_route(ask):
    for method, route in [
        ("POST", "main"),
        ("POST", "load"),
        ("POST", "save"),
        ("POST", "versions"),
        ("GET", "versions"),
        ("GET", "health_check"),
        ("GET", "loadable"),
        ("GET", "served"),
    ]:
        answer = ask(method, f"pipelines/leran/{route}")
        assert answer.status == 404, route
        assert answer.body["code"] == "pipeline_not_found"
        assert "'learn'" in answer.body["hint"]
    assert ask("GET", "pipelines/leran").status == 404


@pytest.mark.parametrize(
    "name",
    ["..%2F..%2Fetc%2Fpasswd", "a%2Fb", "%00", "%20", "a" * 4000, "%F0%9F%A6%8A", "..", "%2E%2E"],
)
def test_odd_names_are_404_and_harmless(ask, name):
    answer = ask("POST", f"pipelines/{name}/main")
    assert answer.status == 404
    assert len(answer.body["message"]) < 300
    assert ask("GET", f"ops/{name}/versions").status == 404


def test_a_name_that_is_not_utf8_is_400(ask):
    assert ask("POST", "pipelines/%FF/main").status == 400


@pytest.mark.parametrize("body", [b"{", b"\xff\xfe", b"[1, 2", b"NaN?", b"[" * 100_000])
@pytest.mark.parametrize("route", ["main", "load", "save"])
def test_what_is_not_json_is_400(ask, body, route):
    answer = ask("POST", f"pipelines/doubled/{route}", body)
    assert answer.status == 400
    assert answer.body["code"] == "bad_request"


@pytest.mark.parametrize("body", [[1, 2], "text", 3, True])
@pytest.mark.parametrize("route", ["main", "load", "save", "versions"])
def test_what_is_not_an_object_is_400(ask, body, route):
    answer = ask("POST", f"pipelines/doubled/{route}", body)
    assert answer.status == 400
    assert "object" in answer.body["message"]


@pytest.mark.parametrize(
    ("route", "body", "field"),
    [
        ("main", {"use_worker": "yes"}, "use_worker"),
        ("load", {"versions": ["1.0.0"]}, "versions"),
        ("load", {"versions": {"mean": 1.0}}, "versions"),
        ("save", {"run_id": 7}, "run_id"),
        ("save", {"run_id": "\ud800"}, "run_id"),
        ("save", {"force": "no"}, "force"),
    ],
)
def test_a_wrong_type_is_400_and_names_the_field(ask, route, body, field):
    answer = ask(
        "POST", f"pipelines/apply/{route}" if route != "main" else "pipelines/doubled/main", body
    )
    assert answer.status == 400
    assert answer.body["field"] == field
    assert repr(field) in answer.body["message"]


@pytest.mark.parametrize("value", [{"mean": "1.0.0"}, None])
def test_a_misspelt_field_is_400_and_says_which_was_meant(ask, value):
    answer = ask("POST", "pipelines/apply/load", {"version": value})
    assert answer.status == 400
    assert "'versions'" in answer.body["hint"]


@pytest.mark.parametrize("body", [b"", b"null", b"{}", b'{"pipeline_input": null}'])
def test_nothing_is_a_call_without_input(ask, body):
    assert ask("POST", "pipelines/process/main", body).status == 200
    assert ask("POST", "pipelines/doubled/main", body).status == 400


@pytest.mark.parametrize(
    ("route", "field"), [("load", "versions"), ("save", "run_id"), ("save", "force")]
)
def test_null_is_no_body_and_a_null_field_is_absent(ask, route, field):
    for body in [b"", b"null", b"{}", {field: None}]:
        assert ask("POST", f"pipelines/doubled/{route}", body).status == 200


def test_an_input_for_a_pipeline_that_takes_none_is_400(ask):
    answer = ask("POST", "pipelines/process/main", {"pipeline_input": 1})
    assert answer.status == 400
    assert answer.body["code"] == "invalid_input"


def test_an_unknown_route_is_404(ask):
    for path in ["nothing", "pipelines/learn/mian", "", "jobs/fetch/a/b", "pipelines/a/b/main"]:
        for method in ["GET", "POST", "PUT", "DELETE", "PATCH"]:
            answer = ask(method, path)
            assert answer.status == 404, (method, path)
            assert answer.body["code"] == "not_found"


def test_a_wrong_verb_is_405_and_says_which_are_possible(ask):
    for method, path, allowed in [
        ("GET", "pipelines/learn/main", "POST"),
        ("DELETE", "pipelines/learn/load", "POST"),
        ("PUT", "pipelines/learn/versions", "GET, POST"),
        ("POST", "health_check", "GET"),
        ("PATCH", "snapshot", "GET"),
    ]:
        answer = ask(method, path)
        assert answer.status == 405, (method, path)
        assert set(allowed.split(", ")) <= set(answer.headers["Allow"].split(", "))
        assert answer.body["hint"]


def test_a_verb_that_nobody_knows_is_405(ask):
    for path in ["health_check", "pipelines/doubled/main", "nothing"]:
        assert ask("BREW", path).status == 405
    log = ask.server.log.read_text()
    assert "Uncaught" not in log


@pytest.mark.parametrize(
    ("path", "query"),
    [
        ("ops", {"limit": "many"}),
        ("ops", {"limit": "-1"}),
        ("ops", {"limit": "1001"}),
        ("ops", {"before": "1.5"}),
        ("ops", {"before": "9" * 5000}),
        ("ops", {"limit": "\u0661"}),
        ("jobs", {"limit": "x"}),
        ("pipelines/learn/served", {"from": "yesterday"}),
        ("pipelines/learn/served", {"from": "0001-01-01T00:00:00+23:59"}),
        ("pipelines/learn/served", {"to": "9999-12-31T23:59:59-23:59"}),
        ("snapshot", {"since": "x"}),
        ("snapshot", {"since": "1", "wait": "61"}),
        ("ops/mean/diff", {"a": "1.0.0"}),
    ],
)
def test_a_wrong_parameter_is_400_and_named(ask, path, query):
    answer = ask("GET", path, query=query)
    assert answer.status == 400
    assert answer.body["field"] in {*query, "b"}


def test_a_job_without_an_id_is_400_and_an_unknown_one_404(ask):
    missing = ask("POST", "jobs/fetch/")
    assert missing.status == 400
    assert missing.body["field"] == "job_id"
    assert ask("POST", "jobs/fetch/", {"job_id": None}).status == 400
    assert ask("POST", "jobs/fetch/", {"job_id": 3}).status == 400
    unknown = ask("POST", "jobs/fetch/", {"job_id": "b0d2"})
    assert unknown.status == 404
    assert unknown.body["code"] == "job_not_found"


class TestLargeBodies:
    @pytest.fixture
    def settings(self):
        return {"max_body_size": 1000}

    async def test_a_body_that_is_too_large_is_413(self, fetch, extension):
        body = {"pipeline_input": "x" * 2000}
        for route in ["pipelines/doubled/main", "pipelines/doubled/load", "jobs/fetch/"]:
            answer = await fetch("POST", route, body)
            assert answer.status == 413
            assert answer.body["code"] == "too_large"
        # read on the loop, so less is allowed
        versions = {"versions": {"mean": "x" * (1 << 20)}}
        extension.max_body_size = 1 << 30
        assert (await fetch("POST", "pipelines/doubled/load", versions)).status == 413
        small = await fetch("POST", "pipelines/doubled/main", {"pipeline_input": 4})
        assert small.body["pipeline_output"] == 8


@pytest.mark.parametrize("path", ["", ".", "nothing.ipynb", "\0", "a/../../..", "x" * 5000])
def test_what_is_no_notebook_is_refused_and_not_remembered(ask, path):
    answer = ask("POST", "notebooks", {"path": path})
    assert answer.status in (400, 404)
    assert answer.body["code"] in ("not_found", "invalid_notebook")
    assert ask("GET", "snapshot").body["failures"] == []


def test_how_long_to_wait_for_a_log_is_read_whether_it_counts_or_not(ask):
    for path in ["pipelines/doubled/log", "jobs/b0d2/log"]:
        for query in [{"wait": "61"}, {"wait": "61", "after": "1-0"}, {"wait": "x"}]:
            answer = ask("GET", path, query=query)
            assert (answer.status, answer.body["field"]) == (400, "wait")
