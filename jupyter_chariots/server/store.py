"""Routes of the op store: ops, their versions, and what differs between two."""

from __future__ import annotations

from tornado import web

from ..op_store import OpStore
from .base import STORE, ChariotsHandler, authorized
from .views import page_view, plain

__all__ = ["DiffHandler", "OpVersionHandler", "OpVersionsHandler", "OpsHandler"]


class OpsHandler(ChariotsHandler):
    """The ops with state."""

    @web.authenticated
    @authorized("read", resource=STORE)
    async def get(self) -> None:
        """All ops that the store knows."""
        page = self.page()
        await self.manager.started()
        rows = await self.manager.store(OpStore.ops, **page)
        self.answer(page_view(rows, page["limit"], "id"))


class OpVersionsHandler(ChariotsHandler):
    """The versions of one op."""

    @web.authenticated
    @authorized("read", resource=STORE)
    async def get(self, op: str) -> None:
        """Its versions with their provenance, newest first."""
        page = self.page()
        await self.manager.started()
        rows = await self.manager.store(OpStore.history, op, **page)
        self.answer(page_view(rows, page["limit"], "id"))


class OpVersionHandler(ChariotsHandler):
    """One version of an op."""

    @web.authenticated
    @authorized("read", resource=STORE)
    async def get(self, op: str, version: str) -> None:
        """Its provenance and what it was trained on."""
        await self.manager.started()
        self.answer(plain(await self.manager.store(OpStore.version_info, op, version)))


class DiffHandler(ChariotsHandler):
    """Two versions of one op, side by side."""

    @web.authenticated
    @authorized("read", resource=STORE)
    async def get(self, op: str) -> None:
        """What differs between the versions ``a`` and ``b``, and nothing else."""
        a, b = self.required("a"), self.required("b")
        await self.manager.started()
        self.answer(plain(await self.manager.store(OpStore.diff, op, a, b)))
