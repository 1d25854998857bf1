"""Taking over a store that somebody else wrote."""

from __future__ import annotations

from . import definitions, versions
from .database import Database
from .signing import Signer

__all__ = ["sign_all"]


def sign_all(db: Database, signer: Signer) -> int:
    """Sign every state and definition that this user has not signed; gives their number."""
    signed = 0
    rows = db.execute("SELECT id FROM versions WHERE blob IS NOT NULL").fetchall()
    for (version_id,) in rows:
        row = versions.by_id(db, version_id)
        what = ("state", row.op, ".".join(row.version.digests), row.blob or "")
        if not signer.accepts(row.signature, *what):
            db.execute(
                "UPDATE versions SET signature = ? WHERE id = ?",
                (signer.sign(*what), version_id),
            )
            signed += 1
    for definition in definitions.definitions(db, signer):
        if not definition.trusted:
            definitions.sign_definition(db, signer, definition.name)
            signed += 1
    return signed
