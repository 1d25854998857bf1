"""Nothing that comes from the server or the user is markup."""

from __future__ import annotations

from datetime import datetime, timezone
from html.parser import HTMLParser

import pytest

from jupyter_chariots.errors import NodeFailed
from jupyter_chariots.widgets import shown

NOW = datetime(2026, 11, 22, 12, 4, 8, tzinfo=timezone.utc)
ODD = "</pre><script>alert(1)</script>\"'><img src=x onerror='alert(2)'>&lt;![CDATA[<!--"
ALLOWED = {
    *("b", "br", "code", "details", "div", "p", "pre", "span", "summary"),
    *("table", "tbody", "td", "tr"),
    *("svg", "circle", "path"),  # the wheel in the title
}
VIEW = {
    "name": ODD,
    "state": "ready",
    "is_loaded": False,
    "reason": ODD,
    "hint": ODD,
    "ops": [ODD],
    "warnings": [ODD],
    "newer": {"numbers": {ODD: ODD}, "fits": False, "reason": ODD, "pinned": False},
    "current": {ODD: {"version": "a.b.c_2026-11-22T12:00:00", "number": ODD}},
}
JOB = {
    "id": ODD,
    "seq": 1,
    "pipeline": ODD,
    "status": "failed",
    "submitted": "2026-11-22T12:00:00",
    "started": "2026-11-22T12:00:00",
    "ended": "2026-11-22T12:00:01",
    "after": [ODD],
    "error": {"message": ODD},
    "progress": {"node": ODD, "total": 2, "message": ODD},
}
ERROR = NodeFailed(ODD, hint=ODD, traceback=ODD)


class Reader(HTMLParser):
    """Notes tags and attributes, and the text as it is read."""

    def __init__(self):
        super().__init__()
        self.tags, self.attributes, self.text = set(), set(), []

    def handle_starttag(self, tag, attrs):
        self.tags.add(tag)
        self.attributes |= {name for name, _ in attrs}
        self.text += [value for name, value in attrs if name == "title"]

    def handle_comment(self, data):
        raise AssertionError("a comment")

    def handle_data(self, data):
        self.text.append(data)


MARKUP = {
    "pipeline_head": shown.pipeline_head(VIEW, NOW),
    "unsaved": shown.pipeline_head({**VIEW, "unsaved_ops": [ODD]}, NOW),
    "pipeline_remarks": shown.pipeline_remarks(VIEW),
    "newer": shown.pipeline_remarks({**VIEW, "is_loaded": True}),
    "answer": shown.answer({ODD: [ODD]}, "1 ms", [ODD]),
    "done": shown.done(ODD),
    "warned": shown.warned([ODD]),
    "failure": shown.failure(ERROR),
    "title": shown.title([ODD]),
    "paragraph": shown.paragraph(ODD, ODD),
    "job_head": shown.job_head(JOB),
    "job_line": shown.job_line(JOB, NOW),
    "running": shown.job_line({**JOB, "status": "running"}, NOW),
    "deferred": shown.job_line({**JOB, "status": "deferred"}, NOW),
    "strange": shown.job_line({**JOB, "status": ODD}, NOW) + shown.job_head({**JOB, "status": ODD}),
    "log": shown.log(ODD),
    "as_html": shown.as_html([VIEW], [JOB], NOW),
}


@pytest.mark.parametrize("name", MARKUP)
def test_markup(name):
    reader = Reader()
    reader.feed(MARKUP[name])
    reader.close()
    assert reader.tags <= ALLOWED
    if name != "title":  # which has a picture
        assert reader.attributes <= {"style", "title", "role", "aria-hidden"}
    assert not any(one.startswith("on") for one in reader.attributes)


def test_it_is_still_readable():
    reader = Reader()
    reader.feed(MARKUP["failure"])
    assert "".join(reader.text).count("<script>alert(1)</script>") == 3
    assert "Traceback (1 lines)" in MARKUP["failure"]


def test_a_long_answer_is_cut():
    assert len(shown.answer(list(range(9999)), "", [])) < 1000


def test_text():
    assert shown.as_text([], [], NOW).startswith("Chariots, as of 22 Nov 2026")
