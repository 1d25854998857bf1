import json

import pytest

from jupyter_chariots import PipelinesClient, errors

PAGE = "<html><body>Please log in</body></html>"


@pytest.mark.parametrize(
    ("status", "headers", "expected", "said"),
    [
        (200, {}, errors.ServerNotFound, "a login page"),
        (404, {}, errors.ServerNotFound, "does not run there"),
        (302, {"Location": "/hub/login?next="}, errors.NotAuthenticated, "asks for a login"),
        (302, {"Location": "/elsewhere"}, errors.ServerNotFound, "/elsewhere"),
        (403, {}, errors.NotAuthenticated, "CHARIOTS_TOKEN"),
        (502, {}, errors.Unavailable, "proxy"),
        (400, {}, errors.BadRequest, "400"),
    ],
)
def test_html_is_never_taken_for_an_answer(scripted, status, headers, expected, said):
    server = scripted(lambda handler: handler.answer(status, PAGE, "text/html", **headers))
    client = PipelinesClient(server.url)
    with pytest.raises(errors.ChariotsError, match=said) as caught:
        client.available_pipelines()
    assert type(caught.value) is expected
    assert server.url in str(caught.value)
    client.close()


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        (401, errors.NotAuthenticated),
        (403, errors.NotAllowed),
        (404, errors.NotFound),
        (503, errors.Unavailable),
        (418, errors.ChariotsError),
    ],
)
def test_json_of_jupyter_itself(scripted, status, expected):
    server = scripted(lambda handler: handler.answer(status, '{"message": "because"}'))
    client = PipelinesClient(server.url)
    with pytest.raises(errors.ChariotsError, match=rf"{status} \(because\)") as caught:
        client.health()
    assert type(caught.value) is expected
    client.close()


def test_a_broken_answer(scripted):
    server = scripted(lambda handler: handler.answer(200, '{"a": '))
    client = PipelinesClient(server.url)
    with pytest.raises(errors.Unavailable, match="broken answer"):
        client.health()
    client.close()


@pytest.mark.parametrize("name", sorted(set(errors.__all__) - {"from_payload"}))
def test_errors_come_back_as_the_same_class(scripted, name):
    original = getattr(errors, name)("It is so.", hint="Do this.", pipeline="p", op="o")
    body = json.dumps(original.payload())
    server = scripted(lambda handler: handler.answer(original.status, body))
    client = PipelinesClient(server.url)
    with pytest.raises(errors.ChariotsError) as caught:
        client.call_pipeline("p")
    assert type(caught.value) is type(original)
    assert str(caught.value) == str(original)
    assert caught.value.details == {"pipeline": "p", "op": "o"}
    client.close()


def test_the_traceback_of_the_op_is_the_cause(scripted):
    text = 'Traceback (most recent call last):\n  File "ops.py", line 3\nZeroDivisionError: no'
    failed = errors.NodeFailed("The node b raised.", traceback=text, node="b")
    server = scripted(lambda handler: handler.answer(500, json.dumps(failed.payload())))
    client = PipelinesClient(server.url)
    with pytest.raises(errors.NodeFailed) as caught:
        client.call_pipeline("p")
    assert caught.value.traceback == text
    assert 'File "ops.py", line 3' in str(caught.value.__cause__)
    client.close()


def test_not_loaded_is_an_answer_of_a_health_check(scripted):
    server = scripted(lambda h: h.answer(419, '{"is_loaded": false, "reason": "train it"}'))
    client = PipelinesClient(server.url)
    assert client.is_pipeline_loaded("p") is False
    client.close()
