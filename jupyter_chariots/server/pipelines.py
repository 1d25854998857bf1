"""Routes of pipelines: call, load, save, look."""

from __future__ import annotations

from tornado import web

from ..op_store import OpStore
from .base import PIPELINES, STORE, VERSION_ERROR, ChariotsHandler, authorized
from .metrics import CALLS, SECONDS
from .views import loadable_view, page_view

__all__ = [
    "AvailablePipelinesHandler",
    "HealthCheckHandler",
    "LoadHandler",
    "LoadableHandler",
    "MainHandler",
    "PipelineHandler",
    "PipelineHealthCheckHandler",
    "PipelinesHandler",
    "SaveHandler",
    "ServedHandler",
    "VersionsHandler",
]


class MainHandler(ChariotsHandler):
    """Calls of a pipeline: bytes in, bytes out; nothing is decoded here."""

    _called: str | None = None

    @web.authenticated
    @authorized("execute", resource=PIPELINES)
    async def post(self, name: str) -> None:
        """Run the pipeline on the input in the body."""
        pipeline = await self.manager.pipeline(name)
        self._called = name
        self.finish(await pipeline.call(self.request.body, self.who))

    def on_finish(self) -> None:
        """Count the call, if it was one."""
        if self._called:
            CALLS.labels(self._called, self.get_status()).inc()
            SECONDS.labels(self._called).observe(self.request.request_time())
        super().on_finish()


class LoadHandler(ChariotsHandler):
    """What a pipeline serves from now on."""

    @web.authenticated
    @authorized("write", resource=PIPELINES)
    async def post(self, name: str) -> None:
        """Load the newest versions that fit, or the chosen ones."""
        versions = self.fields(versions=dict).get("versions")
        pipeline = await self.manager.pipeline(name)
        warnings = await pipeline.load(versions, self.who)
        self.answer({"warnings": warnings} if warnings else {})


class SaveHandler(ChariotsHandler):
    """Makes the result of a run the newest."""

    @web.authenticated
    @authorized("write", resource=PIPELINES)
    async def post(self, name: str) -> None:
        """Save what the last run left, or what the named run left."""
        fields = self.fields(run_id=str, force=bool)
        pipeline = await self.manager.pipeline(name)
        force = fields.get("force", False)
        await pipeline.save(fields.get("run_id"), force=force, who=self.who)
        self.answer({})


class VersionsHandler(ChariotsHandler):
    """Versions of the nodes of a pipeline: those of its current set."""

    @web.authenticated
    @authorized("read", resource=PIPELINES)
    async def get(self, name: str) -> None:
        """The version of each node."""
        pipeline = await self.manager.pipeline(name)
        self.answer(await pipeline.versions())

    @web.authenticated
    @authorized("read", resource=PIPELINES)
    async def post(self, name: str) -> None:
        """The same; clients of Chariots ask by POST."""
        self.fields()
        pipeline = await self.manager.pipeline(name)
        self.answer(await pipeline.versions())


class PipelineHealthCheckHandler(ChariotsHandler):
    """Whether a call would find everything that it needs."""

    @web.authenticated
    @authorized("read", resource=PIPELINES)
    async def get(self, name: str) -> None:
        """200 when the pipeline is loaded, else 419."""
        health = await self.manager.health(name)
        if not health["is_loaded"]:
            self.set_status(VERSION_ERROR, "Not Loaded")
        self.answer(health)


class HealthCheckHandler(ChariotsHandler):
    """The health of all pipelines."""

    @web.authenticated
    @authorized("read", resource=PIPELINES)
    async def get(self) -> None:
        """Which pipelines are loaded."""
        self.answer(await self.manager.loaded())


class AvailablePipelinesHandler(ChariotsHandler):
    """The names of the pipelines."""

    @web.authenticated
    @authorized("read", resource=PIPELINES)
    async def get(self) -> None:
        """Names of all pipelines that this server serves."""
        await self.manager.started()
        self.answer(list(self.manager.pipelines))


class PipelinesHandler(ChariotsHandler):
    """All pipelines."""

    @web.authenticated
    @authorized("read", resource=PIPELINES)
    async def get(self) -> None:
        """Graph, schema, state and versions of each pipeline."""
        self.answer(await self.manager.views())


class PipelineHandler(ChariotsHandler):
    """One pipeline."""

    @web.authenticated
    @authorized("read", resource=PIPELINES)
    async def get(self, name: str) -> None:
        """Its graph, schema, state and versions."""
        self.answer(await self.manager.view(name))


class LoadableHandler(ChariotsHandler):
    """What could be loaded into a pipeline."""

    @web.authenticated
    @authorized("read", resource=STORE)
    async def get(self, name: str) -> None:
        """The versions of its ops, and whether each goes with those chosen in the query."""
        own = ("of", "limit", "before", "token", "no_track_activity")
        asked = set(self.request.query_arguments) - {*own}
        chosen = {op: self.get_query_argument(op) for op in asked}
        of = self.get_query_argument("of", None)
        pipeline = await self.manager.pipeline(name)
        store, page = self.manager.store, self.page()
        self.answer(await store(loadable_view, pipeline.spec, chosen, of, **page))


class ServedHandler(ChariotsHandler):
    """Who was served what, when."""

    @web.authenticated
    @authorized("read", resource=STORE)
    async def get(self, name: str) -> None:
        """The sets of versions that were served between two times, newest first."""
        start, end = self.time("from"), self.time("to")
        page = self.page()
        await self.manager.pipeline(name)
        rows = await self.manager.store(OpStore.served_history, name, start, end, **page)
        self.answer(page_view(rows, page["limit"], "seq"))
