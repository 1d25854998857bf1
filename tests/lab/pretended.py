"""Snapshots of servers that cannot be had in a test: in all states at once, or very busy."""

from __future__ import annotations

import json
from datetime import datetime, timedelta, timezone
from typing import Any

_FORTY = "0123456789abcdef" * 3


def _version(digest: str, number: str | None) -> dict[str, Any]:
    parts = (digest[:3], digest[3:5], digest[5:])
    digests = ".".join((part + _FORTY)[:40] for part in parts)
    return {"version": f"{digests}_2026-11-22T10:00:00", "number": number}


def pipeline(
    name: str, ops: dict[str, tuple[str, str]] | None = None, **more: Any
) -> dict[str, Any]:
    """A loaded pipeline that nobody has called, unless said otherwise."""
    versions = {op: _version(digest, number) for op, (number, digest) in (ops or {}).items()}
    served = {
        "seq": 1,
        "versions": versions,
        "pins": {},
        "cause": "load",
        "who": "you",
        "at": "2026-11-22T10:00:00",
    }
    return {
        "name": name,
        "state": "ready",
        "is_loaded": True,
        "changes": False,
        "takes_input": True,
        "ops": list(ops or {}),
        "replicas": {"wanted": 1, "alive": 1, "restarts": 0},
        "calls": {"rate": 0.0, "p50": None, "p99": None, "window": 60},
        "last_error": None,
        "served": served,
        "current": versions,
        "unsaved": None,
        "unsaved_ops": [],
        "newer": None,
        **more,
    }


def ago(seconds: float) -> str:
    """So long ago, as the server writes it."""
    then = datetime.now(timezone.utc) - timedelta(seconds=seconds)
    return then.replace(tzinfo=None).isoformat()


def job(identity: str, name: str, status: str, **more: Any) -> dict[str, Any]:
    """A job; its times are ages in seconds."""
    times = {key: ago(more.pop(key)) for key in ("started", "ended") if key in more}
    return {
        "id": identity,
        "seq": int(identity[:4], 16),
        "pipeline": name,
        "status": status,
        "submitted": ago(4000),
        "attempts": 1,
        "max_attempts": 2,
        "after": [],
        "progress": None,
        **times,
        **more,
    }


def snapshot(**more: Any) -> dict[str, Any]:
    """What a server says that has nothing."""
    return {
        "protocol": 1,
        "seq": 1,
        "state_seq": 1,
        "server": {"release": "0.1.0", "pid": 1, "since": "then"},
        "starting": False,
        "pipelines": [],
        "failures": [],
        "jobs": [],
        **more,
    }


