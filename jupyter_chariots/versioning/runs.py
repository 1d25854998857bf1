"""What a run left as JSON values, its states apart from that as bytes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from .names import check_name
from .spec import Learned, Link, RunRecord
from .version import Version, VersionType

__all__ = ["run_from_json", "run_to_json"]

Keep = Callable[[bytes], Any]
"""Keeps a state; gives the JSON value by which it is found again."""

Take = Callable[[Any], bytes]
"""The state that such a value stands for; raises where there is none."""


def run_to_json(run: RunRecord, keep: Keep) -> dict[str, Any]:
    """The record as JSON values; its states, in their order, go to ``keep``."""
    return {
        "run_id": run.run_id,
        "learned": [_learned_to_json(one, keep) for one in run.learned],
        "used": [_learned_to_json(one, keep) for one in run.used],
        "after": {op: str(version) for op, version in run.after.items()},
    }


def run_from_json(data: Mapping[str, Any], take: Take) -> RunRecord:
    """Read what :func:`run_to_json` wrote.

    Raises:
        Exception: of any class, where it is something else.
    """
    return RunRecord(
        run_id=check_name("run", data["run_id"]),
        learned=tuple(_learned_from_json(one, take) for one in data["learned"]),
        used=tuple(_learned_from_json(one, take) for one in data["used"]),
        after={
            check_name("op", op): Version.parse(version) for op, version in data["after"].items()
        },
    )


def _learned_to_json(learned: Learned, keep: Keep) -> dict[str, Any]:
    lineage = learned.lineage
    return {
        "op": learned.op,
        "version": str(learned.version),
        "class_version": str(learned.class_version),
        "level": learned.level.value,
        "fingerprint": learned.fingerprint,
        "payload": keep(learned.payload),
        "lineage": None
        if lineage is None
        else [
            {"name": link.name, "version": str(link.version), "stateful": link.stateful}
            for link in lineage
        ],
        "fitted": learned.fitted,
        "learned": learned.learned.isoformat(),
        "facts": dict(learned.facts),
    }


def _learned_from_json(data: Mapping[str, Any], take: Take) -> Learned:
    lineage = data["lineage"]
    return Learned(
        op=check_name("op", data["op"]),
        version=Version.parse(data["version"]),
        class_version=Version.parse(data["class_version"]),
        level=VersionType(data["level"]),
        fingerprint=str(data["fingerprint"]),
        payload=take(data["payload"]),
        lineage=None
        if lineage is None
        else tuple(
            Link(check_name("op", one["name"]), Version.parse(one["version"]), one["stateful"])
            for one in lineage
        ),
        fitted=bool(data["fitted"]),
        learned=datetime.fromisoformat(data["learned"]),
        facts=dict(data["facts"]),
    )
