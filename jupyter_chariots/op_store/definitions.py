"""Definitions of pipelines: what is served under which name, by whom."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Any

from .. import faults
from ..errors import NameTaken, NotTrusted, PipelineNotFound
from ..versioning.names import check_name, did_you_mean
from ..versioning.spec import PipelineSpec
from ..versioning.version import digest
from . import versions
from .database import Database
from .owners import check_owners, claim, is_gone
from .records import Definition
from .sealing import open_header
from .signing import Signer

__all__ = [
    "definition",
    "definitions",
    "fitted_by",
    "is_registered",
    "pipelines_that_fit",
    "record_fits",
    "register",
    "registered",
    "sign_definition",
    "unregister",
]

_SELECT = (
    "SELECT name, spec, digest, revision, owner, source, seq, at, who, retired, signature "
    "FROM definitions "
)


def register(
    db: Database,
    signer: Signer,
    spec: PipelineSpec,
    *,
    owner: str,
    source: Mapping[str, Any],
    who: str | None,
    replace: bool,
    share: Collection[str],
    formerly: Collection[str] = (),
) -> Definition:
    """Record a definition; see :meth:`OpStore.register`.

    ``source`` is kept as it is given; ``formerly`` are other names that the owner has had.
    """
    check_name("pipeline", spec.name)
    old = db.execute(_SELECT + "WHERE name = ?", (spec.name,)).fetchone()
    taken = old is not None and not old[9] and old[4] not in (owner, *formerly)
    if taken and not replace and not is_gone(old[4]):
        raise NameTaken(
            f"A pipeline {spec.name!r} is served by {old[4]} already.",
            hint=f"Give yours another name, or take this one over with replace=True. "
            f"(It would be served by {owner}.)",
            pipeline=spec.name,
            owner=old[4],
        )
    source_text = json.dumps(source, sort_keys=True)
    if old is not None and not old[9]:
        text = json.dumps(versions.with_recorded_times(db, spec).to_json(), sort_keys=True)
        known = _definition(old, signer)
        if (old[1], old[4], old[5]) == (text, owner, source_text) and known.trusted:
            return known
    check_owners(db, spec, share, formerly)
    versions.record_class_level(db, spec)
    claim(db, spec, share, formerly)
    spec = versions.with_recorded_times(db, spec)
    changed = old is None or old[9] or old[2] != spec.digest
    revision = (old[3] if old else 0) + int(bool(changed))
    seq = versions.add_news(db, "definition", spec.name, who, spec.digest)
    at = versions.timestamp()
    spec_text = json.dumps(spec.to_json(), sort_keys=True)
    db.execute("DELETE FROM definitions WHERE name = ?", (spec.name,))
    db.execute(
        "INSERT INTO definitions (name, spec, digest, revision, owner, source, seq, at, who, "
        "signature) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (
            spec.name,
            spec_text,
            spec.digest,
            revision,
            owner,
            source_text,
            seq,
            at,
            who,
            _sign(signer, spec.name, spec.digest, spec_text, source_text),
        ),
    )
    if changed:
        _end_served(db, spec.name, at)
    db.execute("DELETE FROM fits WHERE pipeline = ?", (spec.name,))
    record_fits(db, spec, seq)
    faults.reached("definition recorded")
    return _definition(db.execute(_SELECT + "WHERE name = ?", (spec.name,)).fetchone(), signer)


def unregister(db: Database, name: str, who: str | None) -> None:
    """End a pipeline; its runs, versions and history stay."""
    found = db.execute(
        "UPDATE definitions SET retired = 1 WHERE name = ? AND retired = 0", (name,)
    ).rowcount
    if not found:
        raise _not_found(db, name)
    db.execute("DELETE FROM fits WHERE pipeline = ?", (name,))
    versions.add_news(db, "retired", name, who, None)
    _end_served(db, name, versions.timestamp())


def definition(db: Database, signer: Signer, name: str) -> Definition:
    """The definition of a pipeline.

    Raises:
        PipelineNotFound: there is none.
        NotTrusted: this user did not sign it.
    """
    row = db.execute(_SELECT + "WHERE name = ? AND retired = 0", (name,)).fetchone()
    if row is None:
        raise _not_found(db, name)
    found = _definition(row, signer)
    if not found.trusted:
        raise NotTrusted(
            f"The definition of pipeline {name!r} was not signed by you; it was not opened.",
            hint="Serve the pipeline again, or, if you trust who wrote this store, run: "
            "jupyter chariots trust PATH",
            pipeline=name,
        )
    return found


def definitions(db: Database, signer: Signer) -> list[Definition]:
    """All definitions by name; those that this user did not sign have ``trusted=False``."""
    rows = db.execute(_SELECT + "WHERE retired = 0 ORDER BY name").fetchall()
    return [_definition(row, signer) for row in rows]


def registered(db: Database, name: str) -> tuple[str, int]:
    """Digest and revision of a pipeline's definition.

    Raises:
        PipelineNotFound: there is none.
    """
    row: tuple[str, int] | None = db.execute(
        "SELECT digest, revision FROM definitions WHERE name = ? AND retired = 0", (name,)
    ).fetchone()
    if row is None:
        raise _not_found(db, name)
    return row


def is_registered(db: Database, spec: PipelineSpec) -> bool:
    """Whether this very code and graph is served under the pipeline's name."""
    row = db.execute(
        "SELECT digest FROM definitions WHERE name = ? AND retired = 0", (spec.name,)
    ).fetchone()
    return row is not None and row[0] == spec.digest