def all_states() -> dict[str, Any]:
    """A pipeline and a job in each state."""
    iris = {
        "scalerop": ("1.0.2", "c07e55a"),
        "pcaop": ("2.2.0", "41be07d"),
        "logisticop": ("2.0.3", "9f3a1c7"),
    }
    newer = {
        "numbers": {"scalerop": "2.0.0", "pcaop": "2.2.0", "logisticop": "2.0.3"},
        "fits": False,
        "reason": "pcaop 2.2.0 was trained on scalerop 1.0.2, not on 2.0.0.",
        "pinned": False,
    }
    busy = {"rate": 3.2, "p50": 0.0011, "p99": 0.0024, "window": 60}
    pipelines = [
        pipeline(
            "iris", iris, newer=newer, calls=busy, replicas={"wanted": 2, "alive": 2, "restarts": 0}
        ),
        pipeline("churn-score", {"churnmodel": ("4.1.0", "aa01b2c")}),
        pipeline(
            "house-prices",
            {"boostedtrees": ("1.3.2", "bb01b2c")},
            unsaved="run",
            unsaved_ops=["boostedtrees"],
        ),
        pipeline(
            "sentiment-of-reviews",
            {"sentiment": ("0.9.0", "cc01b2c")},
            state="starting",
            replicas={"wanted": 1, "alive": 0, "restarts": 3},
        ),
        pipeline(
            "fraud",
            {"fraudmodel": ("3.0.1", "dd01b2c")},
            state="failed",
            reason="state not signed by you",
            is_loaded=False,
        ),
        pipeline(
            "topics",
            {},
            is_loaded=False,
            served=None,
            state="cold",
            reason="never fitted: run topics-train first",
        ),
    ]
    running = {"node": "logisticop", "done": 2, "total": 4, "fraction": 0.62}
    early = {"node": "readparquet", "done": 0, "total": 6, "fraction": 0.08}
    lost = {"code": "worker_lost", "message": "worker lost"}
    wrong = {"code": "node_failed", "message": "X has 3 columns, expected 4", "node": "pcaop"}
    jobs = [
        job("a41f" + "0" * 28, "iris-train", "running", started=64, progress=running),
        job("b7c0" + "0" * 28, "churn-train", "running", started=12, progress=early),
        job("c0d2" + "0" * 28, "fraud-train", "queued"),
        job("c9e1" + "0" * 28, "nightly-report", "deferred", after=["c0d2" + "0" * 28]),
        job("5d10" + "0" * 28, "topics-train", "failed", ended=540, attempts=2, error=lost),
        job("e2aa" + "0" * 28, "house-prices", "failed", ended=1260, error=wrong),
        job("0b7c" + "0" * 28, "iris-train", "done", started=1932, ended=1920),
        job("91f4" + "0" * 28, "churn-train", "cancelled", ended=3700),
        job("f3c8" + "0" * 28, "iris-train", "done", started=7300, ended=7289),
    ]
    counts = {"running": 2, "queued": 1, "deferred": 1, "failed": 7, "done": 298, "cancelled": 3}
    return snapshot(pipelines=pipelines, jobs=jobs, job_counts=counts)


def many(pipelines: int = 100, jobs: int = 1000) -> dict[str, Any]:
    """A busy server."""
    states = [{}, {"unsaved": "run", "unsaved_ops": ["model"]}, {"state": "failed"}, {}, {}]
    views = [
        pipeline(f"pipeline-{i:03}", {"model": (f"{i}.0.1", f"{i:07x}")}, **states[i % 5])
        for i in range(pipelines)
    ]
    listed = []
    for i in range(jobs):
        identity = f"{i:04x}" + "0" * 28
        name = f"pipeline-{i % pipelines:03}"
        if i < 20:
            progress = {"done": i % 6, "total": 6, "fraction": (i % 10) / 10, "node": "fit"}
            listed.append(job(identity, name, "running", started=i, progress=progress))
        elif i < 60:
            listed.append(job(identity, name, "queued"))
        else:
            status = "failed" if i % 17 == 0 else "done"
            error = {"code": "x", "message": "no"} if status == "failed" else None
            listed.append(job(identity, name, status, started=i * 20, ended=i * 19, error=error))
    return snapshot(pipelines=views, jobs=listed)


class Pretended:
    """Answers the page's ``/snapshot`` in the server's place.

    Args:
        page: Playwright's page.
        first: what is answered until :meth:`say`.
    """

    def __init__(self, page: Any, first: dict[str, Any]) -> None:
        self.page, self.body, self.away = page, first, False
        self._waiting: list[Any] = []
        page.route("**/chariots/snapshot*", self._answer)

    def _answer(self, route: Any) -> None:
        if self.away:
            route.abort("connectionrefused")
        elif f"?since={self.body['seq']}&" in route.request.url:
            self._waiting.append(route)
        else:
            self._tell(route)

    def _tell(self, route: Any) -> None:
        route.fulfill(status=200, content_type="application/json", body=json.dumps(self.body))

    def say(self, body: dict[str, Any]) -> None:
        """Have news for whoever waits."""
        self.body = {**body, "seq": self.body["seq"] + 1}
        waiting, self._waiting = self._waiting, []
        for route in waiting:
            self._tell(route)

    def leave(self) -> None:
        """Be away from now on."""
        self.away = True
        waiting, self._waiting = self._waiting, []
        for route in waiting:
            route.abort("connectionrefused")

    def come_back(self) -> None:
        """Answer again."""
        self.away = False

    def end(self) -> None:
        """Let the real server answer again."""
        waiting, self._waiting = self._waiting, []
        for route in waiting:
            route.continue_()
        self.page.unroute("**/chariots/snapshot*")
