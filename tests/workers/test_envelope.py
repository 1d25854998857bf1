"""The JSON around a run."""

from __future__ import annotations

import json

import pytest

from jupyter_chariots.errors import BadRequest
from jupyter_chariots.versioning.version import Version
from jupyter_chariots.workers.envelope import (
    Envelope,
    answer_tail,
    assemble,
    becomes_job,
    read_envelope,
)


@pytest.mark.parametrize(
    "body", [b"", b" \n", b"null", b"{}", b'{"pipeline_input": null, "use_worker": null}']
)
def test_a_call_that_says_nothing(body):
    assert read_envelope(body) == Envelope()


def test_all_fields():
    fields = {
        "pipeline_input": [[1, 2.5]],
        "use_worker": True,
        "save": False,
        "after": ["a"],
        "priority": 3,
        "idempotency_key": "k",
    }
    body = json.dumps({**fields, "of the future": 1}).encode()
    assert read_envelope(body)._asdict() == fields


def test_inputs_that_are_false_are_inputs():
    for value in (0, False, "", [], {}):
        assert read_envelope(json.dumps({"pipeline_input": value}).encode())[0] == value


@pytest.mark.parametrize(
    "body", [b"{", b"pipeline_input=1", b'{"pipeline_input": NaN}', b"\xff", b"[" * 100_000]
)
def test_what_is_not_json(body):
    with pytest.raises(BadRequest, match="not JSON"):
        read_envelope(body)


@pytest.mark.parametrize(
    ("body", "kind"), [(b"[1]", "a list"), (b"1", "a number"), (b'"a"', "a string")]
)
def test_what_is_not_an_object(body, kind):
    with pytest.raises(BadRequest, match=kind):
        read_envelope(body)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("use_worker", "yes"),
        ("use_worker", 1),
        ("save", []),
        ("after", "a"),
        ("after", [1]),
        ("priority", True),
        ("priority", 1.5),
        ("idempotency_key", 5),
    ],
)
def test_a_field_of_the_wrong_type_is_named(field, value):
    with pytest.raises(BadRequest, match=field) as refused:
        read_envelope(json.dumps({field: value}).encode())
    assert refused.value.details["field"] == field


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ((None, None, None), False),
        ((None, True, None), True),
        ((True, True, False), False),
        ((False, None, True), False),
    ],
)
def test_whether_a_call_becomes_a_job(settings, expected):
    assert becomes_job(*settings) is expected


def test_an_answer():
    version = Version()
    header, body = assemble("[0]", answer_tail({"node": version}, run_id="r"))
    assert header == {}
    assert json.loads(body) == {
        "pipeline_output": [0],
        "versions": {"node": str(version)},
        "job_id": None,
        "job_status": "done",
        "run_id": "r",
    }
