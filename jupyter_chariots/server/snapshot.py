"""Routes of the whole: the snapshot that panels show, and the description of all routes."""

from __future__ import annotations

from importlib.resources import files

from tornado import web

from .base import PIPELINES, ChariotsHandler, authorized

__all__ = ["OpenAPIHandler", "SnapshotHandler"]

_LONGEST_WAIT_S = 60


class SnapshotHandler(ChariotsHandler):
    """Everything that a panel shows."""

    _track_activity = False  # a panel that merely looks on must not keep an idle server alive

    @web.authenticated
    @authorized("read", resource=PIPELINES)
    async def get(self) -> None:
        """The snapshot; with ``since`` and ``wait``, as soon as there is something new."""
        since, state_since = self.number("since"), self.number("state_since")
        wait = self.number("wait", most=_LONGEST_WAIT_S)
        if since is not None and wait:
            await self.manager.feed.after(since, state_since, wait)
            await self.manager.feed.calm()
        self.answer(await self.overview.snapshot())


class OpenAPIHandler(ChariotsHandler):
    """The description of all routes."""

    _description: bytes | None = None

    @web.authenticated
    @authorized("read", resource=PIPELINES)
    async def get(self) -> None:
        """The description, as OpenAPI in YAML."""
        cls = OpenAPIHandler
        if cls._description is None:
            source = files(__package__) / "openapi.yaml"
            cls._description = await self.manager.store.run(source.read_bytes)
        self.finish(cls._description, set_content_type="application/yaml")
