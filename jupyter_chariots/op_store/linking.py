"""Links that somebody accepts by hand."""

from __future__ import annotations

from ..errors import VersionError, VersionNotFound
from . import versions
from .database import Database
from .reader import add_lineage
from .versions import Row

__all__ = ["accept", "newest_saved"]


def accept(db: Database, upstream: Row, downstream: Row, author: str, reason: str) -> None:
    """Let ``downstream`` go with ``upstream`` as if it had been trained on it.

    Each lineage of ``downstream`` is repeated with ``upstream`` in it, so that accepted links
    combine.

    Raises:
        VersionError: one of the two has no state, or both are of one op.
    """
    if upstream.op == downstream.op or downstream.fingerprint is None:
        raise VersionError(
            f"{upstream.title} cannot be accepted as upstream of {downstream.title}.",
            hint="Name a version of one op and a version with state of another.",
        )
    rows = db.execute(
        "SELECT id FROM lineages WHERE version = ? ORDER BY id", (downstream.id,)
    ).fetchall()
    for lineage in [row[0] for row in rows] or [None]:
        links = [
            (up, bool(stateful))
            for up, stateful in db.execute(
                "SELECT upstream, stateful FROM links WHERE lineage = ? AND op <> ?",
                (lineage, upstream.op_id),
            )
        ]
        links.append((upstream.id, upstream.fingerprint is not None))
        add_lineage(db, downstream.id, links, author=author, reason=reason)
    versions.add_news(db, "link", None, author, f"{upstream.title} → {downstream.title}")


def newest_saved(db: Database, op: str) -> str:
    """The number of the version of an op that the latest save names.

    Raises:
        VersionNotFound: none was saved.
    """
    row = db.execute(
        "SELECT n_major, n_minor, n_patch FROM versions "
        "WHERE op = (SELECT id FROM ops WHERE name = ?) AND named IS NOT NULL "
        "ORDER BY named DESC LIMIT 1",
        (op,),
    ).fetchone()
    number = None if row is None else versions.number_text(row)
    if number is None:
        raise VersionNotFound(
            f"No version of {op} was saved.", hint="Run and save a pipeline that fits it.", op=op
        )
    return number
