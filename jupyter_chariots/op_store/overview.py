"""What the store knows of a pipeline beside what it serves: its current set, and what is newer."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from ..versioning.spec import PipelineSpec
from ..versioning.version import Version
from . import runs, versions
from .database import Database
from .newer import Newer, newer

__all__ = ["Overview", "overview"]


@dataclass(frozen=True)
class Overview:
    """What the store knows of a pipeline, beside what it serves.

    Attributes:
        versions: the current set.
        numbers: of the current set; ``None`` for what is not saved.
        unsaved: the id of the run that left the current set, if it is not saved.
        unsaved_ops: what that run learned.
        newer: what a load would bring; ``None`` if nothing.
    """

    versions: Mapping[str, Version]
    numbers: Mapping[str, str | None]
    unsaved: str | None
    unsaved_ops: tuple[str, ...]
    newer: Newer | None


def overview(db: Database, spec: PipelineSpec) -> Overview:
    """See :meth:`OpStore.overview`."""
    found = runs.current(db, spec.name) or {}
    current = {op: versions.by_id(db, row) for op, row in found.items()}
    unsaved = runs.unsaved(db, spec.name)
    return Overview(
        versions={op: row.version for op, row in current.items()},
        numbers={op: row.number for op, row in current.items()},
        unsaved=None if unsaved is None else unsaved[1],
        unsaved_ops=() if unsaved is None else _learned(db, unsaved[0]),
        newer=newer(db, spec),
    )


def _learned(db: Database, run: int) -> tuple[str, ...]:
    rows = db.execute(
        "SELECT o.name FROM run_versions r JOIN ops o ON o.id = r.op "
        "WHERE r.run = ? AND r.learned = 1 ORDER BY r.op",
        (run,),
    )
    return tuple(name for (name,) in rows)