def record_fits(db: Database, spec: PipelineSpec, seq: int) -> None:
    """Remember which ops the pipeline fits, for the remedies of refused loads."""
    for op in spec.ops:
        if op.fits:
            db.execute(
                "INSERT OR REPLACE INTO fits (op, pipeline, takes_input, seq) VALUES (?, ?, ?, ?)",
                (versions.op_id(db, op.name), spec.name, int(spec.takes_input), seq),
            )


def pipelines_that_fit(db: Database, op: str) -> list[tuple[str, bool]]:
    """The pipelines that fit an op, each with whether it takes an input.

    Served ones come first, for a client can call them; then the latest.
    """
    rows = db.execute(
        "SELECT f.pipeline, f.takes_input FROM fits f "
        "LEFT JOIN definitions d ON d.name = f.pipeline AND d.retired = 0 "
        "WHERE f.op = (SELECT id FROM ops WHERE name = ?) ORDER BY d.name IS NULL, f.seq DESC",
        (op,),
    )
    return [(pipeline, bool(takes_input)) for pipeline, takes_input in rows]


def fitted_by(db: Database, pipeline: str) -> set[str]:
    """The ops that a pipeline fits."""
    rows = db.execute(
        "SELECT o.name FROM fits f JOIN ops o ON o.id = f.op WHERE f.pipeline = ?", (pipeline,)
    )
    return {name for (name,) in rows}


def sign_definition(db: Database, signer: Signer, name: str) -> None:
    """Sign a definition as it is."""
    spec_text, spec_digest, source = db.execute(
        "SELECT spec, digest, source FROM definitions WHERE name = ?", (name,)
    ).fetchone()
    db.execute(
        "UPDATE definitions SET signature = ? WHERE name = ?",
        (_sign(signer, name, spec_digest, spec_text, source), name),
    )


def _sign(signer: Signer, name: str, spec_digest: str, spec: str, source: str) -> bytes:
    content = digest(spec.encode(), source.encode())
    return signer.sign("definition", name, spec_digest, content)


def _definition(row: tuple[Any, ...], signer: Signer) -> Definition:
    name, spec, spec_digest, revision, owner, source, seq, at, who, _, signature = row
    how = json.loads(source)
    trusted = signer.accepts(
        signature, "definition", name, spec_digest, digest(spec.encode(), source.encode())
    )
    if trusted and "header" in how:
        how["header"] = open_header(signer, how["header"])
    return Definition(
        name=name,
        spec=PipelineSpec.from_json(json.loads(spec)),
        digest=spec_digest,
        revision=revision,
        owner=owner,
        source=how,
        seq=seq,
        at=datetime.fromisoformat(at),
        who=who,
        trusted=trusted,
    )


def _end_served(db: Database, pipeline: str, at: str) -> None:
    db.execute(
        "UPDATE served SET until = ? WHERE until IS NULL AND seq = "
        "(SELECT seq FROM served WHERE pipeline = ? ORDER BY seq DESC LIMIT 1)",
        (at, pipeline),
    )


def _not_found(db: Database, name: str) -> PipelineNotFound:
    names = [row[0] for row in db.execute("SELECT name FROM definitions WHERE retired = 0")]
    hint = did_you_mean(name, names) or "None is: serve one first."
    return PipelineNotFound(f"No pipeline {name!r} is served.", hint=hint, pipeline=name)
