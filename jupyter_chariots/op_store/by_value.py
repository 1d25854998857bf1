"""Definitions that come with their code, as bytes that only a child process opens."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from ..errors import BlobMissing, NotTrusted, PipelineNotFound, Redefined
from ..versioning.spec import PipelineSpec
from . import definitions
from .base import StoreBase
from .blobs import Blobs, Prepared
from .database import Database
from .records import Definition
from .sealing import seal_header
from .signing import Signer

__all__ = ["USED", "ByValue"]

USED = (
    "SELECT json_extract(source, '$.blob') FROM definitions "
    "WHERE retired = 0 AND json_extract(source, '$.blob') IS NOT NULL"
)
"""The digests of the blobs that definitions need."""

# What of a header says in which kernel it was made, and nothing about what runs.
_INCIDENTAL = {"kernel_id", "kernel", "formerly"}


class ByValue(StoreBase):
    """The part of the op store that keeps definitions by value."""

    def register_by_value(
        self,
        specs: Sequence[PipelineSpec],
        data: Sequence[bytes],
        headers: Sequence[Mapping[str, Any]],
        *,
        owner: str,
        who: str | None = None,
        replace: bool = False,
        share: Collection[str] = (),
        replicas: int | None = None,
        formerly: Collection[str] = (),
    ) -> list[Definition]:
        """Record definitions that come with their code: all of them, or none.

        One whose code and header are as they were stays as it is, with the bytes that it has. Of
        the environment variables in a header only the names are kept in clear.

        Args:
            specs: the pipelines.
            data: their definitions as bytes.
            headers: where each can run, as JSON values.
            owner: the notebook that serves them.
            who: the user.
            replace: take the names over from another owner.
            share: stateful ops whose names this owner may use for other code, for good.
            replicas: how many processes shall answer the calls of each; no part of its version.
            formerly: other names that the notebook has had; what belongs to those moves along.

        Raises:
            NameTaken: as for :meth:`OpStore.register`; nothing was changed.
        """
        prepared = [self._blobs.prepare(one) for one in data]
        with self._db.write() as db:
            return [
                _register(
                    db,
                    self._signer,
                    self._blobs,
                    *one,
                    owner=owner,
                    who=who,
                    replace=replace,
                    share=share,
                    replicas=replicas,
                    formerly=formerly,
                )
                for one in zip(specs, prepared, headers, strict=True)
            ]

    def read_definition(self, pipeline: str, blob: str | None = None) -> bytes:
        """The bytes of a definition by value; its digest and signature were checked.

        Args:
            pipeline: its name.
            blob: the digest that they must have.

        Raises:
            PipelineNotFound: there is no such pipeline.
            Redefined: it is defined anew, or not by value.
            NotTrusted: this user did not sign it, or it was changed since.
            BlobMissing: the bytes are gone.
        """
        with self._db.read() as db:
            digest, row = _blob_of(db, self._signer, pipeline, blob)
        what = f"the definition of pipeline {pipeline!r}"
        return bytes(self._blobs.read(digest, row, what, mapped=False))


def _register(
    db: Database,
    signer: Signer,
    blobs: Blobs,
    spec: PipelineSpec,
    blob: Prepared,
    header: Mapping[str, Any],
    *,
    owner: str,
    who: str | None,
    replace: bool,
    share: Collection[str],
    replicas: int | None,
    formerly: Collection[str],
) -> Definition:
    """Record a definition; see :meth:`ByValue.register_by_value`."""
    old = _known(db, signer, spec.name)
    digest = blob.digest
    if old is not None and _same(old, spec, header) and Blobs.row(db, old.source["blob"]):
        # Two pickles of one definition differ from kernel to kernel: the first one stays.
        digest, header = old.source["blob"], old.source["header"]
        if old.owner == owner and old.replicas == replicas:
            return old
    else:
        blobs.insert(db, blob)
    source: dict[str, Any] = {
        "kind": "pickle",
        "blob": digest,
        "header": seal_header(signer, header),
    }
    if replicas is not None:
        source["replicas"] = replicas
    return definitions.register(
        db,
        signer,
        spec,
        owner=owner,
        source=source,
        who=who,
        replace=replace,
        share=share,
        formerly=formerly,
    )


def _blob_of(
    db: Database, signer: Signer, pipeline: str, wanted: str | None
) -> tuple[str, tuple[bytes | None, str | None]]:
    """Digest and row of the blob of a definition; see :meth:`ByValue.read_definition`."""
    digest = definitions.definition(db, signer, pipeline).source.get("blob")
    if digest is None or wanted not in (None, digest):
        raise Redefined(
            f"Pipeline {pipeline!r} was defined anew.", hint="Call it again.", pipeline=pipeline
        )
    row = Blobs.row(db, digest)
    if row is None:
        raise BlobMissing(
            f"The bytes of the definition of pipeline {pipeline!r} are gone.",
            hint="Serve the pipeline again.",
            pipeline=pipeline,
        )
    return digest, row


def _known(db: Database, signer: Signer, name: str) -> Definition | None:
    try:
        found = definitions.definition(db, signer, name)
    except (PipelineNotFound, NotTrusted):
        return None
    return found if found.source.get("kind") == "pickle" else None


def _same(old: Definition, spec: PipelineSpec, header: Mapping[str, Any]) -> bool:
    def facts(of: Mapping[str, Any]) -> dict[str, Any]:
        return {name: value for name, value in of.items() if name not in _INCIDENTAL}

    def packages(of: PipelineSpec) -> list[dict[str, str]]:
        return [dict(op.packages) for op in of.ops]

    return (
        old.digest == spec.digest
        and packages(old.spec) == packages(spec)
        and facts(old.source["header"]) == facts(header)
    )
