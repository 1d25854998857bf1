"""What differs between two versions of an op."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from difflib import unified_diff
from typing import Any

from ..versioning.version import Version, VersionType
from . import versions
from .database import Database
from .pins import find_version
from .reader import StoreReader

__all__ = ["diff"]

# When and how a run happened, and what the parts of the answer beside ``facts`` tell.
_NOT_COMPARED = {"learned", "duration", "source", "cell", "helpers", "code"}


def diff(db: Database, op: str, a: Version | str, b: Version | str) -> dict[str, Any]:
    """Just what differs between two versions; see :meth:`OpStore.diff`."""
    first, second = find_version(db, op, a), find_version(db, op, b)
    found: dict[str, Any] = {}
    levels = [
        level.value
        for level in VersionType
        if getattr(first.version, level.value) != getattr(second.version, level.value)
    ]
    if levels:
        found["levels"] = levels
    if first.fingerprint != second.fingerprint:
        found["state"] = [first.fingerprint, second.fingerprint]
    old, new = first.facts, second.facts
    code = "\n".join(_texts_that_differ(old, new, first.label, second.label))
    if code:
        found["source"] = code
    facts = dict(_differing(_comparable(old), _comparable(new)))
    told = code or any(name.startswith("values.") for name in facts)
    if old.get("code") != new.get("code") and not told:
        facts["code"] = [old.get("code"), new.get("code")]  # all that is known of what differs
    if facts:
        found["facts"] = facts
    lineages = [_upstreams(db, row.id) for row in (first, second)]
    upstream = {
        name: [side.get(name) for side in lineages]
        for name in sorted(lineages[0].keys() | lineages[1].keys())
        if lineages[0].get(name) != lineages[1].get(name)
    }
    if upstream:
        found["lineage"] = upstream
    return found


def _texts_that_differ(
    old: Mapping[str, Any], new: Mapping[str, Any], a: str, b: str
) -> Iterator[str]:
    """A unified diff of the cells that define the op (of its own text, without cells), and one of
    each function or class that it names and that is not in the cells.
    """
    sides = [_texts(facts) for facts in (old, new)]
    cells = [str((facts.get("cell") or {}).get("source") or "") for facts in (old, new)]
    if not all(cells):
        cells = [str(facts.get("source") or "") for facts in (old, new)]
    yield from _unified(cells[0], cells[1], a, b)
    for name in sorted(sides[0].keys() | sides[1].keys()):
        before, after = (side.get(name, "") for side in sides)
        if not (before in cells[0] and after in cells[1]):
            yield from _unified(before, after, f"{name} of {a}", f"{name} of {b}")


def _texts(facts: Mapping[str, Any]) -> dict[str, str]:
    return dict(facts.get("helpers") or {})


def _unified(before: str, after: str, a: str, b: str) -> Iterator[str]:
    return unified_diff(before.splitlines(), after.splitlines(), a, b, lineterm="")


def _comparable(facts: Mapping[str, Any]) -> dict[str, Any]:
    kept = {name: value for name, value in facts.items() if name not in _NOT_COMPARED}
    if isinstance(kept.get("kernel"), Mapping):  # every start of a kernel has another id
        kept["kernel"] = {key: one for key, one in kept["kernel"].items() if key != "id"}
    return kept


def _differing(
    a: Mapping[str, Any], b: Mapping[str, Any], prefix: str = ""
) -> Iterator[tuple[str, list[Any]]]:
    for key in sorted(a.keys() | b.keys()):
        left, right = a.get(key), b.get(key)
        if isinstance(left, dict) and isinstance(right, dict):
            yield from _differing(left, right, f"{prefix}{key}.")
        elif left != right:
            yield prefix + key, [left, right]


def _upstreams(db: Database, version_id: int) -> dict[str, str]:
    """The latest lineage, op → version."""
    lineages = StoreReader(db).lineages(versions.by_id(db, version_id))
    links = lineages[0].links if lineages else ()
    return {link.op: link.label for link in links}
