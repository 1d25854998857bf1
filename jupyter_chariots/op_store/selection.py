"""Which versions a load takes, before they are checked."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ..versioning.spec import OpSpec, PipelineSpec
from .lineage import Broken, Reader, Upstream, check_op, label
from .versions import Row

__all__ = ["select"]


def select(
    spec: PipelineSpec, pins: Mapping[str, Row], reader: Reader
) -> tuple[dict[str, Row | None], list[Broken]]:
    """Choose a version of each op with state; ``None`` where there is none to choose.

    Without pins each is the newest of its code line. The ancestors of a pinned op come from its
    lineage, an op downstream of those is the newest that fits them.

    Returns:
        The choice by op name, and the pins that contradict each other.
    """
    fixed: dict[str, Row | None] = dict(pins)
    conflicts: list[Broken] = []
    waiting = list(pins.values())
    while waiting:
        row = waiting.pop(0)
        for link in _ancestors(spec, row, fixed, reader, conflicts):
            ancestor = reader.row(link.id)
            fixed[link.op] = ancestor if ancestor.fingerprint is not None else None
            if ancestor.fingerprint is not None:
                waiting.append(ancestor)
    chosen: dict[str, Row | None] = {}
    bound: set[str] = set()
    for name, op in spec.stateful.items():
        if name in fixed:
            chosen[name] = fixed[name]
            bound.add(name)
            continue
        newest = reader.newest(name, op.version.major)
        above = [up for up in op.upstream if up in bound]
        if newest is not None and above and not op.fits:
            bound.add(name)
            newest = _newest_that_fits(spec, op, newest, chosen, fixed, above, reader)
        chosen[name] = newest
    return chosen, conflicts


def _ancestors(
    spec: PipelineSpec,
    row: Row,
    fixed: Mapping[str, Row | None],
    reader: Reader,
    conflicts: list[Broken],
) -> list[Upstream]:
    """The entries of the lineage of ``row`` that fits what is fixed and that are still free."""
    found: list[Broken] = []
    for lineage in reader.lineages(row):
        links = [link for link in lineage.links if link.stateful and link.op in spec.stateful]
        clashes = [
            Broken(row.op, row.label, link.op, link.label, label(fixed[link.op]))
            for link in links
            if link.op in fixed and not _same_major(spec, link, fixed[link.op])
        ]
        if not clashes:
            return [link for link in links if link.op not in fixed]
        found = found or clashes
    conflicts.extend(found)
    return []


def _same_major(spec: PipelineSpec, link: Upstream, row: Row | None) -> bool:
    version = spec.stateful[link.op].version if row is None else row.version
    return version.major == link.version.major


def _newest_that_fits(
    spec: PipelineSpec,
    op: OpSpec,
    newest: Row,
    chosen: Mapping[str, Row | None],
    fixed: Mapping[str, Row | None],
    above: Sequence[str],
    reader: Reader,
) -> Row:
    so_far = {**fixed, **chosen}

    def fits(row: Row) -> bool:
        return not check_op(spec, op, row, so_far, reader, spec.stateful.keys() - so_far).broken

    if fits(newest):
        return newest
    # An index leads to those trained on one of the ops above; of these the newest mostly fits.
    for name in above:
        upstream = so_far[name]
        if upstream is not None:
            rows = reader.trained_on(op.name, op.version.major, upstream)
            return next(filter(fits, rows), newest)
    return newest
