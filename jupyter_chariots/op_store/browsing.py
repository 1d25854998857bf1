"""Looking at a store: ops, versions, differences, served sets; paged and by index."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from ..versioning.spec import PipelineSpec
from ..versioning.version import Version
from . import definitions, difference, history, newer, runs, served, versions
from .base import StoreBase
from .overview import Overview, overview
from .records import Definition, Loadable, OpInfo, Served, VersionInfo

__all__ = ["Browsing"]


class Browsing(StoreBase):
    """The part of the store that only looks.

    Pages hold ``limit`` entries; the cursor of the next page (``before``) is the ``id`` or ``seq``
    of the last entry of this one.
    """

    def ops(self, limit: int = 100, before: int | None = None) -> list[OpInfo]:
        """The ops that the store knows, the latest known first."""
        with self._db.read() as db:
            return history.ops(db, limit, before)

    def history(self, op: str, limit: int = 20, before: int | None = None) -> list[VersionInfo]:
        """The versions of an op that have state, candidates included, the latest first.

        Raises:
            OpNotFound: the store does not know the op.
        """
        with self._db.read() as db:
            return history.history(db, op, limit, before)

    def version_info(self, op: str, version: Version | str) -> VersionInfo:
        """One version (a number, a version, its string or its digests) with its provenance.

        Raises:
            OpNotFound, VersionNotFound: there is no such version.
        """
        with self._db.read() as db:
            return history.version_info(db, op, version)

    def newest(self, op: str, line: str) -> Version | None:
        """The version of a code line (class-level major) that the latest save names."""
        with self._db.read() as db:
            row = versions.newest(db, op, line)
        return None if row is None else row.version

    def diff(self, op: str, a: Version | str, b: Version | str) -> dict[str, Any]:
        """Just what differs between two versions of an op.

        Returns:
            Any of ``levels`` (names of the differing digests), ``state`` (the fingerprints),
            ``source`` (a unified diff), ``facts`` (dotted name → both values) and ``lineage``
            (upstream op → both versions); empty for equal versions.

        Raises:
            OpNotFound, VersionNotFound: there is no such version.
        """
        with self._db.read() as db:
            return difference.diff(db, op, a, b)

    def served_history(
        self,
        pipeline: str,
        start: datetime | None = None,
        end: datetime | None = None,
        limit: int = 100,
        before: int | None = None,
    ) -> list[Served]:
        """The sets that a pipeline served at some time from ``start`` to ``end`` (naive UTC),
        the latest first.
        """
        with self._db.read() as db:
            return history.served_history(db, pipeline, start, end, limit, before)

    def loadable(
        self,
        spec: PipelineSpec,
        chosen: Mapping[str, str],
        op: str,
        limit: int = 20,
        before: int | None = None,
    ) -> list[Loadable]:
        """The saved versions of an op, the latest save first, each with whether a load that pins
        it beside the ``chosen`` ones of other ops would succeed, or why not.
        """
        with self._db.read() as db:
            return history.loadable(db, spec, chosen, op, limit, before)

    def pipelines_that_fit(self, op: str) -> list[str]:
        """The pipelines that fit an op: served ones first, then the latest."""
        with self._db.read() as db:
            return [pipeline for pipeline, _ in definitions.pipelines_that_fit(db, op)]

    def definition(self, name: str) -> Definition:
        """The definition of a pipeline.

        Raises:
            PipelineNotFound: no such pipeline is registered.
            NotTrusted: this user did not sign it.
        """
        with self._db.read() as db:
            return definitions.definition(db, self._signer, name)

    def definitions(self) -> list[Definition]:
        """All definitions by name; those that this user did not sign have ``trusted=False``."""
        with self._db.read() as db:
            return definitions.definitions(db, self._signer)

    def overview(self, spec: PipelineSpec) -> Overview:
        """The current set of a pipeline, what of it is not saved, and what is newer."""
        with self._db.read() as db:
            return overview(db, spec)

    def current(self, spec: PipelineSpec | str) -> dict[str, Version]:
        """The versions left by the last committed run of a pipeline or by its last load, whichever
        is later; empty before either.
        """
        with self._db.read() as db:
            found = runs.current(db, _name(spec)) or {}
            return {op: versions.by_id(db, row).version for op, row in found.items()}

    def unsaved(self, spec: PipelineSpec | str) -> str | None:
        """The id of the run that left the current set, if it is not saved."""
        with self._db.read() as db:
            found = runs.unsaved(db, _name(spec))
            return None if found is None else found[1]

    def newer(self, spec: PipelineSpec) -> newer.Newer | None:
        """What was saved since the set that a pipeline serves, of the ops that it does not change
        itself, and the choice that loads it; ``None`` if it serves the newest. All counts as newer
        for a pipeline that serves nothing.
        """
        with self._db.read() as db:
            return newer.newer(db, spec)

    def served(self, pipeline: str) -> Served | None:
        """The latest served set of a pipeline. One with an ``until`` does not stand any more: the
        definition changed (see :meth:`carry_over`) or ended.
        """
        with self._db.read() as db:
            return served.latest(db, pipeline)


def _name(spec: PipelineSpec | str) -> str:
    return spec if isinstance(spec, str) else spec.name
