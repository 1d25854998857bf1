"""What the rules of :mod:`.lineage` ask, answered from the database by index."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from ..versioning.spec import Link
from ..versioning.version import Version, digest
from . import versions
from .database import Database
from .lineage import Lineage, Upstream
from .versions import Row

__all__ = ["StoreReader", "add_lineage", "copy_lineages"]


class StoreReader:
    """Answers within one transaction; what was read once is remembered."""

    def __init__(self, db: Database) -> None:
        self.db = db
        self._rows: dict[int, Row] = {}
        self._lineages: dict[int, Sequence[Lineage]] = {}

    def newest(self, op: str, line: str) -> Row | None:
        """The version of this code line that the latest save names."""
        return versions.newest(self.db, op, line)

    def row(self, version_id: int) -> Row:
        """A version by its id."""
        if version_id not in self._rows:
            self._rows[version_id] = versions.by_id(self.db, version_id)
        return self._rows[version_id]

    def lineages(self, row: Row) -> Sequence[Lineage]:
        """All lineages of a version, the latest first."""
        if row.id not in self._lineages:
            found: dict[int, list[Upstream]] = {
                lineage: []
                for (lineage,) in self.db.execute(
                    "SELECT id FROM lineages WHERE version = ? ORDER BY id DESC", (row.id,)
                )
            }
            rows = self.db.execute(
                "SELECT k.lineage, o.name, v.major, v.minor, v.patch, v.created, v.id, v.origin, "
                "k.stateful, v.n_major, v.n_minor, v.n_patch "
                "FROM lineages l JOIN links k ON k.lineage = l.id "
                "JOIN versions v ON v.id = k.upstream JOIN ops o ON o.id = v.op "
                "WHERE l.version = ?",
                (row.id,),
            )
            for lineage, op, major, minor, patch, created, up, origin, stateful, *n in rows:
                version = versions.version_of(major, minor, patch, created)
                label = versions.number_text(tuple(n)) or versions.short(version)
                found[lineage].append(
                    Upstream(op, version, up, origin or up, bool(stateful), label)
                )
            self._lineages[row.id] = [Lineage(tuple(links)) for links in found.values()]
        return self._lineages[row.id]

    def trained_on(self, op: str, line: str, upstream: Row) -> Iterator[Row]:
        """Saved versions of this code line that were trained on the major of ``upstream``,
        newest first.
        """
        rows = self.db.execute(
            "SELECT l.version FROM links k JOIN lineages l ON l.id = k.lineage "
            "WHERE k.op = ? AND k.major = ? AND k.downstream = (SELECT id FROM ops WHERE name = ?) "
            "AND k.line = ? AND k.named IS NOT NULL ORDER BY k.named DESC",
            (upstream.op_id, upstream.version.major, op, line),
        )
        for (version_id,) in rows:
            yield self.row(version_id)


def add_lineage(
    db: Database,
    version_id: int,
    links: Sequence[tuple[int, bool]],
    *,
    author: str | None = None,
    reason: str | None = None,
) -> bool:
    """Give a version one more lineage, unless it has this one.

    ``links`` holds the id of each upstream version, and whether its op is stateful. One that was
    accepted by hand has an author. Returns whether it is new.
    """
    entries = sorted(set(links))
    key = digest(*(f"{upstream} {int(stateful)}".encode() for upstream, stateful in entries))
    cursor = db.execute(
        "INSERT OR IGNORE INTO lineages (version, digest, at, author, reason) "
        "VALUES (?, ?, ?, ?, ?)",
        (version_id, key, versions.timestamp(), author, reason),
    )
    if cursor.rowcount < 1:
        return False
    db.conn.executemany(
        "INSERT INTO links (lineage, upstream, stateful, op, major, downstream, line, named) "
        "SELECT ?, u.id, ?, u.op, u.major, d.op, d.class_major, d.named "
        "FROM versions u, versions d WHERE u.id = ? AND d.id = ?",
        [(cursor.lastrowid, int(stateful), up, version_id) for up, stateful in entries],
    )
    return True


def link_rows(db: Database, links: Sequence[Link]) -> list[tuple[int, bool]]:
    """The rows of the versions that a lineage names; unknown ones are recorded by name only."""
    found = []
    for link in links:
        if link.stateful:
            row = versions.find(db, link.name, link.version)
            found.append((row.id if row else known(db, link.name, link.version), True))
        else:
            found.append((versions.class_level(db, link.name, link.version), False))
    return found


def known(db: Database, op: str, version: Version) -> int:
    """Record a version whose state is not in this store; it can be named, never loaded."""
    db.execute(
        "INSERT OR IGNORE INTO versions (op, major, minor, patch, created, kind, at) "
        "VALUES (?, ?, ?, ?, ?, 'known', ?)",
        (
            versions.op_id(db, op),
            *version.digests,
            versions.timestamp(version.created),
            versions.timestamp(),
        ),
    )
    row = versions.find(db, op, version)
    assert row is not None
    return row.id


def copy_lineages(db: Database, source: int, target: int) -> None:
    """Give ``target`` the lineages of ``source``."""
    rows = db.execute(
        "SELECT id, author, reason FROM lineages WHERE version = ? ORDER BY id", (source,)
    ).fetchall()
    for lineage, author, reason in rows:
        links = [
            (up, bool(stateful))
            for up, stateful in db.execute(
                "SELECT upstream, stateful FROM links WHERE lineage = ?", (lineage,)
            )
        ]
        add_lineage(db, target, links, author=author, reason=reason)
