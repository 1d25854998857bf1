"""A run in a store elsewhere: what it starts from goes there, what it left comes back.

A worker on another machine does not see this store. It has a scratch store of its own, which holds
what one run starts from and nothing else, but for blobs, which stay for the next run.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from ..errors import BlobMissing, NotTrusted
from ..versioning.spec import Learned, Link, PipelineSpec, RunRecord
from ..versioning.version import Version, VersionType
from . import runs, versions
from .base import StoreBase
from .blobs import Blobs
from .database import Database
from .loads import signed_state
from .pins import find_version
from .reader import add_lineage, known, link_rows
from .records import StateRef
from .signing import Signer

__all__ = ["Beginning", "Elsewhere"]

# In this order: what refers to others first.
_WIPED = (
    "prerequisites", "jobs", "served_versions", "served", "run_versions", "runs", "links",
    "lineages", "op_shares", "turns",
)  # fmt: skip


@dataclass(frozen=True)
class Beginning:
    """What a run starts from.

    Attributes:
        started: the sequence number of the store that it comes from.
        versions: one JSON object for each version, with ``op``, ``version``, ``blob`` (the digest
            of its state), facts and lineages.
    """

    started: int
    versions: tuple[Mapping[str, Any], ...]

    @property
    def states(self) -> tuple[StateRef, ...]:
        """Where the state of each of them is."""
        return tuple(
            StateRef(one["op"], Version.parse(one["version"]), one["blob"]) for one in self.versions
        )


class Elsewhere(StoreBase):
    """The part of the store for runs that happen on another machine."""

    # -- the store that the run is for ---------------------------------------------------------

    def hand_over(self, states: Iterable[StateRef], started: int) -> Beginning:
        """What a run starts from, as another store can take it on; the states themselves are read
        one by one.

        Args:
            states: of what :meth:`OpStore.start` gave, or of a served set.
            started: :meth:`sequence` before that.

        Raises:
            NotTrusted: this user did not sign a state.
        """
        with self._db.read() as db:
            found = tuple(_version_to_json(db, self._signer, ref) for ref in states)
        return Beginning(started, found)

    # -- the store of the worker ---------------------------------------------------------------

    def wipe(self) -> int:
        """Forget all versions and runs; definitions and blobs stay, until :meth:`OpStore.gc`.

        Returns:
            How many bytes the blobs have.
        """
        with self._db.write() as db:
            for table in _WIPED:
                db.execute(f"DELETE FROM {table}")
            db.execute("UPDATE ops SET owner = NULL, code = NULL")
            db.execute("DELETE FROM versions")
            (size,) = db.execute("SELECT coalesce(sum(size), 0) FROM blobs").fetchone()
        return int(size)

    def has_blob(self, digest: str) -> bool:
        """Whether the bytes of this digest are here."""
        with self._db.read() as db:
            return Blobs.row(db, digest) is not None

    def blob(self, digest: str) -> bytes:
        """The bytes of this digest.

        Raises:
            BlobMissing: they are not here.
            NotTrusted: they were changed.
        """
        with self._db.read() as db:
            row = Blobs.row(db, digest)
        if row is None:
            raise BlobMissing(f"No bytes of digest {digest} are here.")
        return bytes(self._blobs.read(digest, row, f"blob {digest}", mapped=False))

    def keep_blob(self, digest: str, payload: bytes | bytearray) -> None:
        """Keep bytes that came from elsewhere.

        Raises:
            NotTrusted: they have another digest.
        """
        prepared = self._blobs.prepare(bytes(payload))
        if prepared.digest != digest:
            raise NotTrusted(
                f"{len(payload):,} bytes came with another digest than they should have; they "
                "were not kept.",
                hint="Is there a proxy in between that changes answers?",
            )
        with self._db.write() as db:
            self._blobs.insert(db, prepared)

    def begin_with(self, spec: PipelineSpec, beginning: Beginning) -> None:
        """Take on what a run starts from, so that :meth:`OpStore.start` gives just that; to be
        called after :meth:`wipe`, when the blobs are here.

        Raises:
            BlobMissing: one is not.
        """
        with self._db.write() as db:
            seq = versions.add_news(db, "save", spec.name, None, None)
            versions.record_class_level(db, spec)
            ids = [
                _take(db, self._signer, spec.name, one, seq) for one in beginning.versions
            ]  # all of them first: they stand in each other's lineages
            for version_id, one in zip(ids, beginning.versions, strict=True):
                for lineage in one["lineages"]:
                    links = [_link_from_json(link) for link in lineage]
                    add_lineage(db, version_id, link_rows(db, links))

    def left_by(self, pipeline: str, run_id: str) -> RunRecord:
        """What a run left, states included.

        Raises:
            RunNotFound: the pipeline has no such run.
        """
        with self._db.read() as db:
            seq = runs.find_run(db, pipeline, run_id)
            found = db.execute(
                "SELECT version, learned FROM run_versions WHERE run = ? ORDER BY version", (seq,)
            ).fetchall()
            rows = [(versions.by_id(db, version), bool(learned)) for version, learned in found]
            lineages = {row.id: _last_lineage(db, row.id) for row, learned in rows if learned}
        return RunRecord(
            run_id=run_id,
            learned=tuple(self._learned(row, lineages[row.id]) for row, learned in rows if learned),
            after={row.op: row.version for row, _ in rows},
        )

    def _learned(self, row: versions.Row, lineage: tuple[Link, ...] | None) -> Learned:
        assert row.class_version is not None
        return Learned(
            op=row.op,
            version=row.version,
            class_version=row.class_version,
            level=VersionType(row.level),
            fingerprint=row.fingerprint or "",
            payload=bytes(self.read(row.op, row.version)),
            lineage=lineage if row.kind == "fitted" else None,
            fitted=row.kind != "carried",
            learned=datetime.fromisoformat(
                row.facts.get("learned") or versions.timestamp(row.version.created)
            ),
            facts=row.facts,
        )


def _version_to_json(db: Database, signer: Signer, ref: StateRef) -> dict[str, Any]:
    row = find_version(db, ref.op, ref.version)
    return {
        "op": row.op,
        "version": str(row.version),
        "class_version": str(row.class_version),
        "kind": row.kind,
        "level": row.level,
        "fingerprint": row.fingerprint,
        "blob": signed_state(signer, row),
        "facts": row.facts,
        "lineages": [
            [_link_to_json(link) for link in _links(db, lineage)]
            for (lineage,) in db.execute(
                "SELECT id FROM lineages WHERE version = ? ORDER BY id", (row.id,)
            ).fetchall()
        ],
    }


def _take(db: Database, signer: Signer, pipeline: str, one: Mapping[str, Any], seq: int) -> int:
    """Record a version from elsewhere as the newest of its op."""
    version, line = Version.parse(one["version"]), Version.parse(one["class_version"])
    if Blobs.row(db, one["blob"]) is None:
        raise BlobMissing(f"The bytes of {one['op']} {version} have not come.", op=one["op"])
    version_id = known(db, one["op"], version)
    db.execute(
        "UPDATE versions SET kind = ?, class_major = ?, class_minor = ?, class_patch = ?, "
        "level = ?, fingerprint = ?, blob = ?, signature = ?, facts = ?, pipeline = ?, named = ? "
        "WHERE id = ?",
        (
            one["kind"],
            *line.digests,
            one["level"],
            one["fingerprint"],
            one["blob"],
            signer.sign("state", one["op"], ".".join(version.digests), one["blob"]),
            versions.to_json(one["facts"]),
            pipeline,
            seq,
            version_id,
        ),
    )
    return version_id


def _last_lineage(db: Database, version_id: int) -> tuple[Link, ...] | None:
    row = db.execute(
        "SELECT id FROM lineages WHERE version = ? ORDER BY id DESC LIMIT 1", (version_id,)
    ).fetchone()
    return None if row is None else _links(db, row[0])


def _links(db: Database, lineage: int) -> tuple[Link, ...]:
    rows = db.execute(
        "SELECT o.name, v.major, v.minor, v.patch, v.created, k.stateful FROM links k "
        "JOIN versions v ON v.id = k.upstream JOIN ops o ON o.id = v.op "
        "WHERE k.lineage = ? ORDER BY k.upstream",
        (lineage,),
    ).fetchall()
    return tuple(Link(op, versions.version_of(*version), bool(s)) for op, *version, s in rows)


def _link_to_json(link: Link) -> dict[str, Any]:
    return {"name": link.name, "version": str(link.version), "stateful": link.stateful}


def _link_from_json(link: Mapping[str, Any]) -> Link:
    return Link(link["name"], Version.parse(link["version"]), bool(link["stateful"]))
