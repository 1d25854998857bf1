"""What is shown while something goes on: in a notebook, in a terminal, and where nobody looks."""

from __future__ import annotations

import io
import os
import pty
import re

import pytest

from jupyter_chariots.client.bar import as_html, as_text, said
from jupyter_chariots.client.job_tables import jobs_table, state_of
from jupyter_chariots.client.screen import Screen

HALF = {
    "done": 1, "total": 3, "node": "pca", "i": 5, "n": 10, "message": "<b>", "fraction": 0.5,
}  # fmt: skip


def test_words():
    assert said(None) == ""
    assert said(HALF) == "pca (2 of 3), 5 of 10, <b>"
    assert said({**HALF, "total": 1, "n": None, "message": None}) == "pca, 5"
    assert said({**HALF, "node": None, "i": None, "message": None}) == ""


def test_a_bar_as_text_and_as_html():
    assert as_text("train", 0.5, "pca") == f"train  {'█' * 12}{'░' * 12}   50 %  pca"
    assert as_text("train", None, "queued") == "train  queued"
    html = as_html("<i>", 0.5, "<b>", "failed")
    assert 'role="progressbar"' in html
    assert 'aria-valuenow="50"' in html
    assert "width: 50%" in html
    assert "var(--jp-error-color1" in html
    assert "&lt;i&gt;" in html
    assert "<b>" not in html
    assert "aria-valuenow" not in as_html("train", None, "queued")


JOB = {
    "id": "a" * 32, "pipeline": "train", "status": "running", "cancelling": False, "priority": 0,
    "submitted": "2026-01-01T10:00:00.5", "started": "2026-01-01T10:00:01", "ended": None,
    "who": "ada", "attempts": 1, "after": [], "progress": HALF, "error": None,
}  # fmt: skip


@pytest.mark.parametrize(
    ("job", "words"),
    [
        ({"status": "queued"}, "queued"),
        ({"status": "deferred", "after": ["x"]}, "waits for 1 job"),
        ({"status": "deferred", "after": ["x", "y"]}, "waits for 2 jobs"),
        ({}, "pca (2 of 3), 5 of 10, <b>"),
        ({"progress": None}, "running"),
        ({"attempts": 2}, "pca (2 of 3), 5 of 10, <b>, attempt 2"),
        ({"cancelling": True}, "is being cancelled"),
        ({"status": "done", "ended": "2026-01-01T10:00:03.500000"}, "done in 2.5 s"),
        ({"status": "done", "ended": "2026-01-01T10:02:03"}, "done in 2 min 2 s"),
        ({"status": "done", "ended": "2026-01-01T13:02:03"}, "done in 3 h 2 min"),
        ({"status": "failed", "error": {"message": "no"}}, "failed: no"),
        ({"status": "cancelled", "error": {"message": "by ada"}}, "cancelled"),
    ],
)  # fmt: skip
def test_what_a_bar_says_of_a_job(job, words):
    assert state_of({**JOB, **job})[1] == words


def test_a_table_of_jobs():
    table = repr(jobs_table([JOB, {**JOB, "status": "queued", "progress": None}]))
    assert re.search(r"a{32} +train +running +50 % pca \(2 of 3\), 5 of 10, <b>", table)
    assert "priority" not in table  # nobody has one


class Terminal(io.StringIO):
    def isatty(self):
        return True


def test_a_terminal_has_one_line(monkeypatch):
    out, err = io.StringIO(), Terminal()
    monkeypatch.setattr("sys.stdout", out)
    monkeypatch.setattr("sys.stderr", err)
    monkeypatch.setenv("COLUMNS", "40")
    screen = Screen("train")
    screen.progress(HALF)
    screen.progress(HALF)
    assert err.getvalue().count("train") == 1
    line = err.getvalue().removeprefix("\r\x1b[K")
    assert len(line) == 39
    screen.write("stdout", "printed\n")
    assert err.getvalue().endswith(line + "\r\x1b[K")
    assert out.getvalue() == "printed\n"
    screen.progress(HALF)
    assert err.getvalue().endswith(line)
    screen.keep()
    assert err.getvalue().endswith(line + "\n")
    screen.clear()
    assert err.getvalue().endswith(line + "\n")


def test_a_real_terminal():
    leader, follower = pty.openpty()
    with os.fdopen(follower, "w") as stream, pytest.MonkeyPatch.context() as patched:
        patched.setattr("sys.stderr", stream)
        Screen("train").progress(HALF)
    assert "50 %" in os.read(leader, 4096).decode()
    os.close(leader)


def test_a_file_gets_prints_and_notices_only(capsys):
    screen = Screen("train")
    screen.progress(HALF)
    screen.notice("Starting …")
    screen.write("stdout", "out\n")
    screen.write("stderr", "err\n")
    screen.clear()
    assert capsys.readouterr() == ("out\n", "Starting …\nerr\n")
    Screen(aside=True).write("stdout", "out\n")
    assert capsys.readouterr() == ("", "out\n")


def test_a_stream_that_is_closed_is_no_reason_to_fail(monkeypatch):
    closed = io.StringIO()
    closed.close()
    monkeypatch.setattr("sys.stderr", closed)
    screen = Screen("train")
    screen.progress(HALF)
    screen.write("stderr", "text")
    screen.clear()
