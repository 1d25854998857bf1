"""Which versions go together: the check of a load.

Pure functions of a specification and of what a :class:`Reader` tells about the store.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from ..versioning.spec import OpSpec, PipelineSpec
from ..versioning.version import Version, VersionType
from .versions import Row, short

__all__ = [
    "Broken",
    "Lineage",
    "Reader",
    "Upstream",
    "Verdict",
    "check",
    "check_op",
    "label",
    "served_version",
]


@dataclass(frozen=True)
class Upstream:
    """One entry of a lineage; ``root`` is the id of the version with the original code."""

    op: str
    version: Version
    id: int
    root: int
    stateful: bool
    label: str


@dataclass(frozen=True)
class Lineage:
    """What a version was trained on."""

    links: tuple[Upstream, ...]

    def names(self, op: str) -> bool:
        """Whether the op is part of it."""
        return any(link.op == op for link in self.links)


class Reader(Protocol):
    """What the rules ask the store; every answer costs the same with any number of versions."""

    def newest(self, op: str, line: str) -> Row | None:
        """The version of this code line that the latest save names."""

    def row(self, version_id: int) -> Row:
        """A version by its id."""

    def lineages(self, row: Row) -> Sequence[Lineage]:
        """All lineages of a version, the latest first."""

    def trained_on(self, op: str, line: str, upstream: Row) -> Iterator[Row]:
        """Saved versions of this code line that were trained on the major of ``upstream``,
        newest first.
        """


@dataclass(frozen=True)
class Broken:
    """A pair that was not trained together: ``op`` at ``version`` and its ``upstream``."""

    op: str
    version: str
    upstream: str
    trained_on: str | None
    chosen: str | None

    def __str__(self) -> str:
        trained = (
            f"was trained on {self.upstream} {self.trained_on}"
            if self.trained_on
            else f"was trained without {self.upstream}"
        )
        return f"{self.op} {self.version} {trained}, not on {self.chosen or 'what is here'}"


@dataclass
class Verdict:
    """What a check found; all empty but ``warnings`` means that the versions fit."""

    broken: list[Broken] = field(default_factory=list)
    missing: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)

    @property
    def fits(self) -> bool:
        """Whether nothing speaks against the set."""
        return not (self.broken or self.missing)


def served_version(op: OpSpec, row: Row) -> Version:
    """The version that the state of ``row`` has under the code of ``op``."""
    if row.class_version == op.version or row.level is None or row.fingerprint is None:
        return row.version
    learned = op.version.learned(VersionType(row.level), row.fingerprint)
    # The time of a learned version is when it was learned, whatever code it is served by.
    return learned.at(row.version.created)


def check(
    spec: PipelineSpec,
    chosen: Mapping[str, Row | None],
    reader: Reader,
    moving: Iterable[str] = (),
) -> Verdict:
    """Whether the chosen versions go together.

    ``moving`` are ops whose state the run replaces or carries on, so that the chosen one says
    nothing about what the ops below will get.
    """
    verdict = Verdict()
    moved = set(moving)
    for name, op in spec.stateful.items():
        row = chosen.get(name)
        if row is not None and not _loadable(op, row):
            verdict.missing.append(name)
            continue
        if op.fits or name in moved:
            continue
        if row is None:
            if op.needs_state:
                verdict.missing.append(name)
            continue
        verdict.warnings.extend(_of_the_state(spec, op, row, reader))
        found = check_op(spec, op, row, chosen, reader, moved)
        verdict.broken.extend(found.broken)
        verdict.warnings.extend(found.warnings)
    return verdict


def _loadable(op: OpSpec, row: Row) -> bool:
    line = row.class_version
    return row.blob is not None and line is not None and line.major == op.version.major


def check_op(
    spec: PipelineSpec,
    op: OpSpec,
    row: Row,
    chosen: Mapping[str, Row | None],
    reader: Reader,
    ignored: Iterable[str],
) -> Verdict:
    """The verdict of that lineage of ``row`` that fits best; ``ignored`` ops are not compared."""
    if row.kind == "carried":
        return Verdict()
    ignored = set(ignored)
    found = [
        _compare(spec, op, row, lineage, chosen, reader, ignored)
        for lineage in reader.lineages(row)
    ]
    best = min(found, key=lambda v: (len(v.broken), len(v.warnings)), default=None)
    if best is not None and (best.fits or row.kind != "imported"):
        return best
    return Verdict(
        warnings=[f"{row.title} was imported: nothing is known of what it was trained on."]
    )


def _compare(
    spec: PipelineSpec,
    op: OpSpec,
    row: Row,
    lineage: Lineage,
    chosen: Mapping[str, Row | None],
    reader: Reader,
    ignored: set[str],
) -> Verdict:
    verdict = Verdict()
    stateless: dict[str, list[Upstream]] = {}
    for link in lineage.links:
        if not link.stateful:
            stateless.setdefault(link.op, []).append(link)
        elif link.op in spec.stateful and link.op not in ignored:
            _compare_stateful(spec, row, link, chosen.get(link.op), verdict)
    for name, links in stateless.items():
        _compare_stateless(spec, row, name, links, verdict)
    for name in op.upstream:
        above = chosen.get(name)
        if name not in spec.stateful or name == op.name or lineage.names(name):
            continue
        if above is None or not any(other.names(op.name) for other in reader.lineages(above)):
            verdict.broken.append(Broken(op.name, row.label, name, None, label(above)))
    return verdict


def _compare_stateful(
    spec: PipelineSpec, row: Row, link: Upstream, above: Row | None, verdict: Verdict
) -> None:
    upstream = spec.stateful[link.op]
    if above is None:
        if upstream.fits:
            return
        actual, label = upstream.version, None
    else:
        actual, label = served_version(upstream, above), above.label
    if actual.major != link.version.major:
        verdict.broken.append(Broken(row.op, row.label, link.op, link.label, label))
    elif actual != link.version and (above is None or link.root != (above.origin or above.id)):
        verdict.warnings.append(
            f"{row.title} was trained on {link.op} {link.label}; {label or 'another version'} "
            f"differs from it ({_level(actual, link.version)})."
        )


def _compare_stateless(
    spec: PipelineSpec, row: Row, name: str, links: Sequence[Upstream], verdict: Verdict
) -> None:
    here = [op.version for op in spec.ops if op.name == name]
    trained = [link.version for link in links]
    if not here or any(version in trained for version in here):
        return
    near = [(a, b) for a in here for b in trained if a.major == b.major]
    if near:
        verdict.warnings.append(
            f"{row.title} was trained on another {name}: its code or fields have changed since "
            f"({_level(*near[0])})."
        )
    else:
        verdict.broken.append(Broken(row.op, row.label, name, links[0].label, short(here[0])))


def _of_the_state(spec: PipelineSpec, op: OpSpec, row: Row, reader: Reader) -> Iterator[str]:
    """Differences between what a state was made with and what will run it."""
    made = row if row.origin is None else reader.row(row.origin)
    if made.class_version is not None and made.class_version != op.version:
        level = _level(made.class_version, op.version)
        yield f"{row.title} was made by other code or fields of {op.name} ({level})."
    facts = row.facts
    python = facts.get("python")
    if python and spec.python and not f"{python}.".startswith(f"{spec.python}."):
        yield f"{row.title} was made with Python {python}; here is {spec.python}."
    then = facts.get("packages") or {}
    for package, version in sorted(op.packages.items()):
        if then.get(package, version) != version:
            yield f"{row.title} was made with {package} {then[package]}; here is {version}."


def _level(a: Version, b: Version) -> str:
    """The first level at which two versions differ."""
    levels = [level.value for level in VersionType]
    return next(level for level in levels if getattr(a, level) != getattr(b, level))


def label(row: Row | None) -> str | None:
    """The number of a chosen version, for messages."""
    return None if row is None else row.label
