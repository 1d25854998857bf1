"""Served sets: what each pipeline serves, from one load to the next."""

from __future__ import annotations

import json
from datetime import datetime

from .. import faults
from ..errors import Conflict, VersionNotFound
from ..versioning.spec import PipelineSpec
from ..versioning.version import Version
from . import versions
from .database import Database
from .records import Choice, Served, StateRef

__all__ = ["LOADS", "from_row", "insert", "latest"]

LOADS = frozenset({"load", "auto_load"})
"""The causes that make a served set current; the others restore one or carry it over."""

COLUMNS = "seq, pipeline, definition, revision, pins, cause, at, until, who, warnings"


def insert(
    db: Database, spec: PipelineSpec, choice: Choice, *, cause: str, who: str | None
) -> Served:
    """Write the row of a load whose versions are recorded.

    Raises:
        Conflict: the pipeline was defined anew, or ended, since the choice was made.
        VersionNotFound: a version was removed since then.
    """
    row = db.execute(
        "SELECT digest, revision, retired FROM definitions WHERE name = ?", (spec.name,)
    ).fetchone()
    if row is not None and (row[0] != spec.digest or row[2]):
        raise Conflict(
            f"Pipeline {spec.name!r} was {'ended' if row[2] else 'defined anew'} while it was "
            "being loaded; nothing was changed.",
            hint="Load again.",
            pipeline=spec.name,
        )
    seq = versions.add_news(db, "served", spec.name, who, cause)
    at = versions.timestamp()
    db.execute(
        "UPDATE served SET until = ? WHERE until IS NULL AND seq = "
        "(SELECT seq FROM served WHERE pipeline = ? ORDER BY seq DESC LIMIT 1)",
        (at, spec.name),
    )
    db.execute(
        "INSERT INTO served (seq, pipeline, definition, revision, pins, cause, loaded, at, who, "
        "warnings) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (
            seq,
            spec.name,
            spec.digest,
            0 if row is None else row[1],
            json.dumps(dict(choice.pins)),
            cause,
            int(cause in LOADS),
            at,
            who,
            json.dumps(list(choice.warnings)),
        ),
    )
    faults.reached("served row written")
    for op, version in choice.versions.items():
        state = versions.find(db, op, version)
        if state is None or state.blob is None:
            raise VersionNotFound(
                f"Version {version} of {op} was removed while pipeline {spec.name!r} was being "
                "loaded; nothing was changed.",
                hint="Load again.",
                pipeline=spec.name,
                op=op,
            )
        db.execute("INSERT INTO served_versions VALUES (?, ?, ?)", (seq, state.op_id, state.id))
    found = latest(db, spec.name)
    assert found is not None
    return found


def latest(db: Database, pipeline: str) -> Served | None:
    """The last served set of a pipeline, ended or not."""
    row = db.execute(
        f"SELECT {COLUMNS} FROM served WHERE pipeline = ? ORDER BY seq DESC LIMIT 1", (pipeline,)
    ).fetchone()
    return None if row is None else from_row(db, row)


def from_row(db: Database, row: tuple[int, str, str, int, str, str, str, str, str, str]) -> Served:
    """A served set from the values of ``COLUMNS``."""
    seq, pipeline, definition, revision, pins, cause, at, until, who, warnings = row
    found: dict[str, Version] = {}
    states: dict[str, StateRef] = {}
    numbers: dict[str, str | None] = {}
    rows = db.execute(
        "SELECT o.name, v.major, v.minor, v.patch, v.created, v.blob, "
        "v.n_major, v.n_minor, v.n_patch FROM served_versions s "
        "JOIN versions v ON v.id = s.version JOIN ops o ON o.id = s.op WHERE s.served = ?",
        (seq,),
    )
    for op, major, minor, patch, created, blob, *number in rows:
        version = versions.version_of(major, minor, patch, created)
        found[op] = version
        numbers[op] = versions.number_text(tuple(number))
        if blob is not None:
            states[op] = StateRef(op, version, blob)
    return Served(
        seq=seq,
        pipeline=pipeline,
        definition=definition,
        revision=revision,
        versions=found,
        states=states,
        numbers=numbers,
        pins=json.loads(pins),
        cause=cause,
        who=who,
        at=datetime.fromisoformat(at),
        until=None if until is None else datetime.fromisoformat(until),
        warnings=tuple(json.loads(warnings)),
    )
