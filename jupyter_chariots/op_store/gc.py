"""Removing what nothing needs."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta

from ..versioning.version import now
from . import by_value, retention, runs, versions
from .blobs import Blobs
from .database import Database

__all__ = ["remove_files", "remove_rows"]

# A younger file without a row may belong to a commit that is about to write it.
_GRACE_S = 3600.0


def remove_rows(
    db: Database, candidate_ttl: timedelta | None, keep: int | None
) -> tuple[int, int, list[tuple[str, str | None]]]:
    """Remove old candidates, on request old versions, and the blobs that nothing needs.

    Never a version that is served, current, in a young candidate, or in the lineage of one that
    is kept. At least ``keep`` saved versions of each op stay, all of them with ``None``.

    Returns:
        How many runs and versions were removed, and digest and path of the removed blobs.
    """
    kept = _current_and_served(db)
    old_runs = _old_runs(db, candidate_ttl)
    for run in old_runs:
        db.execute("DELETE FROM runs WHERE seq = ?", (run,))
    kept |= _ids(
        db.execute(
            "SELECT version FROM run_versions r JOIN runs ON runs.seq = r.run "
            "WHERE runs.saved IS NULL"
        )
    )
    kept |= _saved(db, keep)
    # A re-recorded version lives as long as the one it came from.
    kept |= {
        row
        for row, origin in db.execute("SELECT id, origin FROM versions WHERE origin IS NOT NULL")
        if origin in kept
    }
    kept = _with_lineages(db, kept)
    removed = [
        version
        for version in _ids(db.execute("SELECT id FROM versions WHERE blob IS NOT NULL"))
        if version not in kept
    ]
    # Downstream versions first: their lineages hold on to those above.
    for version in sorted(removed, reverse=True):
        _remove_version(db, version)
    unused = db.execute(
        "SELECT digest, path FROM blobs WHERE digest NOT IN "
        "(SELECT blob FROM versions WHERE blob IS NOT NULL) "
        f"AND digest NOT IN ({by_value.USED}) AND digest NOT IN ({retention.USED})"
    ).fetchall()
    for digest, _ in unused:
        db.execute("DELETE FROM blobs WHERE digest = ?", (digest,))
    return len(old_runs), len(removed), unused


def remove_files(db: Database, blobs: Blobs, unused: Iterable[tuple[str, str | None]]) -> int:
    """Remove files that have no row: those given, and orphans of commits that were cut off.

    To be called with the write lock held, in a later transaction than :func:`remove_rows`: a
    commit looks for its files under the same lock before it writes their rows.
    """
    gone = {path for _, path in unused if path is not None}
    orphans = gone | {path for path, age in blobs.saver.ages() if age > _GRACE_S}
    count = 0
    for path in orphans:
        row = db.execute("SELECT 1 FROM blobs WHERE path = ? AND digest = ?", (path, path[3:]))
        if row.fetchone() is None:
            blobs.saver.remove(path)
            count += 1
    return count


def _ids(rows: Iterable[tuple[int]]) -> set[int]:
    return {row[0] for row in rows}


def _current_and_served(db: Database) -> set[int]:
    pipelines = db.execute("SELECT pipeline FROM runs UNION SELECT pipeline FROM served")
    kept: set[int] = set()
    for (pipeline,) in pipelines.fetchall():
        kept |= set((runs.current(db, pipeline) or {}).values())
        kept |= _ids(
            db.execute(
                "SELECT version FROM served_versions WHERE served = "
                "(SELECT seq FROM served WHERE pipeline = ? ORDER BY seq DESC LIMIT 1)",
                (pipeline,),
            )
        )
    return kept


def _old_runs(db: Database, candidate_ttl: timedelta | None) -> list[int]:
    if candidate_ttl is None:
        return []
    rows = db.execute(
        "SELECT seq, pipeline FROM runs WHERE saved IS NULL AND at < ?",
        (versions.timestamp(now() - candidate_ttl),),
    ).fetchall()
    currents = {
        unsaved[0]
        for pipeline in {pipeline for _, pipeline in rows}
        if (unsaved := runs.unsaved(db, pipeline)) is not None
    }
    return [seq for seq, _ in rows if seq not in currents]


def _saved(db: Database, keep: int | None) -> set[int]:
    if keep is None:
        return _ids(db.execute("SELECT id FROM versions WHERE n_major IS NOT NULL"))
    kept: set[int] = set()
    for (op,) in db.execute("SELECT id FROM ops").fetchall():
        kept |= _ids(
            db.execute(
                "SELECT id FROM versions WHERE op = ? AND named IS NOT NULL "
                "ORDER BY named DESC LIMIT ?",
                (op, keep),
            )
        )
    return kept


def _with_lineages(db: Database, kept: set[int]) -> set[int]:
    found = set(kept)
    waiting = list(kept)
    while waiting:
        above = _ids(
            db.execute(
                "SELECT k.upstream FROM lineages l JOIN links k ON k.lineage = l.id "
                "WHERE l.version = ?",
                (waiting.pop(),),
            )
        )
        waiting.extend(above - found)
        found |= above
    return found


def _remove_version(db: Database, version: int) -> None:
    """Remove a version's state; its row stays where runs, sets or lineages refer to it."""
    db.execute(
        "UPDATE versions SET blob = NULL, signature = NULL, named = NULL WHERE id = ?", (version,)
    )
    db.execute(
        "UPDATE links SET named = NULL "
        "WHERE lineage IN (SELECT id FROM lineages WHERE version = ?)",
        (version,),
    )
    db.execute(
        "DELETE FROM versions WHERE id = ? AND n_major IS NULL "
        "AND NOT EXISTS (SELECT 1 FROM run_versions WHERE version = versions.id) "
        "AND NOT EXISTS (SELECT 1 FROM served_versions WHERE version = versions.id) "
        "AND NOT EXISTS (SELECT 1 FROM links WHERE upstream = versions.id)",
        (version,),
    )
