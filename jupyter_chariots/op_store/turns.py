"""Turns: runs that carry state on follow one another, across servers too."""

from __future__ import annotations

import time

from .database import Database

__all__ = ["release", "renew", "take"]


def take(db: Database, pipeline: str, holder: str, lease_s: float) -> bool:
    """Take the pipeline's turn, if nobody else holds it; one that is held already is renewed."""
    now = time.time()
    return bool(
        db.execute(
            "INSERT INTO turns (pipeline, holder, until) VALUES (?, ?, ?) "
            "ON CONFLICT (pipeline) DO UPDATE SET holder = excluded.holder, until = excluded.until "
            "WHERE turns.holder = excluded.holder OR turns.until <= ?",
            (pipeline, holder, now + lease_s, now),
        ).rowcount
        == 1
    )


def renew(db: Database, pipeline: str, holder: str, lease_s: float) -> bool:
    """Hold the turn for longer; ``False`` if it was lost."""
    return bool(
        db.execute(
            "UPDATE turns SET until = ? WHERE pipeline = ? AND holder = ?",
            (time.time() + lease_s, pipeline, holder),
        ).rowcount
        == 1
    )


def release(db: Database, pipeline: str, holder: str) -> None:
    """Give the turn back."""
    db.execute("DELETE FROM turns WHERE pipeline = ? AND holder = ?", (pipeline, holder))
