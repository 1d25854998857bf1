from __future__ import annotations

from datetime import datetime, timedelta, timezone

import pytest

from jupyter_chariots.widgets.words import (
    ago,
    digest,
    duration,
    job_words,
    jobs_in_order,
    remarks,
    state_of,
    utc,
    versions_of,
)

NOW = datetime(2026, 11, 22, 12, 4, 8, tzinfo=timezone.utc)
VERSION = {"version": "9f3a1c7.aabbcc.ddeeff_2026-11-22T11:32:07.500000", "number": "2.0.3"}
LOADED = {
    "name": "iris",
    "state": "ready",
    "is_loaded": True,
    "ops": ["pcaop", "logisticop"],
    "served": {"versions": {"logisticop": VERSION}},
}
NEWER = {"numbers": {"logisticop": "3.0.0"}, "fits": True, "reason": None, "pinned": False}

STATES = {
    "failed": {"state": "failed", "is_loaded": False, "unsaved": "r"},
    "restarting": {"state": "starting", "replicas": {"restarts": 1, "alive": 0}},
    "not loaded": {"is_loaded": False, "unsaved": "r"},
    "not saved": {"unsaved": "r", "newer": NEWER},
    "newer in store": {"newer": NEWER},
    "loaded": {"state": "starting", "replicas": {"restarts": 0, "alive": 0}},
}


@pytest.mark.parametrize("word", STATES)
def test_the_first_state_that_applies(word):
    assert state_of({**LOADED, **STATES[word]}).word == word


def test_a_refused_pipeline_says_little_and_is_shown():
    view = {"name": "odd", "is_loaded": False, "reason": "no such module"}
    assert state_of(view).word == "not loaded"
    assert versions_of(view, NOW) == "–"
    assert remarks(view) == ["no such module"]


def test_the_version_is_that_of_the_last_op():
    assert versions_of(LOADED, NOW) == "logisticop 2.0.3 9f3aadd · 32m ago"
    assert versions_of({**LOADED, "unsaved_ops": ["pcaop"]}, NOW) == "logisticop 2.0.3 + changes"
    assert versions_of({**LOADED, "served": None}, NOW) == "logisticop –"
    current = {**LOADED, "served": None, "current": {"logisticop": {**VERSION, "number": None}}}
    assert versions_of(current, NOW).startswith("logisticop – 9f3aadd")


def test_remarks():
    reason = "Pipeline 'iris' is not loaded: pcaop has no saved version."
    not_loaded = {**LOADED, "is_loaded": False, "reason": reason, "hint": "Train.", "newer": NEWER}
    assert remarks(not_loaded) == ["pcaop has no saved version.", "Train."]
    assert remarks({**LOADED, "newer": NEWER}) == ["logisticop 3.0.0 fits: Load"]
    refused = {**NEWER, "fits": False, "reason": "trained on another"}
    assert remarks({**LOADED, "newer": refused, "warnings": ["w"]}) == [
        "logisticop 3.0.0 in store does not fit",
        "trained on another",
        "w",
    ]
    assert remarks({**LOADED, "newer": {**NEWER, "pinned": True}}) == [
        "logisticop 3.0.0 in store, versions are pinned"
    ]


def job(status, seq=1, **more):
    times = {"submitted": "2026-11-22T12:00:00", "started": None, "ended": None}
    return {"id": f"a41f{seq}", "seq": seq, "pipeline": "p", "status": status, **times, **more}


RAN = {"started": "2026-11-22T12:03:04", "ended": "2026-11-22T12:03:16.400000"}
PROGRESS = {"done": 2, "total": 4, "node": "logisticop", "message": None, "fraction": 0.629}

JOBS = {
    "queued": job("queued"),
    "waits for b0d2, c1e3": job("deferred", after=["b0d2ffff", "c1e3ffff"]),
    "62% · logisticop · node 3 of 4 · 1 min 04 s": job(
        "running", started="2026-11-22T12:03:04", progress=PROGRESS
    ),
    "stopping · 0.0 ms": job("running", started="2026-11-22T12:04:08", cancelling=True),
    "attempt 2 of 3 · 8.0 s": job(
        "running", started="2026-11-22T12:04:00", attempts=2, max_attempts=3
    ),
    "done in 12 s · now": job("done", **RAN),
    "failed · now · worker lost": job(
        "failed", **RAN, error={"code": "worker_lost", "message": "worker lost\nmore"}
    ),
    "cancelled · 1h ago": job("cancelled", ended="2026-11-22T11:00:00"),
}


@pytest.mark.parametrize("words", JOBS)
def test_jobs(words):
    assert job_words(JOBS[words], NOW) == words.replace("0.0 ms", "0 ms")


def test_the_order_of_jobs():
    jobs = [
        job("done", 1, ended="2026-11-22T11:00:00"),
        job("failed", 2, ended="2026-11-22T12:00:00"),
        job("running", 9),
        job("running", 3),
        job("queued", 4),
        job("deferred", 5),
        job("queued", 6, priority=1),
    ]
    assert [one["seq"] for one in jobs_in_order(jobs)] == [3, 9, 6, 4, 5, 2, 1]


def test_formats():
    assert [duration(s) for s in (-1, 0.0011, 0.84, 12.9, 64, 7500)] == [
        "0 ms",
        "1.1 ms",
        "0.8 s",
        "12 s",
        "1 min 04 s",
        "2 h 05 min",
    ]
    assert ago(NOW - timedelta(seconds=59), NOW) == "now"
    assert ago(NOW - timedelta(minutes=9), NOW) == "9m ago"
    assert ago(NOW - timedelta(hours=23), NOW) == "23h ago"
    assert ago(NOW - timedelta(days=400), NOW).split()[1:3] == ["Oct", "2025"]
    assert digest("a.b") == "ab"
    assert utc("2026-11-22T12:04:08Z") == utc("2026-11-22T12:04:08") == NOW
