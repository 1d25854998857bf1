"""Saves: a run is promoted, its versions become the newest and get their numbers."""

from __future__ import annotations

from .. import faults
from ..errors import SaveConflict
from ..versioning.version import Version
from . import versions
from .database import Database
from .records import Saved

__all__ = ["check_conflict", "followed", "name_version", "promote"]


def promote(db: Database, pipeline: str, run: int, who: str | None) -> Saved | None:
    """Promote a run; nothing happens if it is promoted already."""
    run_id, saved = db.execute("SELECT run_id, saved FROM runs WHERE seq = ?", (run,)).fetchone()
    if saved is not None:
        return None
    seq = versions.add_news(db, "save", pipeline, who, run_id)
    db.execute("UPDATE runs SET saved = ? WHERE seq = ?", (seq, run))
    named: dict[str, Version] = {}
    numbers: dict[str, str] = {}
    rows = db.execute(
        "SELECT version FROM run_versions WHERE run = ? AND learned = 1", (run,)
    ).fetchall()
    for (version_id,) in rows:
        row = versions.by_id(db, version_id)
        numbers[row.op] = name_version(db, version_id, seq)
        named[row.op] = row.version
        faults.reached("version named")
    return Saved(seq, pipeline, run_id, named, numbers)


def name_version(db: Database, version_id: int, seq: int) -> str:
    """Make a version the newest of its code line, and give it its number."""
    number = versions.number(db, version_id)
    db.execute("UPDATE versions SET named = ? WHERE id = ?", (seq, version_id))
    db.execute(
        "UPDATE links SET named = ? WHERE lineage IN (SELECT id FROM lineages WHERE version = ?)",
        (seq, version_id),
    )
    return number


def check_conflict(db: Database, run: int) -> None:
    """Refuse to promote a run over a save that came after its start.

    Raises:
        SaveConflict: another run that names one of the same ops was saved since it started.
    """
    others = followed(db, run)
    if others:
        run_id, pipeline = db.execute(
            "SELECT run_id, pipeline FROM runs WHERE seq = ?", (run,)
        ).fetchone()
        raise SaveConflict(
            f"Run {run_id} of pipeline {pipeline!r} was not saved: since it started, "
            + "; ".join(others)
            + ".",
            hint="Save it with force=True to make it the newest all the same, or run it again.",
            pipeline=pipeline,
            run_id=run_id,
        )


def followed(db: Database, run: int) -> list[str]:
    """What other runs saved under the same names since the run started, in words."""
    started, saved = db.execute("SELECT started, saved FROM runs WHERE seq = ?", (run,)).fetchone()
    if started is None or saved is not None:
        return []
    found = []
    rows = db.execute(
        "SELECT o.id, o.name FROM run_versions r JOIN ops o ON o.id = r.op "
        "WHERE r.run = ? AND r.learned = 1",
        (run,),
    ).fetchall()
    for op, name in rows:
        other = db.execute(
            "SELECT v.n_major || '.' || v.n_minor || '.' || v.n_patch, n.ref "
            "FROM versions v JOIN news n ON n.seq = v.named "
            "WHERE v.op = ? AND v.named > ? ORDER BY v.named DESC LIMIT 1",
            (op, started),
        ).fetchone()
        if other is not None:
            number, run_id = other  # an imported model was saved without a run
            found.append(f"{name} {number} was saved" + (f" (run {run_id})" if run_id else ""))
    return found
