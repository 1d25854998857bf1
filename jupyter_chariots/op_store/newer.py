"""Whether the store has newer versions than a pipeline serves, and whether they can be loaded."""

from __future__ import annotations

from dataclasses import dataclass

from ..errors import VersionError
from ..versioning.spec import PipelineSpec
from . import loads, served, versions
from .database import Database
from .records import Choice
from .versions import Row

__all__ = ["Newer", "newer"]


@dataclass(frozen=True)
class Newer:
    """Versions that a pipeline does not serve and that were saved later.

    Attributes:
        numbers: op → number of its newest version.
        choice: what a load without pins would take; ``None`` if that would be refused.
        reason: why it would be refused.
        pinned: whether the pipeline is held where it is, by the pins of its last load.
    """

    numbers: dict[str, str]
    choice: Choice | None
    reason: str | None
    pinned: bool


def newer(db: Database, spec: PipelineSpec) -> Newer | None:
    """See :meth:`OpStore.newer`."""
    last = served.latest(db, spec.name)
    standing = None if last is None or last.until is not None else last
    numbers = {}
    for name, op in spec.stateful.items():
        newest = None if op.changes else versions.newest(db, name, op.version.major)
        if newest is None:
            continue
        held = standing.versions.get(name) if standing else None
        if held is None or _origin(newest) != _origin(versions.find(db, name, held)):
            numbers[name] = newest.label
    if not numbers:
        return None
    pinned = bool(standing and standing.pins)
    try:
        return Newer(numbers, loads.choose(db, spec, {}), None, pinned)
    except VersionError as refusal:
        return Newer(numbers, None, refusal.message, pinned)


def _origin(row: Row | None) -> int | None:
    """A state under newer code counts as the version that it came from."""
    return None if row is None else row.origin or row.id
