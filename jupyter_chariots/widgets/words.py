"""What is shown of pipelines and jobs, in words. Nothing here is markup; see ``shown.py``."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import datetime, timezone
from typing import Any, NamedTuple

__all__ = [
    "State",
    "ago",
    "digest",
    "duration",
    "job_state",
    "job_words",
    "jobs_in_order",
    "remarks",
    "state_of",
    "utc",
    "version_of",
    "versions_of",
]

View = Mapping[str, Any]

_OWN_NAME = re.compile(r"^Pipeline '[^']*' (?:is not loaded|cannot be loaded): ")  # stands above


class State(NamedTuple):
    """An icon, the word that always stands beside it, and what colours it."""

    icon: str
    word: str
    tone: str


_FAILED = State("!", "failed", "error")
_RESTARTING = State("↻", "restarting", "warn")
_NOT_LOADED = State("○", "not loaded", "")
_NOT_SAVED = State("●", "not saved", "brand")
_NEWER = State("↑", "newer in store", "brand")
_LOADED = State("✓", "loaded", "success")

_JOBS = {
    "running": State("◔", "running", "brand"),
    "queued": State("…", "queued", ""),
    "deferred": State("‖", "deferred", ""),
    "done": State("✓", "done", "success"),
    "failed": State("!", "failed", "error"),
    "cancelled": State("✕", "cancelled", ""),
}


def state_of(view: View) -> State:
    """The state of a pipeline: the first that applies."""
    replicas = view.get("replicas") or {}
    if view.get("state") == "failed":
        return _FAILED
    if view.get("state") == "starting" and replicas.get("restarts") and not replicas.get("alive"):
        return _RESTARTING
    if not view.get("is_loaded"):
        return _NOT_LOADED
    if view.get("unsaved"):
        return _NOT_SAVED
    return _NEWER if view.get("newer") else _LOADED


def version_of(view: View, op: str) -> View | None:
    """The version that a pipeline serves of an op; of what it does not serve, the current one."""
    served = (view.get("served") or {}).get("versions") or {}
    found: View | None = served.get(op) or (view.get("current") or {}).get(op)
    return found


def versions_of(view: View, now: datetime) -> str:
    """The version of the last op with state: a pipeline has none of its own."""
    ops = list(view.get("ops") or ())
    version = version_of(view, ops[-1]) if ops else None
    if version is None:
        return f"{ops[-1]} –" if ops else "–"
    number = version["number"] or "–"
    if view.get("unsaved_ops"):
        return f"{ops[-1]} {number} + changes"
    return f"{ops[-1]} {number} {digest(version['version'])} · {ago(_born(version), now)}"


def remarks(view: View) -> list[str]:
    """What else there is to say of a pipeline: why it is not loaded, what is newer."""
    state = state_of(view)
    said = []
    if state in (_FAILED, _NOT_LOADED, _RESTARTING) and view.get("reason"):
        said += [_OWN_NAME.sub("", str(view["reason"])), *filter(None, [view.get("hint")])]
    newer = view.get("newer")
    if newer and state is not _NOT_LOADED:
        numbers = ", ".join(f"{op} {number}" for op, number in newer["numbers"].items())
        if newer["pinned"]:
            said.append(f"{numbers} in store, versions are pinned")
        else:
            said.append(
                f"{numbers} fits: Load" if newer["fits"] else f"{numbers} in store does not fit"
            )
            said += [newer["reason"]] if newer.get("reason") else []
    return [*said, *map(str, view.get("warnings") or ())]


def digest(version: str) -> str:
    """Seven digits of a version: of major, minor and patch, so that any difference shows."""
    major, minor, patch = [*version.split("_")[0].split("."), "", "", ""][:3]
    return major[:3] + minor[:2] + patch[:2]


def job_state(job: View) -> State:
    """The state of a job."""
    return _JOBS.get(str(job["status"]), State("", str(job["status"]), ""))


def job_words(job: View, now: datetime) -> str:
    """How a job stands, in a line."""
    status, word = job["status"], job_state(job).word
    ended = utc(job["ended"]) if job.get("ended") else now
    took = duration((ended - utc(job["started"])).total_seconds()) if job.get("started") else ""
    if status == "running":
        return " · ".join(filter(None, [*_how_far(job), took]))
    if status == "deferred":
        return f"waits for {', '.join(str(one)[:4] for one in job.get('after') or ())}"
    if status == "done":
        return f"done in {took} · {ago(ended, now)}" if took else f"done · {ago(ended, now)}"
    if status == "queued":
        return word
    message = str((job.get("error") or {}).get("message") or "").split("\n")[0]
    shown = message if status == "failed" else ""
    return " · ".join(filter(None, [word, ago(ended, now), shown]))


def _how_far(job: View) -> list[str]:
    progress = job.get("progress") or {}
    said = ["stopping"] if job.get("cancelling") else []
    if progress.get("fraction") is not None:
        said.append(f"{int(100 * progress['fraction'])}%")
    if job.get("attempts", 0) > 1:
        said.append(f"attempt {job['attempts']} of {job['max_attempts']}")
    if progress.get("node"):
        said.append(str(progress["node"]))
    if progress.get("total"):
        at = min(progress.get("done", 0) + 1, progress["total"])
        said.append(f"node {at} of {progress['total']}")
    if progress.get("message"):
        said.append(str(progress["message"]).split("\n")[0])
    return said or ["running"]


def jobs_in_order(jobs: Sequence[View]) -> list[View]:
    """Running ones, the oldest first; what waits, as it will be run; then the latest ended."""
    running = [job for job in jobs if job["status"] == "running"]
    waiting = [job for job in jobs if job["status"] in ("queued", "deferred")]
    ended = [job for job in jobs if job["status"] in ("done", "failed", "cancelled")]
    return [
        *sorted(running, key=lambda job: job["seq"]),
        *sorted(waiting, key=lambda job: (-(job.get("priority") or 0), job["seq"])),
        *sorted(ended, key=lambda job: str(job.get("ended")), reverse=True),
    ]


def utc(text: str) -> datetime:
    """A time of the server, which writes UTC without saying so."""
    when = datetime.fromisoformat(text.replace("Z", "+00:00"))
    return when if when.tzinfo else when.replace(tzinfo=timezone.utc)


def _born(version: View) -> datetime:
    return utc(str(version["version"]).partition("_")[2])


def ago(when: datetime, now: datetime) -> str:
    """``now``, ``9m ago``, ``3h ago``, then a day."""
    minutes = int((now - when).total_seconds() // 60)
    if minutes < 1:
        return "now"
    if minutes < 24 * 60:
        return f"{minutes}m ago" if minutes < 60 else f"{minutes // 60}h ago"
    local = when.astimezone()
    year = "" if local.year == now.astimezone().year else f" {local.year}"
    return f"{local.day} {local:%b}{year} {local:%H:%M}"


def duration(seconds: float) -> str:
    """``0.8 s``, ``12 s``, ``1 min 04 s``, ``2 h 05 min``; below a second also ``1.1 ms``."""
    if seconds < 0.1:
        return f"{1000 * max(0.0, seconds):.2g} ms"
    if seconds < 10:
        return f"{seconds:.1f} s"
    whole = int(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60:02} s"
    return f"{whole // 3600} h {whole % 3600 // 60:02} min"
