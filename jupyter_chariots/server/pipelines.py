"""Routes of pipelines: call, load, save, look."""

from __future__ import annotations

import asyncio
import os
import time
from typing import Any

from jupyter_core.utils import ensure_async
from tornado import web

from ..errors import BadRequest
from ..op_store import OpStore
from .base import KERNELS, PIPELINES, STORE, VERSION_ERROR, ChariotsHandler, authorized
from .bundles import read_bundle
from .calling import Calling
from .views import loadable_view, page_view

__all__ = [
    "LINES",
    "MOST_LINES",
    "AvailablePipelinesHandler",
    "HealthCheckHandler",
    "LoadHandler",
    "LoadableHandler",
    "LogHandler",
    "MainHandler",
    "NotebooksHandler",
    "PipelineHandler",
    "PipelineHealthCheckHandler",
    "PipelinesHandler",
    "SaveHandler",
    "ServedHandler",
    "VersionsHandler",
]

LINES = 200
MOST_LINES = 10_000
_LONGEST_WAIT_S = 60
_LOOK_S = 0.25


class MainHandler(ChariotsHandler, Calling):
    """Calls of a pipeline, with all that Jupyter asks."""

    @web.authenticated
    @authorized("execute", resource=PIPELINES)
    async def post(self, name: str) -> None:
        """Run the pipeline on the input in the body."""
        if self.token_authenticated:
            headers = {k: v for k, v in self._headers.get_all() if k != "Date"}
            self.app.permits.grant(self.request, self.current_user, headers)
        await self.call(name)


class LoadHandler(ChariotsHandler):
    """What a pipeline serves from now on."""

    @web.authenticated
    @authorized("write", resource=PIPELINES)
    async def post(self, name: str) -> None:
        """Load the newest versions that fit, or the chosen ones."""
        versions = self.fields(versions=dict).get("versions")
        pipeline = await self.manager.pipeline(name)
        warnings = await pipeline.loading.load(versions, self.who)
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
        self.answer(await self.overview.views())

    @web.authenticated
    @authorized("execute", resource=PIPELINES)
    @authorized("execute", resource=KERNELS)
    async def post(self) -> None:
        """Serve what a notebook sends; to define is to run code, as in a kernel."""
        await self.manager.started()
        bundle = await self.manager.store.run(read_bundle, self.request.body)
        header = bundle.header
        owner = await self._notebook(header["kernel_id"]) or header["notebook"] or "__main__"
        served = await self.manager.notebooks.serve(bundle, owner, self.who)
        self.answer({"pipelines": served})

    async def _notebook(self, kernel_id: str | None) -> str | None:
        """The notebook whose kernel this is, under the name that it has now."""
        sessions: Any = self.settings.get("session_manager")
        if kernel_id is None or sessions is None:
            return None
        for session in await ensure_async(sessions.list_sessions()):
            if session["kernel"]["id"] == kernel_id and session["type"] == "notebook":
                root = str(self.app.serverapp.root_dir)
                return os.path.abspath(os.path.join(root, session["path"].lstrip("/")))
        return None


class NotebooksHandler(ChariotsHandler):
    """Notebooks whose cells define pipelines."""

    @web.authenticated
    @authorized("execute", resource=PIPELINES)
    @authorized("execute", resource=KERNELS)
    async def post(self) -> None:
        """Serve what the tagged cells of a notebook define, if its user trusts them."""
        fields = self.fields(path=str, replace=bool)
        if "path" not in fields:
            raise BadRequest("The field 'path' is missing.", field="path")
        await self.manager.started()
        serve = self.manager.apps.serve
        served = await serve(fields["path"], self.who, replace_names=fields.get("replace", False))
        self.answer({"pipelines": served})


class PipelineHandler(ChariotsHandler):
    """One pipeline."""

    @web.authenticated
    @authorized("read", resource=PIPELINES)
    async def get(self, name: str) -> None:
        """Its graph, schema, state and versions."""
        self.answer(await self.overview.view(name))

    @web.authenticated
    @authorized("write", resource=PIPELINES)
    async def delete(self, name: str) -> None:
        """Serve it no more; its versions and its history stay."""
        await self.manager.started()
        await self.manager.notebooks.unserve(name, self.who)
        self.answer({})


class LogHandler(ChariotsHandler):
    """What the processes of a pipeline have printed."""

    _track_activity = False  # who follows a log does nothing that an idle server must wait for

    @web.authenticated
    @authorized("read", resource=PIPELINES)
    async def get(self, name: str) -> None:
        """The last lines, or what came after an offset, with ``wait`` as soon as it comes."""
        lines = self.number("lines", most=MOST_LINES)
        after = self.get_query_argument("after", None)
        wait = self.number("wait", most=_LONGEST_WAIT_S) or 0
        end = time.monotonic() + (wait if after else 0)
        while True:
            page = await self.manager.log(name, LINES if lines is None else lines, after)
            if page.text or time.monotonic() > end:
                break
            await asyncio.sleep(_LOOK_S)  # processes write it by themselves, and tell nobody
        self.answer({"text": page.text, "offset": page.offset})


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
