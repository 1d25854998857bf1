"""Requests to the server, wherever it is now: what all parts of the client are made of."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode

from ..errors import NotAuthenticated, ServerNotFound
from ..formats import JSON, Body
from ..pipelines.pipeline import Pipeline
from .addresses import segment
from .answers import decode
from .connection import Connection
from .discovery import find
from .screen import Screen
from .values import encode

__all__ = ["Requests", "name_of", "path_of"]

_PAGE = 1000


class Requests:
    """Sends requests to the server that it finds at the first of them.

    Args:
        backend_url: address of the server; found if not given.
        token: credential for it.
        timeout: seconds to wait for an answer; ``None`` waits as long as it takes.
    """

    def __init__(
        self,
        backend_url: str | None = None,
        token: str | None = None,
        *,
        timeout: float | None = None,
    ) -> None:
        self._given = backend_url, token
        self._timeout = timeout
        self._connection: Connection | None = None
        self._own_runs: dict[str, str] = {}  # the last run of each pipeline that is not saved yet

    def close(self) -> None:
        """Close the kept connection of this thread; the next request opens another one."""
        if self._connection is not None:
            self._connection.close()

    def __repr__(self) -> str:
        if self._connection is not None:
            return f"<PipelinesClient of {self._connection.address.url}>"
        return "<PipelinesClient, not yet connected>"

    def _pages(self, path: str, limit: int | None, **query: Any) -> list[dict[str, Any]]:
        """The items of a list that the server gives page by page."""
        items: list[dict[str, Any]] = []
        before = None
        while limit is None or len(items) < limit:
            wanted = _PAGE if limit is None else min(_PAGE, limit - len(items))
            page = self._get(path, limit=wanted, before=before, **query)
            items += page["items"]
            before = page["next"]
            if before is None:
                break
        return items

    def _get(self, path: str, **query: Any) -> Any:
        asked = {name: value for name, value in query.items() if value is not None}
        return self._request(
            "GET", f"{path}?{urlencode(asked, errors='replace')}" if asked else path
        )

    def _post(self, path: str, fields: Mapping[str, Any], *, repeatable: bool = False) -> Any:
        body = encode({name: value for name, value in fields.items() if value is not None})
        return self._request("POST", path, body, {"Content-Type": JSON}, repeatable=repeatable)

    def _request(
        self,
        method: str,
        path: str,
        body: Body | None = None,
        headers: Mapping[str, str] | None = None,
        *,
        repeatable: bool = True,
        screen: Screen | None = None,
    ) -> Any:
        known = self._connection
        try:
            return self._send(method, path, body, headers, repeatable, screen)
        except (ServerNotFound, NotAuthenticated) as error:
            if known is None or not self._moved(known):
                raise error
        return self._send(method, path, body, headers, repeatable, screen)

    def _send(
        self,
        method: str,
        path: str,
        body: Body | None,
        headers: Mapping[str, str] | None,
        repeatable: bool,
        screen: Screen | None,
    ) -> Any:
        connection = self._connection or self._connect()
        answer = connection.request(
            method, path, body, headers, repeatable=repeatable, screen=screen
        )
        return decode(answer, connection.address)

    def _moved(self, known: Connection) -> bool:
        """Whether the server was started again, at another port or with another credential."""
        try:
            return self._connect().address != known.address
        except ServerNotFound:
            return False

    def _connect(self) -> Connection:
        self._connection = Connection(find(*self._given), self._timeout)
        return self._connection

    @staticmethod
    def _warn(answer: Any) -> None:
        for text in answer.get("warnings", ()):
            warnings.warn(str(text), UserWarning, stacklevel=3)


def name_of(pipeline: Pipeline | str) -> str:
    """The name of a pipeline that may be given by it."""
    return pipeline if isinstance(pipeline, str) else pipeline.name


def path_of(pipeline: Pipeline | str, action: str = "") -> str:
    """The route of a pipeline, or of something about it."""
    path = f"/pipelines/{segment(name_of(pipeline))}"
    return f"{path}/{action}" if action else path
