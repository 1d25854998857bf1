"""What of a snapshot stays in the notebook: what the front end needs to show it, and no more."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timezone
from typing import Any

from .door import PROTOCOL

__all__ = ["MIME", "kept"]

MIME = "application/vnd.jupyter-chariots.panel+json"
"""The panel for front ends that have the extension; they draw it and ask the server themselves."""

_PIPELINE = (
    "name",
    "state",
    "is_loaded",
    "reason",
    "hint",
    "ops",
    "owner",
    "replicas",
    "served",
    "current",
    "unsaved_ops",
    "newer",
    "changes",
    "takes_input",
    "gives_output",
)
_JOB = (
    "id",
    "seq",
    "pipeline",
    "status",
    "cancelling",
    "submitted",
    "started",
    "ended",
    "attempts",
    "max_attempts",
    "after",
    "progress",
)

View = Mapping[str, Any]


def kept(
    pipeline: str | None, pipelines: Sequence[View], jobs: Sequence[View], at: datetime
) -> dict[str, Any]:
    """The panel as JSON values: which pipeline it is of, and the last state.

    Names, versions and states only: notebooks are given away. No address and no credential, nor
    what calls have said: their errors may quote data.

    Args:
        pipeline: the only one that is shown; ``None`` for all.
        pipelines: those that are shown.
        jobs: those that are shown.
        at: when that was.
    """
    return {
        "protocol": PROTOCOL,
        "pipeline": pipeline,
        "at": at.astimezone(timezone.utc).isoformat(timespec="seconds"),
        "pipelines": [_only(view, _PIPELINE) for view in pipelines],
        "jobs": [_only(job, _JOB) for job in jobs],
    }


def _only(view: View, names: Sequence[str]) -> dict[str, Any]:
    return {name: view[name] for name in names if view.get(name) is not None}
