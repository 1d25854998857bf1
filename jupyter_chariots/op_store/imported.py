"""Models whose training is unknown."""

from __future__ import annotations

from ..versioning.spec import Learned, PipelineSpec
from ..versioning.version import Version, VersionType
from . import runs, saves, versions
from .blobs import Blobs, Prepared
from .database import Database
from .signing import Signer

__all__ = ["save_imported"]


def save_imported(
    db: Database,
    signer: Signer,
    blobs: Blobs,
    op: str,
    version: Version,
    blob: Prepared,
    *,
    class_version: Version,
    level: VersionType,
    who: str | None,
) -> str:
    """Record and name a version whose training is unknown; gives its number."""
    blobs.insert(db, blob)
    learned = Learned(
        op=op,
        version=version,
        class_version=class_version,
        level=level,
        fingerprint=blob.digest,
        payload=b"",
        lineage=None,
        fitted=True,
        learned=version.created,
    )
    versions.class_level(db, op, class_version)
    row = runs.insert_version(db, signer, PipelineSpec("", (), ()), learned, blob.digest, who, "")
    return saves.name_version(db, row, versions.add_news(db, "save", None, who, None))
