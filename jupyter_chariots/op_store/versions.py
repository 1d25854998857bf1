"""Rows of ops and versions, and the numbers that people read."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from ..errors import OpNotFound
from ..versioning.names import check_name, did_you_mean, shown
from ..versioning.spec import OpSpec, PipelineSpec
from ..versioning.version import Version, now
from .database import Database

__all__ = [
    "COLUMNS",
    "Row",
    "add_news",
    "by_id",
    "class_level",
    "find",
    "find_number",
    "known_op",
    "newest",
    "number",
    "number_text",
    "op_id",
    "record_class_level",
    "row_of",
    "short",
    "timestamp",
    "to_json",
    "unknown_op",
    "version_of",
    "with_recorded_times",
]

COLUMNS = (
    "v.id, v.op, o.name, v.major, v.minor, v.patch, v.created, v.kind, v.class_major, "
    "v.class_minor, v.class_patch, v.level, v.fingerprint, v.blob, v.signature, v.facts, "
    "v.named, v.n_major, v.n_minor, v.n_patch, v.origin"
)
_FROM = f"SELECT {COLUMNS} FROM versions v JOIN ops o ON o.id = v.op "


@dataclass(frozen=True)
class Row:
    """A row of ``versions``, with the name of its op."""

    id: int
    op_id: int
    op: str
    version: Version
    kind: str
    class_version: Version | None
    level: str | None
    fingerprint: str | None
    blob: str | None
    signature: bytes | None
    facts_text: str
    named: int | None
    number: str | None
    origin: int | None

    @property
    def facts(self) -> dict[str, Any]:
        """Provenance."""
        facts: dict[str, Any] = json.loads(self.facts_text)
        return facts

    @property
    def title(self) -> str:
        """The op and its number, or the beginning of its digests, for messages."""
        return f"{self.op} {self.label}"

    @property
    def label(self) -> str:
        """The number, or the beginning of the digests of a version without one."""
        return self.number or short(self.version)


def version_of(major: str, minor: str, patch: str, created: str) -> Version:
    """A version from its columns."""
    return Version(major, minor, patch, datetime.fromisoformat(created))


def row_of(values: tuple[Any, ...]) -> Row:
    """A :class:`Row` from the values of :data:`COLUMNS`."""
    return Row(
        id=values[0],
        op_id=values[1],
        op=values[2],
        version=version_of(*values[3:7]),
        kind=values[7],
        class_version=None if values[8] is None else version_of(*values[8:11] + values[6:7]),
        level=values[11],
        fingerprint=values[12],
        blob=values[13],
        signature=values[14],
        facts_text=values[15],
        named=values[16],
        number=number_text(values[17:20]),
        origin=values[20],
    )


def short(version: Version) -> str:
    """The beginning of a version's digests."""
    return ".".join(part[:5] for part in version.digests)


def number_text(parts: tuple[int | None, ...]) -> str | None:
    """``(1, 0, 2)`` as ``1.0.2``."""
    return None if parts[0] is None else ".".join(map(str, parts))


def timestamp(at: datetime | None = None) -> str:
    """A time (now) as text that sorts by time: ISO 8601 with microseconds."""
    return (at or now()).isoformat(timespec="microseconds")


