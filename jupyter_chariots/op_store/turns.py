"""Turns: runs that carry state on follow one another, across servers too."""

from __future__ import annotations

from .database import Database
from .silence import Silences

__all__ = ["release", "renew", "take"]


def take(db: Database, silences: Silences, pipeline: str, holder: str, lease_s: float) -> bool:
    """Take the pipeline's turn, if nobody else holds it; one that is held already is renewed."""
    if renew(db, pipeline, holder, lease_s):
        return True
    row = db.execute(
        "SELECT holder, renewals, lease_s FROM turns WHERE pipeline = ?", (pipeline,)
    ).fetchone()
    if row is not None and not silences.is_lost(("turn", pipeline), row[:2], row[2]):
        return False
    # Two turns of one holder must not look like one that is not renewed.
    db.execute(
        "INSERT OR REPLACE INTO turns (pipeline, holder, renewals, lease_s) "
        "VALUES (?, ?, random() / 2, ?)",
        (pipeline, holder, lease_s),
    )
    return True


def renew(db: Database, pipeline: str, holder: str, lease_s: float) -> bool:
    """Hold the turn for longer; ``False`` if it was lost."""
    renewed = db.execute(
        "UPDATE turns SET renewals = renewals + 1, lease_s = ? WHERE pipeline = ? AND holder = ?",
        (lease_s, pipeline, holder),
    ).rowcount
    return bool(renewed == 1)


def release(db: Database, pipeline: str, holder: str) -> None:
    """Give the turn back."""
    db.execute("DELETE FROM turns WHERE pipeline = ? AND holder = ?", (pipeline, holder))
