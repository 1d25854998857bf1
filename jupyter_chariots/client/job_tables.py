"""What a job looks like, in a table and while it is waited for."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from .bar import said
from .tables import Records

__all__ = ["jobs_table", "state_of"]

_Job = Mapping[str, Any]


def jobs_table(rows: Iterable[dict[str, Any]]) -> Records:
    """Jobs."""
    return Records(
        rows,
        {
            "id": lambda row: row["id"],
            "pipeline": lambda row: row["pipeline"],
            "status": _status,
            "progress": _progress,
            "submitted": lambda row: row["submitted"],
            "took": _took,
            "who": lambda row: row["who"],
            "priority": lambda row: row["priority"] or None,
            "error": lambda row: (row["error"] or {}).get("message"),
        },
    )


def state_of(job: _Job) -> tuple[Mapping[str, Any] | None, str, str]:
    """What a bar shows of a job: progress, words in place of it, and how it has ended."""
    status, progress = job["status"], job["progress"]
    match status:
        case "queued":
            return None, "queued", ""
        case "deferred":
            count = len(job["after"])
            return None, f"waits for {count} {'job' if count == 1 else 'jobs'}", ""
        case "running":
            words = "is being cancelled" if job["cancelling"] else said(progress) or "running"
            again = f", attempt {job['attempts']}" if job["attempts"] > 1 else ""
            return progress, words + again, ""
        case "done":
            took = _took(job)
            return {"fraction": 1.0}, f"done in {took}" if took else "done", "done"
    reason = (job["error"] or {}).get("message")
    words = f"{status}: {reason}" if reason and status == "failed" else status
    return progress, words, status


def _status(job: _Job) -> str:
    return "cancelling" if job["cancelling"] else str(job["status"])


def _progress(job: _Job) -> str | None:
    progress = job["progress"]
    if not progress or job["status"] != "running":
        return None
    fraction = progress.get("fraction")
    share = "" if fraction is None else f"{int(fraction * 100)} % "
    return f"{share}{said(progress)}".strip()


def _took(job: _Job) -> str | None:
    """How long it ran."""
    if not (job["started"] and job["ended"]):
        return None
    seconds = (_time(job["ended"]) - _time(job["started"])).total_seconds()
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest} s" if minutes < 60 else f"{minutes // 60} h {minutes % 60} min"


def _time(text: str) -> datetime:
    return datetime.fromisoformat(text.replace("Z", "+00:00"))