def to_json(value: Any) -> str:
    """JSON of facts; what JSON cannot hold becomes text, and numbers that are none ``null``."""
    try:
        return json.dumps(value, allow_nan=False, sort_keys=True)
    except (TypeError, ValueError):
        return json.dumps(_plain(value), sort_keys=True)


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple, set, frozenset)):
        return [_plain(item) for item in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value if value is None or isinstance(value, (str, int, float)) else str(value)


def add_news(
    db: Database, kind: str, pipeline: str | None, who: str | None, ref: str | None
) -> int:
    """Take the next sequence number."""
    cursor = db.execute(
        "INSERT INTO news (kind, pipeline, at, who, ref) VALUES (?, ?, ?, ?, ?)",
        (kind, pipeline, timestamp(), who, ref),
    )
    return int(cursor.lastrowid or 0)


def known_op(db: Database, name: str) -> int | None:
    """The id of an op, if the store knows it."""
    row = db.execute("SELECT id FROM ops WHERE name = ?", (name,)).fetchone()
    return None if row is None else int(row[0])


def unknown_op(db: Database, name: str) -> OpNotFound:
    """The error that says so, and which op may be meant."""
    rows = db.execute("SELECT name FROM ops ORDER BY id DESC LIMIT 1000")
    hint = did_you_mean(name[:128], (row[0] for row in rows)) or "Nothing was trained yet."
    return OpNotFound(f"The op store knows no op {shown(name)}.", hint=hint, op=name[:128])


def op_id(db: Database, name: str) -> int:
    """The id of an op, which is made known if it is not."""
    found = known_op(db, name)
    if found is None:
        check_name("op", name)
        cursor = db.execute("INSERT INTO ops (name) VALUES (?)", (name,))
        found = int(cursor.lastrowid or 0)
    return found


def find(db: Database, op: str, version: Version) -> Row | None:
    """The row of a version."""
    values = db.execute(
        _FROM + "WHERE v.op = (SELECT id FROM ops WHERE name = ?) "
        "AND v.major = ? AND v.minor = ? AND v.patch = ?",
        (op, *version.digests),
    ).fetchone()
    return None if values is None else row_of(values)


def find_number(db: Database, op: str, parts: tuple[int, int, int]) -> Row | None:
    """The row of a number."""
    values = db.execute(
        _FROM + "WHERE v.op = (SELECT id FROM ops WHERE name = ?) "
        "AND v.n_major = ? AND v.n_minor = ? AND v.n_patch = ?",
        (op, *parts),
    ).fetchone()
    return None if values is None else row_of(values)


def by_id(db: Database, version_id: int) -> Row:
    """The row with this id."""
    return row_of(db.execute(_FROM + "WHERE v.id = ?", (version_id,)).fetchone())


def newest(db: Database, op: str, line: str) -> Row | None:
    """The version of this code line that the latest save names."""
    values = db.execute(
        _FROM + "WHERE v.op = (SELECT id FROM ops WHERE name = ?) AND v.class_major = ? "
        "AND v.named IS NOT NULL ORDER BY v.named DESC LIMIT 1",
        (op, line),
    ).fetchone()
    return None if values is None else row_of(values)


def class_level(db: Database, op: str, version: Version) -> int:
    """The id of a class-level version, which is recorded if it is new."""
    op_row = op_id(db, op)
    db.execute(
        "INSERT OR IGNORE INTO versions (op, major, minor, patch, created, kind, class_major, "
        "class_minor, class_patch, at) VALUES (?, ?, ?, ?, ?, 'class', ?, ?, ?, ?)",
        (
            op_row,
            *version.digests,
            timestamp(version.created),
            *version.digests,
            timestamp(),
        ),
    )
    row = db.execute(
        "SELECT id FROM versions WHERE op = ? AND major = ? AND minor = ? AND patch = ?",
        (op_row, *version.digests),
    ).fetchone()
    return int(row[0])


def record_class_level(db: Database, spec: PipelineSpec) -> None:
    """Record the class-level version of every op, stateless ones too."""
    for op in spec.ops:
        class_level(db, op.name, op.version)


def with_recorded_times(db: Database, spec: PipelineSpec) -> PipelineSpec:
    """The specification with the creation times that the store recorded first."""

    def recorded(op: OpSpec) -> OpSpec:
        row = find(db, op.name, op.version)
        return op if row is None else replace(op, version=row.version)

    return replace(spec, ops=tuple(recorded(op) for op in spec.ops))


def number(db: Database, version_id: int) -> str:
    """The number of a version, which is given now if it has none.

    A major digest that no numbered version of the op has gives ``n+1.0.0``, a new minor one
    ``n.m+1.0``, a new patch one ``n.m.p+1``.
    """
    op, major, minor, *given = db.execute(
        "SELECT op, major, minor, n_major, n_minor, n_patch FROM versions WHERE id = ?",
        (version_id,),
    ).fetchone()
    text = number_text(tuple(given))
    if text is not None:
        return text
    parts = _next_number(db, op, major, minor)
    db.execute(
        "UPDATE versions SET n_major = ?, n_minor = ?, n_patch = ? WHERE id = ?",
        (*parts, version_id),
    )
    return ".".join(map(str, parts))


def _next_number(db: Database, op: int, major: str, minor: str) -> tuple[int, int, int]:
    def value(sql: str, *args: Any) -> int | None:
        row = db.execute(sql, (op, *args)).fetchone()
        return None if row is None else int(row[0])

    of_op = "FROM versions WHERE op = ? AND n_major IS NOT NULL "
    same_major = value(f"SELECT n_major {of_op} AND major = ? LIMIT 1", major)
    if same_major is None:
        last = value(f"SELECT n_major {of_op} ORDER BY n_major DESC LIMIT 1")
        return (last or 0) + 1, 0, 0
    same_minor = value(f"SELECT n_minor {of_op} AND major = ? AND minor = ? LIMIT 1", major, minor)
    if same_minor is None:
        last = value(
            f"SELECT n_minor {of_op} AND n_major = ? ORDER BY n_minor DESC LIMIT 1", same_major
        )
        return same_major, (-1 if last is None else last) + 1, 0
    last = value(
        f"SELECT n_patch {of_op} AND n_major = ? AND n_minor = ? ORDER BY n_patch DESC LIMIT 1",
        same_major,
        same_minor,
    )
    return same_major, same_minor, (-1 if last is None else last) + 1
