"""To whom the names of stateful ops belong: the notebook or module that used them first."""

from __future__ import annotations

import os
from collections.abc import Collection

from ..errors import NameTaken
from ..versioning.spec import OpSpec, PipelineSpec
from . import versions
from .database import Database

__all__ = ["check_owners", "claim", "is_gone"]


def is_gone(owner: str) -> bool:
    """Whether a notebook was moved or removed: then its names are free."""
    return owner.endswith(".ipynb") and os.path.isabs(owner) and not os.path.exists(owner)


def check_owners(
    db: Database,
    spec: PipelineSpec,
    share: Collection[str] = (),
    formerly: Collection[str] = (),
) -> None:
    """Refuse other code from elsewhere under the name of a stateful op.

    Args:
        db: the store.
        spec: a pipeline.
        share: ops whose names its notebook may use.
        formerly: other names that its notebook has had.

    Raises:
        NameTaken: the name belongs to another notebook or module, whose code is different.
    """
    for name, op in spec.stateful.items():
        row = db.execute(
            "SELECT o.id, o.owner, v.major, v.minor, v.patch, v.created "
            "FROM ops o LEFT JOIN versions v ON v.id = o.code WHERE o.name = ?",
            (name,),
        ).fetchone()
        if row is None or row[1] in (None, op.origin, *formerly) or name in share:
            continue
        if versions.version_of(*row[2:6]) == op.version:
            continue
        if not _is_shared(db, row[0], op) and not is_gone(row[1]):
            raise NameTaken(
                f"The name of op {name!r} in pipeline {spec.name!r} belongs to {row[1]}; "
                f"{op.origin or 'this one'} has other code under it.",
                hint=f"Set op_name on one of the two, or allow it with share=[{name!r}].",
                pipeline=spec.name,
                op=name,
                owner=row[1],
            )


def claim(
    db: Database,
    spec: PipelineSpec,
    share: Collection[str] = (),
    formerly: Collection[str] = (),
) -> None:
    """Give the names of the stateful ops to where they come from, unless they are taken.

    Those of a notebook that was renamed, or is gone, move along.
    """
    for name, op in spec.stateful.items():
        op_id = versions.op_id(db, name)
        code = versions.class_level(db, name, op.version)
        (owner,) = db.execute("SELECT owner FROM ops WHERE id = ?", (op_id,)).fetchone()
        if owner in (None, op.origin, *formerly) or is_gone(owner):
            db.execute("UPDATE ops SET owner = ?, code = ? WHERE id = ?", (op.origin, code, op_id))
        if name in share:
            db.execute("INSERT OR IGNORE INTO op_shares VALUES (?, ?)", (op_id, op.origin))


def _is_shared(db: Database, op_id: int, op: OpSpec) -> bool:
    return (
        db.execute(
            "SELECT 1 FROM op_shares WHERE op = ? AND origin = ?", (op_id, op.origin)
        ).fetchone()
        is not None
    )
