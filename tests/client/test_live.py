"""Answers that begin with what the run prints."""

from __future__ import annotations

import json

import pytest

from jupyter_chariots.client.connection import Connection
from jupyter_chariots.client.discovery import Address
from jupyter_chariots.client.screen import Screen
from jupyter_chariots.errors import Unavailable
from jupyter_chariots.formats import LIVE, NPY


def said(text, stream="stdout"):
    return json.dumps({"stream": stream, "text": text})


def last(body, status=200, kind="application/json", **headers):
    about = {
        "status": status,
        "headers": {"Content-Type": kind, **headers},
        "length": len(body.encode()),
    }
    return json.dumps(about)


@pytest.fixture
def call(scripted):
    def send(*lines):
        server = scripted(lambda handler: handler.answer(200, "\n".join(lines), LIVE))
        connection = Connection(Address(server.url))
        try:
            answers = [
                connection.request("POST", "/main", b"{}", screen=Screen()) for _ in range(2)
            ]
        finally:
            connection.close()
        assert len({port for port, *_ in server.seen}) == 1  # it can be used again
        return answers[0]

    return send


def test_it_is_shown_and_the_plain_answer_is_given(call, capsys):
    answer = call(said("héllo\n"), "", said("careful\n", "stderr"), last("{}"), "{}")
    assert (answer.status, answer.body) == (200, b"{}")
    assert answer.headers.get_content_type() == "application/json"
    out, err = capsys.readouterr()
    assert out == "héllo\n" * 2
    assert err == "careful\n" * 2


def test_data_and_its_headers(call):
    body = 'any\n"bytes"\n'
    answer = call(said("x"), last(body, kind=NPY, **{"Chariots-Run-Id": "1"}), body)
    assert answer.body == body.encode()
    assert answer.headers.get_content_type() == NPY
    assert answer.headers["Chariots-Run-Id"] == "1"


def test_an_error_has_its_status(call):
    assert call(said("x"), last("{}", 500), "{}").status == 500


def test_a_notice_in_a_terminal_is_a_line(call, capsys):
    call(json.dumps({"notice": "Starting …"}), said("done\n"), last("{}"), "{}")
    assert capsys.readouterr().err == "Starting …\n" * 2


@pytest.mark.parametrize(
    "lines",
    [
        [said("x"), ""],
        [said("x"), last("{}")[:9]],
        [last("{}"), "{"],
        [said("x"), "no"],
        ["no", ""],
    ],
)
def test_one_that_breaks_off(call, lines):
    with pytest.raises(Unavailable):
        call(*lines)


def test_a_closed_stream_does_not_cost_the_answer(call, monkeypatch, tmp_path):
    with (tmp_path / "closed").open("w") as closed:
        monkeypatch.setattr("sys.stdout", closed)
    assert call(said("x"), last("{}"), "{}").body == b"{}"
