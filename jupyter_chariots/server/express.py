"""The shortest way of a call that was let in: without a handler, where none is needed.

A handler of tornado's takes a quarter of this process's time for a call. So the plain ones of those
that :mod:`.lean` lets in, JSON in and JSON out, are answered as tornado delivers them. Only their
good answers are made here: whatever else comes up goes to :class:`LeanMainHandler`, which knows
all of it.
"""

from __future__ import annotations

import asyncio
import time
from datetime import datetime, timezone
from functools import lru_cache
from typing import Any

import tornado
from jupyter_server.prometheus.log_functions import prometheus_log_method
from tornado import web
from tornado.httputil import (
    HTTPHeaders,
    HTTPMessageDelegate,
    HTTPServerRequest,
    ResponseStartLine,
    format_timestamp,
)
from tornado.routing import Router

from .. import formats
from ..errors import Cancelled, Redefined
from ..workers.envelope import becomes_job, says_more
from .calling import CALL_ID, OUTPUT
from .lean import LeanMainHandler, shows_debug
from .permits import Permit
from .serving import ServedPipeline

__all__ = ["Express", "Ways"]

_SERVER = f"TornadoServer/{tornado.version}"
_OK = ResponseStartLine("", 200, "OK")


class Ways(Router):
    """Where a request goes that has a permit: to :class:`Express`, or to a handler.

    Args:
        application: of the Jupyter server.
        app: the extension.
    """

    def __init__(self, application: web.Application, app: Any) -> None:
        self._application, self._app = application, app

    def find_handler(self, request: HTTPServerRequest, **params: Any) -> HTTPMessageDelegate:
        """Who answers; ``params`` are those of :class:`Permitted`."""
        if self._is_plain(request):
            return Express(self._application, self._app, request, params)
        return self._application.get_handler_delegate(request, LeanMainHandler, **params)

    def _is_plain(self, request: HTTPServerRequest) -> bool:
        headers = request.headers
        return (
            CALL_ID not in headers
            and OUTPUT not in headers
            and formats.is_json(headers.get("Content-Type", ""))
            and not formats.preferred(headers.get("Accept", ""))
            and not self._application.transforms  # answers are compressed
            and not shows_debug(self._app.log)  # each request is to be logged
        )


class _Failed(LeanMainHandler):
    """Answers for a call that has ended with an error."""

    def initialize(self, error: Exception, called: ServedPipeline | None) -> None:
        self._error, self._called = error, called
        self.cancelled = isinstance(error, Cancelled)

    def prepare(self) -> None:
        """It was let in before it ran."""

    async def post(self, name: str) -> None:
        """Raise what it ended with."""
        raise self._error


class Express(HTTPMessageDelegate):
    """One call, as tornado delivers it.

    Args:
        application: of the Jupyter server.
        app: the extension.
        request: without its body.
        params: what a handler would be given.
    """

    def __init__(
        self,
        application: web.Application,
        app: Any,
        request: HTTPServerRequest,
        params: dict[str, Any],
    ) -> None:
        self.request = request
        self._application, self._app, self._params = application, app, params
        self._permit: Permit = params["target_kwargs"]["permit"]
        self._parts: list[bytes] = []
        self._called: ServedPipeline | None = None
        self._task: asyncio.Task[None] | None = None

    def data_received(self, chunk: bytes) -> None:
        """A part of the body."""
        self._parts.append(chunk)

    def finish(self) -> None:
        """The body is complete: answer."""
        body = b"".join(self._parts)
        late = not self._app.permits.in_time(self._permit)
        if late or len(body) > self._app.max_body_size or says_more(body):
            self._hand_over(LeanMainHandler)
            return
        self._connection.set_close_callback(self._cancel)
        self._task = asyncio.ensure_future(self._answer(body))

    @property
    def _connection(self) -> Any:
        return self.request.connection

    def _cancel(self) -> None:
        """Nobody waits for the answer any more."""
        task, self._task = self._task, None
        if task:
            task.cancel()

    def _hand_over(self, handler: type[LeanMainHandler], **more: Any) -> None:
        """Let a handler answer, as if the request had just come."""
        params = {**self._params, "target_kwargs": {**self._params["target_kwargs"], **more}}
        delegate = self._application.get_handler_delegate(self.request, handler, **params)
        delegate.data_received(b"".join(self._parts))
        delegate.finish()

    async def _answer(self, body: bytes) -> None:
        (raw,) = self._params["path_args"]
        name = raw.decode()
        try:
            pipeline = await self._app.manager.pipeline(name)
            settings = (self._app.use_workers, pipeline.spec.use_worker)
            if pipeline.spec.changes or becomes_job(*settings):
                self._hand_over(LeanMainHandler)
                return
            self._called = pipeline
            who = self._app.identity.name_of(self._permit.user)
            header, content = await pipeline.call(body, who)
        except Redefined:  # in the middle of a start: nothing has run yet
            self._hand_over(LeanMainHandler)
        except asyncio.CancelledError:
            error = Cancelled(
                f"The call of pipeline {name!r} was cancelled; nothing was saved.", pipeline=name
            )
            self._hand_over(_Failed, error=error, called=self._called)
        except Exception as error:
            self._hand_over(_Failed, error=error, called=self._called)
        else:
            self._write(header.get("content_type", formats.JSON), bytes(content))
            self._count(pipeline)

    def _write(self, kind: str, body: bytes) -> None:
        headers = HTTPHeaders(
            {
                "Server": _SERVER,
                "Date": _date(int(time.time())),
                **self._permit.headers,
                "Content-Type": kind,
                "Content-Length": str(len(body)),
            }
        )
        self._connection.set_close_callback(None)
        self._connection.write_headers(_OK, headers, body)
        self._connection.finish()

    def get_status(self) -> int:
        """Of the answer, for Jupyter's metrics."""
        return _OK.code

    def _count(self, pipeline: ServedPipeline) -> None:
        self._application.settings["api_last_activity"] = datetime.now(timezone.utc)
        if self._app.serverapp.record_http_request_metrics:
            prometheus_log_method(self)  # type: ignore[no-untyped-call]
        pipeline.calls.answered(_OK.code, self.request.request_time())


@lru_cache(1)
def _date(second: int) -> str:
    return format_timestamp(second)
