"""What runs left: candidates, saves and the current set."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from .. import faults
from ..errors import RunNotFound
from ..versioning.names import check_name, shown
from ..versioning.spec import Learned, PipelineSpec, RunRecord
from ..versioning.version import Version
from . import definitions, owners, saves, versions
from .blobs import Blobs, Prepared
from .database import Database
from .reader import add_lineage, known, link_rows
from .records import Committed
from .signing import Signer

__all__ = ["commit", "current", "find_run", "insert_version", "unsaved"]


def commit(
    db: Database,
    signer: Signer,
    blobs: Blobs,
    spec: PipelineSpec,
    record: RunRecord,
    prepared: Mapping[str, Prepared],
    *,
    promote: bool,
    started: int | None,
    who: str | None,
    job_id: str | None,
    share: Collection[str],
) -> Committed:
    """Record what a run left; see :meth:`OpStore.commit`.

    ``prepared`` are the blobs of what was learned and used, by op name.
    """
    check_name("pipeline", spec.name)
    if not definitions.is_registered(db, spec):
        owners.check_owners(db, spec, share)
        owners.claim(db, spec, share)
    versions.record_class_level(db, spec)
    again = db.execute("SELECT seq FROM runs WHERE run_id = ?", (record.run_id,)).fetchone()
    if again is None:
        seq = _insert_run(db, signer, blobs, spec, record, prepared, started, who, job_id)
    else:
        seq = int(again[0])
    faults.reached("run recorded")
    warnings: list[str] = []
    if promote:
        warnings = [f"The save followed another one: {text}." for text in saves.followed(db, seq)]
        saves.promote(db, spec.name, seq, who)
    return Committed(record.run_id, seq, _recorded(db, seq), promote, tuple(warnings))


def _insert_run(
    db: Database,
    signer: Signer,
    blobs: Blobs,
    spec: PipelineSpec,
    record: RunRecord,
    prepared: Mapping[str, Prepared],
    started: int | None,
    who: str | None,
    job_id: str | None,
) -> int:
    ids: dict[str, int] = {}
    for learned in (*record.used, *record.learned):
        blobs.insert(db, prepared[learned.op])
        ids[learned.op] = insert_version(
            db, signer, spec, learned, prepared[learned.op].digest, who, record.run_id
        )
        faults.reached("version recorded")
    # All versions first: those of one run stand in each other's lineages.
    for learned in (*record.used, *record.learned):
        if learned.lineage is not None:
            add_lineage(db, ids[learned.op], link_rows(db, learned.lineage))
    seq = versions.add_news(db, "run", spec.name, who, record.run_id)
    db.execute(
        "INSERT INTO runs (seq, run_id, pipeline, started, at, who, job_id) "
        "VALUES (?, ?, ?, ?, ?, ?, ?)",
        (seq, record.run_id, spec.name, started, versions.timestamp(), who, job_id),
    )
    changed = {learned.op for learned in record.learned}
    for op, version in record.after.items():
        version_id = ids.get(op)
        if version_id is None:
            row = versions.find(db, op, version)
            version_id = row.id if row is not None else known(db, op, version)
        db.execute(
            "INSERT INTO run_versions (run, op, version, learned) "
            "SELECT ?, op, id, ? FROM versions WHERE id = ?",
            (seq, int(op in changed), version_id),
        )
    if not definitions.is_registered(db, spec):
        definitions.record_fits(db, spec, seq)
    return seq


def insert_version(
    db: Database,
    signer: Signer,
    spec: PipelineSpec,
    learned: Learned,
    blob: str,
    who: str | None,
    run_id: str,
) -> int:
    """Record a version with its state, unless it is there; gives the id of its row."""
    kind = "carried" if not learned.fitted else "imported" if learned.lineage is None else "fitted"
    row = versions.find(db, learned.op, learned.version)
    digests = ".".join(learned.version.digests)
    if row is not None and signer.accepts(
        row.signature, "state", learned.op, digests, row.blob or ""
    ):
        # Nothing is overwritten: an equal version keeps its time, its bytes and its facts. But
        # what was imported, or came from older code, has been fitted as it is now.
        if kind == "fitted":
            db.execute("UPDATE versions SET kind = ?, origin = NULL WHERE id = ?", (kind, row.id))
        return row.id
    version_id = known(db, learned.op, learned.version) if row is None else row.id
    op = spec.stateful.get(learned.op)
    facts = {
        "python": spec.python,
        "packages": dict(op.packages) if op else {},
        "origin": op.origin if op else "",
        "source": op.source if op else None,
        **(op.facts if op else {}),
        "learned": learned.learned.isoformat(),
        **learned.facts,
    }
    db.execute(
        "UPDATE versions SET kind = ?, class_major = ?, class_minor = ?, class_patch = ?, "
        "level = ?, fingerprint = ?, blob = ?, signature = ?, facts = ?, who = ?, "
        "pipeline = ?, run_id = ? WHERE id = ?",
        (
            kind,
            *learned.class_version.digests,
            learned.level.value,
            learned.fingerprint,
            blob,
            signer.sign("state", learned.op, digests, blob),
            versions.to_json(facts),
            who,
            spec.name,
            run_id,
            version_id,
        ),
    )
    return version_id


def find_run(db: Database, pipeline: str, run_id: str) -> int:
    """The sequence number of a run of the pipeline.

    Raises:
        RunNotFound: the pipeline has no such run, or its candidate was removed.
    """
    row = db.execute("SELECT seq, pipeline FROM runs WHERE run_id = ?", (run_id,)).fetchone()
    if row is None or row[1] != pipeline:
        raise RunNotFound(
            f"No run {shown(run_id)} of pipeline {pipeline!r} left a candidate.",
            hint="Candidates that were neither saved nor current are removed after a while; "
            "run the pipeline again.",
            pipeline=pipeline,
            run_id=run_id[:128],
        )
    return int(row[0])


def _last(db: Database, pipeline: str) -> tuple[int | None, int | None]:
    """Sequence numbers of the last run, and of the served row that counts as current."""
    run = db.execute(
        "SELECT seq FROM runs WHERE pipeline = ? ORDER BY seq DESC LIMIT 1", (pipeline,)
    ).fetchone()
    loaded = db.execute(
        "SELECT seq FROM served WHERE pipeline = ? AND loaded = 1 ORDER BY seq DESC LIMIT 1",
        (pipeline,),
    ).fetchone()
    if run is not None and (loaded is None or run[0] > loaded[0]):
        return int(run[0]), None
    # Restored and carried-over sets follow from a load, or stand alone before any run.
    row = db.execute(
        "SELECT seq FROM served WHERE pipeline = ? ORDER BY seq DESC LIMIT 1", (pipeline,)
    ).fetchone()
    return None, None if row is None else int(row[0])


def current(db: Database, pipeline: str) -> dict[str, int] | None:
    """Ids of the versions of the current set, by op; ``None`` before any run or load."""
    run, served = _last(db, pipeline)
    if run is not None:
        rows = db.execute(
            "SELECT o.name, r.version FROM run_versions r JOIN ops o ON o.id = r.op "
            "WHERE r.run = ?",
            (run,),
        )
    elif served is not None:
        rows = db.execute(
            "SELECT o.name, s.version FROM served_versions s JOIN ops o ON o.id = s.op "
            "WHERE s.served = ?",
            (served,),
        )
    else:
        return None
    return dict(rows.fetchall())


def unsaved(db: Database, pipeline: str) -> tuple[int, str] | None:
    """Sequence number and id of the run that left the current set, if it is not saved."""
    run, _ = _last(db, pipeline)
    if run is None:
        return None
    row = db.execute("SELECT run_id FROM runs WHERE seq = ? AND saved IS NULL", (run,)).fetchone()
    return None if row is None else (run, str(row[0]))


def _recorded(db: Database, run: int) -> dict[str, Version]:
    rows = db.execute("SELECT version FROM run_versions WHERE run = ?", (run,)).fetchall()
    found = [versions.by_id(db, version_id) for (version_id,) in rows]
    return {row.op: row.version for row in found}
