"""What a load takes, what a run starts from, and older states under newer code."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from ..errors import NotTrusted, VersionError, VersionNotFound
from ..versioning.spec import PipelineSpec
from ..versioning.version import Version
from . import refusals, runs, served, versions
from .database import Database
from .lineage import Verdict, check, served_version
from .pins import resolve
from .reader import StoreReader, copy_lineages
from .records import Choice, Rerecorded, StateRef
from .selection import select
from .signing import Signer
from .versions import Row

__all__ = ["carry_over", "choose", "record", "signed_state", "start"]


def choose(db: Database, spec: PipelineSpec, pins: Mapping[str, str | Version]) -> Choice:
    """What ``load(versions=pins)`` takes; see :meth:`OpStore.choose`."""
    reader = StoreReader(db)
    pinned = resolve(db, spec, pins)
    chosen, conflicts = select(spec, pinned, reader)
    verdict = check(spec, chosen, reader)
    verdict.broken[:0] = conflicts
    return _choice(db, spec, chosen, verdict, _numbers(pinned))


def start(db: Database, spec: PipelineSpec) -> Choice:
    """What a run that changes state starts from; see :meth:`OpStore.start`."""
    reader = StoreReader(db)
    last = served.latest(db, spec.name)
    pinned = resolve(db, spec, last.pins if last is not None and last.until is None else {})
    chosen, conflicts = select(spec, pinned, reader)
    current = runs.current(db, spec.name) or {}
    extra: list[str] = []
    moving = {name for name, op in spec.stateful.items() if op.fits or op.carries}
    for name in moving:
        op = spec.stateful[name]
        if not op.carries:
            chosen[name] = None
        elif name in current:
            row = reader.row(current[name])
            chosen[name] = _of_line(row, op.version.major) or chosen[name]
            if row.fingerprint is not None and chosen[name] is None:
                extra.append(
                    f"{row.title} was made by other code of {name} (major): it starts anew."
                )
    verdict = check(spec, chosen, reader, moving)
    verdict.missing += [
        name
        for name in moving
        if chosen[name] is None and spec.stateful[name].needs_state and name not in verdict.missing
    ]
    verdict.broken[:0] = conflicts
    verdict.warnings += extra
    return _choice(db, spec, chosen, verdict, _numbers(pinned), to_run=True)


def carry_over(db: Database, spec: PipelineSpec) -> Choice:
    """The latest served set under a changed definition; see :meth:`OpStore.carry_over`."""
    reader = StoreReader(db)
    last = served.latest(db, spec.name)
    if last is None:
        return choose(db, spec, {})
    chosen: dict[str, Row | None] = {}
    verdict = Verdict()
    for name, op in spec.stateful.items():
        if name not in last.versions:
            chosen[name] = reader.newest(name, op.version.major)
            continue
        row = versions.find(db, name, last.versions[name])
        chosen[name] = row
        if row is not None and _of_line(row, op.version.major) is None and not op.needs_state:
            chosen[name] = None
            verdict.warnings.append(f"{row.title} was made by other code: {name} starts anew.")
    found = check(spec, chosen, reader)
    found.warnings[:0] = verdict.warnings
    pins = {name: number for name, number in last.pins.items() if name in spec.stateful}
    try:
        return _choice(db, spec, chosen, found, pins)
    except VersionError as refusal:
        raise _rather_load(db, spec, refusal) from None


def _rather_load(db: Database, spec: PipelineSpec, refusal: VersionError) -> VersionError:
    """Where the newest versions fit the new definition, loading them is the remedy."""
    try:
        choose(db, spec, {})
    except VersionError as newest:
        return newest if not refusal.details.get("remedy") else refusal
    refusal.details["remedy"] = []
    refusal.hint = f'The newest versions fit: load them.\nclient.load_pipeline("{spec.name}")'
    return refusal


def record(db: Database, signer: Signer, choice: Choice) -> Choice:
    """Write the re-recorded versions of a choice.

    Returns:
        The choice with nothing left to record.

    Raises:
        VersionNotFound: a version was removed in the meantime.
        NotTrusted: a state was not signed by this user.
    """
    states, numbers = dict(choice.states), dict(choice.numbers)
    recorded = dict(choice.versions)
    for item in choice.rerecord:
        row = _record(db, signer, item)
        recorded[item.op] = row.version
        states[item.op] = StateRef(item.op, row.version, row.blob or "")
        numbers[item.op] = row.number
    return replace(choice, versions=recorded, states=states, numbers=numbers, rerecord=())


def _record(db: Database, signer: Signer, item: Rerecorded) -> Row:
    source = versions.find(db, item.op, item.source)
    if source is None or source.blob is None:
        raise VersionNotFound(
            f"Version {item.source} of {item.op} was removed meanwhile.", hint="Load again."
        )
    signed_state(signer, source)
    versions.class_level(db, item.op, item.class_version)
    target = versions.find(db, item.op, item.version)
    if target is None or target.blob is None:
        target = _copy(db, signer, source, item, target)
    versions.number(db, target.id)
    return versions.by_id(db, target.id)


def _copy(db: Database, signer: Signer, source: Row, item: Rerecorded, target: Row | None) -> Row:
    if target is None:
        db.execute(
            "INSERT INTO versions (op, major, minor, patch, created, kind, at) "
            "VALUES (?, ?, ?, ?, ?, 'known', ?)",
            (
                source.op_id,
                *item.version.digests,
                versions.timestamp(item.version.created),
                versions.timestamp(),
            ),
        )
    signature = signer.sign("state", source.op, _digests(item.version), source.blob or "")
    # trained where and as the source was; but its code, and what tells of that, is another
    of_code = {"source", "origin", "cell", "helpers", "values", "code"}
    kept = {name: value for name, value in source.facts.items() if name not in of_code}
    facts = {**kept, **{name: value for name, value in item.facts.items() if value}}
    db.execute(
        "UPDATE versions SET (kind, level, fingerprint, blob, who, pipeline, run_id) = "
        "(SELECT kind, level, fingerprint, blob, who, pipeline, run_id "
        "FROM versions WHERE id = ?), facts = ?, "
        "class_major = ?, class_minor = ?, class_patch = ?, signature = ?, origin = ? "
        "WHERE op = ? AND major = ? AND minor = ? AND patch = ?",
        (
            source.id,
            versions.to_json(facts),
            *item.class_version.digests,
            signature,
            source.origin or source.id,
            source.op_id,
            *item.version.digests,
        ),
    )
    row = versions.find(db, item.op, item.version)
    assert row is not None
    copy_lineages(db, source.id, row.id)
    return row


def signed_state(signer: Signer, row: Row) -> str:
    """The digest of the blob of a version that this user signed.

    Raises:
        NotTrusted: somebody else wrote or changed the row.
    """
    blob = row.blob or ""
    if not signer.accepts(row.signature, "state", row.op, _digests(row.version), blob):
        raise NotTrusted(
            f"The state of {row.title} was not signed by you; it was not opened.",
            hint="If you trust who wrote this store, run: jupyter chariots trust PATH",
            op=row.op,
            version=str(row.version),
        )
    return blob


def _digests(version: Version) -> str:
    return ".".join(version.digests)


def _numbers(pinned: Mapping[str, Row]) -> dict[str, str]:
    return {op: row.label for op, row in pinned.items()}


def _of_line(row: Row | None, line: str) -> Row | None:
    if row is None or row.blob is None or row.class_version is None:
        return None
    return row if row.class_version.major == line else None


def _choice(
    db: Database,
    spec: PipelineSpec,
    chosen: Mapping[str, Row | None],
    verdict: Verdict,
    pins: Mapping[str, str],
    *,
    to_run: bool = False,
) -> Choice:
    if not verdict.fits:
        raise refusals.refused(db, spec, verdict, chosen, pins, to_run=to_run)
    taken: dict[str, Version] = {}
    states: dict[str, StateRef] = {}
    numbers: dict[str, str | None] = {}
    rerecord: list[Rerecorded] = []
    for name, row in chosen.items():
        if row is None:
            continue
        op = spec.stateful[name]
        version = served_version(op, row)
        if version != row.version:
            target = versions.find(db, name, version)
            if target is not None and target.blob is not None and target.number is not None:
                row, version = target, target.version
            else:
                version = version if target is None else target.version
                facts = {"source": op.source, "origin": op.origin, **op.facts}
                rerecord.append(Rerecorded(name, row.version, op.version, version, facts))
        taken[name] = version
        states[name] = StateRef(name, row.version, row.blob or "")
        numbers[name] = row.number if version == row.version else None
    return Choice(
        pipeline=spec.name,
        versions=taken,
        states=states,
        pins=dict(pins),
        warnings=tuple(dict.fromkeys(verdict.warnings)),
        numbers=numbers,
        rerecord=tuple(rerecord),
    )
