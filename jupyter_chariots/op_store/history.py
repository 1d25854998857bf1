"""Looking back: the versions of an op, what differs between two, who was served what."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any

from ..errors import VersionError
from ..versioning.spec import PipelineSpec
from ..versioning.status import JobStatus
from ..versioning.version import Version
from . import served, versions
from .database import Database
from .loads import choose
from .pins import find_version
from .reader import StoreReader
from .records import Loadable, News, OpInfo, Served, TrainedOn, VersionInfo

__all__ = ["history", "loadable", "news", "ops", "served_history", "version_info"]

_INFO = (
    f"SELECT {versions.COLUMNS}, v.at, v.who, v.pipeline, v.run_id, b.size, "
    "s.n_major, s.n_minor, s.n_patch FROM versions v JOIN ops o ON o.id = v.op "
    "LEFT JOIN blobs b ON b.digest = v.blob LEFT JOIN versions s ON s.id = v.origin "
)


def news(db: Database, since: int, limit: int) -> list[News]:
    """What happened after sequence number ``since``, oldest first."""
    rows = db.execute(
        "SELECT n.seq, n.kind, n.pipeline, n.at, n.who, n.ref, j.status FROM news n "
        "LEFT JOIN jobs j ON n.kind = 'job' AND j.id = n.ref "
        "WHERE n.seq > ? ORDER BY n.seq LIMIT ?",
        (since, limit),
    )
    return [
        News(
            seq,
            kind,
            pipeline,
            datetime.fromisoformat(at),
            who,
            ref,
            None if status is None else JobStatus(status),
        )
        for seq, kind, pipeline, at, who, ref, status in rows
    ]


def ops(db: Database, limit: int, before: int | None) -> list[OpInfo]:
    """The ops that the store knows, the latest known first."""
    rows = db.execute(
        "SELECT o.id, o.name, o.owner, v.n_major, v.n_minor, v.n_patch FROM ops o "
        "LEFT JOIN versions v ON v.id = (SELECT id FROM versions WHERE op = o.id "
        "AND named IS NOT NULL ORDER BY named DESC LIMIT 1) "
        "WHERE o.id < ? ORDER BY o.id DESC LIMIT ?",
        (_cursor(before), limit),
    )
    return [
        OpInfo(op, name, owner, versions.number_text(tuple(number)))
        for op, name, owner, *number in rows
    ]


def history(db: Database, op: str, limit: int, before: int | None) -> list[VersionInfo]:
    """The versions of an op that have state, the latest first.

    Raises:
        OpNotFound: the store does not know the op.
    """
    op_id = versions.known_op(db, op)
    if op_id is None:
        raise versions.unknown_op(db, op)
    rows = db.execute(
        _INFO + "WHERE v.op = ? AND v.id < ? AND v.fingerprint IS NOT NULL "
        "ORDER BY v.id DESC LIMIT ?",
        (op_id, _cursor(before), limit),
    )
    reader = StoreReader(db)
    return [_info(reader, row) for row in rows.fetchall()]


def version_info(db: Database, op: str, version: Version | str) -> VersionInfo:
    """One version with its provenance."""
    row = find_version(db, op, version)
    return _info(StoreReader(db), db.execute(_INFO + "WHERE v.id = ?", (row.id,)).fetchone())


def _info(reader: StoreReader, values: tuple[Any, ...]) -> VersionInfo:
    row = versions.row_of(values[:21])
    at, who, pipeline, run_id, size, *origin = values[21:]
    lineages = reader.lineages(row)
    return VersionInfo(
        id=row.id,
        op=row.op,
        version=row.version,
        class_version=row.class_version or row.version,
        number=row.number,
        kind=row.kind,
        level=row.level or "",
        at=datetime.fromisoformat(at),
        who=who,
        pipeline=pipeline,
        run_id=run_id,
        named=row.named,
        origin=versions.number_text(tuple(origin)),
        size=size,
        facts=row.facts,
        trained_on=tuple(
            TrainedOn(link.op, link.version, link.label, link.stateful)
            for link in (lineages[0].links if lineages else ())
        ),
    )


def served_history(
    db: Database,
    pipeline: str,
    start: datetime | None,
    end: datetime | None,
    limit: int,
    before: int | None,
) -> list[Served]:
    """The sets that were served at some time between ``start`` and ``end``, the latest first."""
    low = 0
    if start is not None:
        # The set that stood at the start began before it.
        row = db.execute(
            "SELECT seq, until FROM served WHERE pipeline = ? AND at <= ? "
            "ORDER BY at DESC, seq DESC LIMIT 1",
            (pipeline, versions.timestamp(start)),
        ).fetchone()
        if row is not None:
            over = row[1] is not None and row[1] <= versions.timestamp(start)
            low = row[0] + int(over)
    rows = db.execute(
        f"SELECT {served.COLUMNS} FROM served "
        "WHERE pipeline = ? AND seq >= ? AND seq < ? AND at <= ? ORDER BY seq DESC LIMIT ?",
        (
            pipeline,
            low,
            _cursor(before),
            versions.timestamp(end if end is not None else datetime.max),
            limit,
        ),
    ).fetchall()
    return [served.from_row(db, row) for row in rows]


def loadable(
    db: Database,
    spec: PipelineSpec,
    chosen: Mapping[str, str],
    op: str,
    limit: int,
    before: int | None,
) -> list[Loadable]:
    """The saved versions of an op, the latest save first, each tried beside the chosen pins."""
    rows = db.execute(
        "SELECT id FROM versions WHERE op = (SELECT id FROM ops WHERE name = ?) "
        "AND named IS NOT NULL AND named < ? ORDER BY named DESC LIMIT ?",
        (op, _cursor(before), limit),
    ).fetchall()
    others = {key: value for key, value in chosen.items() if key != op}
    found = []
    for (version_id,) in rows:
        row = versions.by_id(db, version_id)
        item = Loadable(row.named or 0, row.version, row.number or "", fits=True, reason=None)
        try:
            choice = choose(db, spec, {**others, op: row.version})
            item = replace(item, warnings=choice.warnings)
        except VersionError as refusal:
            item = replace(item, fits=False, reason=refusal.message)
        found.append(item)
    return found


def _cursor(before: int | None) -> int:
    return 2**62 if before is None else before
