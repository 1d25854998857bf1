"""The methods of the op store that users of Chariots know, by their names there."""

from __future__ import annotations

from ..versioning.spec import PipelineSpec
from ..versioning.version import Version, VersionType
from . import definitions, linking, versions
from .base import StoreBase
from .imported import save_imported
from .pins import find_version

__all__ = ["Familiar"]


class Familiar(StoreBase):
    """Chariots' own names, on the present model of versions."""

    def get_all_versions_of_op(self, op: object) -> set[Version] | None:
        """All versions of an op (itself or its name) that have state; ``None`` if there are
        none.
        """
        with self._db.read() as db:
            rows = db.execute(
                "SELECT major, minor, patch, created FROM versions "
                "WHERE op = (SELECT id FROM ops WHERE name = ?) AND fingerprint IS NOT NULL",
                (_name(op),),
            )
            found = {versions.version_of(*row) for row in rows}
        return found or None

    def get_validated_links(self, desired_op: object, upstream_op: object) -> set[Version] | None:
        """The versions of ``upstream_op`` that versions of ``desired_op`` were trained on;
        ``None`` if there are none.
        """
        with self._db.read() as db:
            rows = db.execute(
                "SELECT DISTINCT v.major, v.minor, v.patch, v.created FROM versions d "
                "JOIN lineages l ON l.version = d.id JOIN links k ON k.lineage = l.id "
                "JOIN versions v ON v.id = k.upstream "
                "WHERE d.op = (SELECT id FROM ops WHERE name = ?) "
                "AND v.op = (SELECT id FROM ops WHERE name = ?)",
                (_name(desired_op), _name(upstream_op)),
            )
            found = {versions.version_of(*row) for row in rows}
        return found or None

    def register_valid_link(
        self,
        downstream_op: object,
        upstream_op: object,
        upstream_op_version: Version | str,
        downstream_op_version: Version | str | None = None,
        *,
        author: str = "",
        reason: str = "register_valid_link",
    ) -> None:
        """Accept a pair of versions by hand, as :meth:`OpStore.accept_link` does.

        The downstream version is by default the newest saved one; ``None`` as downstream op, the
        end of a pipeline, needs no link.
        """
        if downstream_op is None:
            return
        with self._db.write() as db:
            downstream = _name(downstream_op)
            if downstream_op_version is None:
                downstream_op_version = linking.newest_saved(db, downstream)
            linking.accept(
                db,
                find_version(db, _name(upstream_op), upstream_op_version),
                find_version(db, downstream, downstream_op_version),
                author,
                reason,
            )

    def save_op_bytes(
        self,
        op_to_save: object,
        version: Version,
        op_bytes: bytes,
        *,
        class_version: Version | None = None,
        level: VersionType = VersionType.MAJOR,
        who: str | None = None,
    ) -> str:
        """Save the bytes of an op under a version, as an imported model: what it was trained on
        is unknown. ``class_version``, the version without the state, is by default ``version``.

        Returns:
            The number of the version.
        """
        blob = self._blobs.prepare(op_bytes)
        with self._db.write() as db:
            return save_imported(
                db,
                self._signer,
                self._blobs,
                _name(op_to_save),
                version,
                blob,
                class_version=class_version or version,
                level=level,
                who=who,
            )

    def get_op_bytes_for_version(self, op: object, version: Version | str) -> bytes:
        """The bytes of a version; as :meth:`OpStore.read`."""
        return bytes(self.read(_name(op), version))

    def pipeline_exists(self, pipeline_name: str) -> bool:
        """Whether a pipeline of this name is registered."""
        with self._db.read() as db:
            return (
                db.execute(
                    "SELECT 1 FROM definitions WHERE name = ? AND retired = 0", (pipeline_name,)
                ).fetchone()
                is not None
            )

    def register_new_pipeline(self, pipeline: object) -> None:
        """Register a pipeline that this process runs; registering it again changes nothing."""
        spec = pipeline if isinstance(pipeline, PipelineSpec) else getattr(pipeline, "spec", None)
        if not isinstance(spec, PipelineSpec):
            raise TypeError(f"{pipeline!r} is neither a pipeline nor its specification.")
        with self._db.write() as db:
            definitions.register(
                db,
                self._signer,
                spec,
                owner="",
                source={"kind": "none"},
                who=None,
                replace=False,
                share=(),
            )

    def version_number(self, op: object, version: Version | str) -> str | None:
        """The readable number of a version, such as ``1.0.2``; ``None`` if it was never saved.

        Raises:
            OpNotFound, VersionNotFound: there is no such version.
        """
        with self._db.read() as db:
            return find_version(db, _name(op), version).number


def _name(op: object) -> str:
    name = op if isinstance(op, str) else getattr(op, "name", None)
    if not isinstance(name, str):
        raise TypeError(f"{op!r} is neither an op nor the name of one.")
    return name
