"""Everything that panels show."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Any

from ..errors import ChariotsError
from ..op_store import OpStore
from ..versioning.version import now
from .manager import PipelineManager
from .serving import ServedPipeline
from .views import graph_view, refusal_view, schema_view, stored_view

__all__ = ["PROTOCOL", "Overview"]

PROTOCOL = 1
"""Number of the protocol between server and panels: a panel of another one may look, not act."""


class Overview:
    """Puts together what the server and what the store know.

    Args:
        manager: of the pipelines.
        release: of this package.
    """

    def __init__(self, manager: PipelineManager, release: str) -> None:
        self._manager, self._release = manager, release
        self._since = now()
        self._stored: dict[str, Any] = {}  # by pipeline: what it is an answer for, and the answer

    async def view(self, name: str) -> dict[str, Any]:
        """All about one pipeline.

        Raises:
            PipelineNotFound: there is none.
        """
        manager = self._manager
        await manager.started()
        if name in manager.refused:
            return _refused_view(name, manager.refused[name])
        entry = await manager.pipeline(name)
        served = entry.loading.served.versions if entry.loading.served else {}

        def look(store: OpStore) -> dict[str, Any]:
            schema = schema_view(store, entry.spec, served)
            about = {"input_schema": schema, "op_store": str(store.path)}
            return {**stored_view(store, entry.spec), **about}

        return {**entry.summary(), **await manager.store(look), "graph": graph_view(entry.spec)}

    async def views(self) -> list[dict[str, Any]]:
        """All about each pipeline, by name."""
        manager = self._manager
        await manager.started()
        return [await self.view(name) for name in sorted({*manager.pipelines, *manager.refused})]

    async def snapshot(self) -> dict[str, Any]:
        """Everything that a panel shows."""
        manager = self._manager
        starting, entries = manager.is_starting, manager.entries
        local = {entry.name: entry.summary() for entry in entries}
        # read before what it numbers: a panel that comes back with it misses nothing
        seq, state_seq = manager.feed.seq, manager.feed.state_seq
        jobs: dict[str, Any] = {"jobs": [], "job_counts": {}}
        if manager.feed.is_open:
            jobs = await manager.jobs.overview()
        more = await self._stored_views(entries)
        pipelines = [{**local[name], **more[name]} for name in local]
        pipelines += [_refused_view(name, error) for name, error in manager.refused.items()]
        return {
            "protocol": PROTOCOL,
            "seq": seq,
            "state_seq": state_seq,
            "server": {"release": self._release, "pid": os.getpid(), "since": str(self._since)},
            "starting": starting,
            "pipelines": sorted(pipelines, key=lambda view: str(view["name"])),
            "failures": [failure.payload() for failure in manager.failures],
            **jobs,
        }

    async def _stored_views(self, entries: Sequence[ServedPipeline]) -> dict[str, Any]:
        """What the store says of each pipeline; it is asked again when it has changed."""
        wanted = [
            (entry.spec, (entry.definition.seq, entry.loading.served and entry.loading.served.seq))
            for entry in entries
        ]
        known = self._stored

        def look(store: OpStore) -> dict[str, Any]:
            seq = store.sequence(jobs=False)  # before what it numbers
            found = {}
            for spec, what in wanted:
                key, view = known.get(spec.name, (None, None))
                fresh = (seq, what)
                found[spec.name] = fresh, view if key == fresh else stored_view(store, spec)
            return found

        self._stored = await self._manager.store(look) if entries else {}
        return {name: view for name, (_, view) in self._stored.items()}


def _refused_view(name: str, error: ChariotsError) -> dict[str, Any]:
    return {"name": name, "state": "failed", **refusal_view(error)}
