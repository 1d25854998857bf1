"""The JSON around a run."""

from __future__ import annotations

import json

import pytest

from jupyter_chariots.errors import BadRequest
from jupyter_chariots.versioning.version import Version
from jupyter_chariots.workers.envelope import (
    Envelope,
    answer_of,
    answer_tail,
    assemble,
    becomes_job,
    read_controls,
    read_envelope,
    says_more,
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
    assert read_envelope(body)._asdict() == {**fields, "infer": None}


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


@pytest.mark.parametrize(
    ("body", "found"),
    [
        (b"", {}),
        (b"null", {}),
        (b"[1, 2]", {}),
        (b'{"pipeline_input": [1, {"use_worker": true}], "x": "use_worker"}', {}),
        (b'{"use_worker": true}', {"use_worker": True}),
        (b' {"pipeline_input": "a\\"}, {", "use_worker" : false , "after":["x"]}',
         {"use_worker": False, "after": ["x"]}),
        (b'{"use_worker": true, "pipeline_input": {"after": ["y"]}, "priority": -3}',
         {"use_worker": True, "priority": -3}),
        (b'{"use_worker": null, "use_worker": true}', {"use_worker": True}),
        (b'{"use\\u005fworker": true}', {"use_worker": True}),
        ('{"pipeline_input": "use_worker é", "idempotency_key": "ü"}'.encode(),
         {"idempotency_key": "ü"}),
        (b'{"save": false, "pipeline_input": [[1, 2], [3, 4]]}', {"save": False}),
        (b'{"use_worker": tru', {}),
        (b'{"use_worker": maybe}', {}),
        (b'{"pipeline_input": [1, 2, "use_worker": true', {}),
    ],
)  # fmt: skip
def test_the_fields_beside_the_input_are_found_without_decoding_it(body, found):
    assert read_controls(body) == Envelope(None, **found)
    if found:
        assert says_more(body)
        assert read_envelope(body)._replace(pipeline_input=None) == Envelope(None, **found)


@pytest.mark.parametrize("body", [b'{"use_worker": 1}', b'{"after": "x"}', b'{"priority": true}'])
def test_fields_of_a_wrong_type_are_refused(body):
    for read in (read_controls, read_envelope):
        with pytest.raises(BadRequest):
            read(body)


def test_a_body_without_such_names_is_not_looked_through():
    assert not says_more(b'{"pipeline_input": [[5.1, 3.5]]}')


def test_the_answer_of_a_job_is_that_of_the_call():
    about = {"versions": {"a": "1.2.3"}, "run_id": "r", "warnings": ["w"]}
    _, answer = answer_of(about, b"[1, 2]", job_id="j", job_status="done")
    assert json.loads(answer) == {
        "pipeline_output": [1, 2], **about, "job_id": "j", "job_status": "done"
    }  # fmt: skip
    header, data = answer_of({**about, "content_type": "application/x-npy"}, b"npy", job_id="j")
    assert (header["content_type"], data) == ("application/x-npy", b"npy")
    assert header["headers"]["Chariots-Job-Id"] == "j"
