"""Removing jobs that ended long ago."""

from __future__ import annotations

from datetime import timedelta

from ..versioning.version import now
from . import versions
from .database import Database

__all__ = ["LATEST", "USED", "remove_ended"]

LATEST = 1000
"""So many of the jobs that ended last stay, however old they are."""

USED = "SELECT input FROM jobs UNION SELECT result FROM jobs WHERE result IS NOT NULL"
"""The blobs that jobs need."""

_ENDED = "status IN ('done', 'failed', 'cancelled')"


def remove_ended(db: Database, job_retention: timedelta | None) -> int:
    """Remove the jobs that ended before ``job_retention`` (``None``: none), and their news.

    What waits or runs stays, and the :data:`LATEST` that ended last.

    Returns:
        How many were removed. Their inputs and results are blobs that nothing needs any more.
    """
    if job_retention is None:
        return 0
    removed = db.execute(
        f"DELETE FROM jobs WHERE {_ENDED} AND ended < ? AND seq NOT IN "
        f"(SELECT seq FROM jobs WHERE {_ENDED} ORDER BY ended DESC, seq DESC LIMIT {LATEST})",
        (versions.timestamp(now() - job_retention),),
    ).rowcount
    if removed:
        # All news of a job come after that of its submission. The latest of all gives the
        # sequence its number, so it stays.
        db.execute(
            "DELETE FROM news WHERE kind = 'job' AND seq < min("
            "(SELECT max(seq) FROM news), "
            "coalesce((SELECT min(seq) FROM jobs), (SELECT max(seq) FROM news)))"
        )
    return int(removed)
