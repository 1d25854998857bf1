"""Bodies that are too large: they are refused while they come, and never kept.

tornado keeps a body until all of it is here, and only then asks the handler; one that is larger
than ``ServerApp.max_body_size`` it breaks off with a bare 400. So what is too large goes to a
handler of its own: at once where the request says how large it is, else as soon as too much has
come.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Awaitable
from typing import Any

from tornado import web
from tornado.httputil import (
    HTTPHeaders,
    HTTPMessageDelegate,
    HTTPServerRequest,
    RequestStartLine,
    ResponseStartLine,
)
from tornado.routing import PathMatches, Router

from ..errors import ChariotsError, NotAuthenticated, TooLarge
from .base import ChariotsHandler

__all__ = ["Bodies", "Bounded"]

_PATIENCE_S = 60.0  # a client that is still sending then may not see why it was broken off
_NO_LENGTH = "Transfer-Encoding"


class Bounded(PathMatches):
    """Matches the requests whose body is, or may turn out to be, larger than is accepted.

    Args:
        pattern: of the paths.
        limit: bytes that a body may have.
    """

    def __init__(self, pattern: str, limit: int) -> None:
        super().__init__(pattern)
        self.limit = limit
        self.passing = False  # the request is on its way to its own handler

    def match(self, request: HTTPServerRequest) -> dict[str, Any] | None:
        """No arguments, or ``None``."""
        length = request.headers.get("Content-Length", "")
        large = length.isascii() and length.isdigit() and len(length) < 20
        if self.passing or not (
            (large and int(length) > self.limit) or _NO_LENGTH in request.headers
        ):
            return None
        return None if super().match(request) is None else {}


class Bodies(Router):
    """Leads the requests that :class:`Bounded` matches to their handlers, or to the one that
    refuses them.

    Args:
        application: of the server.
        matcher: has matched them.
        app: the extension.
    """

    def __init__(self, application: web.Application, matcher: Bounded, app: Any) -> None:
        self._application, self._matcher, self._app = application, matcher, app

    def find_handler(self, request: HTTPServerRequest, **_: Any) -> HTTPMessageDelegate | None:
        """Takes the request as it comes."""
        if _NO_LENGTH not in request.headers:
            return self.refusing(request)
        self._matcher.passing = True
        try:
            own = self._application.find_handler(request)
        finally:
            self._matcher.passing = False
        return own and _Counting(own, self, request, self._matcher.limit)

    def refusing(self, request: HTTPServerRequest) -> HTTPMessageDelegate:
        """Refuses the request."""
        set_limit = getattr(request.connection, "set_max_body_size", None)
        if set_limit:  # else it would be broken off, with an answer that is not ours
            set_limit(sys.maxsize)
        given = {"name": self._app.name, "limit": self._matcher.limit}
        return self._application.get_handler_delegate(request, _TooLargeHandler, given)


class _Counting(HTTPMessageDelegate):
    """Passes a request on as long as its body is not too large."""

    def __init__(
        self, to: HTTPMessageDelegate, bodies: Bodies, request: HTTPServerRequest, limit: int
    ) -> None:
        self._to, self._bodies, self._request, self._left = to, bodies, request, limit
        self._start: tuple[RequestStartLine | ResponseStartLine, HTTPHeaders]

    def headers_received(
        self, start_line: RequestStartLine | ResponseStartLine, headers: HTTPHeaders
    ) -> Awaitable[None] | None:
        self._start = start_line, headers
        return self._to.headers_received(start_line, headers)

    def data_received(self, chunk: bytes) -> Awaitable[None] | None:
        before, self._left = self._left, self._left - len(chunk)
        if self._left >= 0:
            return self._to.data_received(chunk)
        if before < 0:
            return None  # it is being refused
        self._to.on_connection_close()  # which drops what has come
        self._to = self._bodies.refusing(self._request)
        return self._to.headers_received(*self._start)

    def finish(self) -> None:
        self._to.finish()

    def on_connection_close(self) -> None:
        self._to.on_connection_close()


@web.stream_request_body
class _TooLargeHandler(ChariotsHandler):
    """Lets a body pass by, and says that it is too large.

    It is let pass because a connection that is closed while the client sends takes the answer
    along; but not for ever, nor if the client asks before it sends (``Expect: 100-continue``).
    """

    _late: asyncio.TimerHandle | None = None

    def initialize(self, name: str, limit: int) -> None:
        super().initialize(name)
        self._limit = limit

    def check_xsrf_cookie(self) -> None:
        """Nothing will be done, whoever asked for it."""

    async def prepare(self, **_: Any) -> None:
        await super().prepare()
        if self.request.headers.get("Expect", "").lower() == "100-continue":
            self._refuse()
        loop = asyncio.get_running_loop()
        self._late = loop.call_later(_PATIENCE_S, self._give_up)

    def data_received(self, chunk: bytes) -> None:
        """Nobody wants it."""

    def _refuse(self) -> None:
        if self.current_user is None:
            raise NotAuthenticated(
                "The request bears no valid credentials.",
                hint="Send the header 'Authorization: token …' with the server's token.",
            )
        raise TooLarge(
            f"The body is too large; at most {self._limit} bytes are accepted.",
            hint="c.PipelinesServer.max_body_size and c.ServerApp.max_body_size change the limit.",
        )

    def error_body(self, error: ChariotsError) -> dict[str, Any]:
        """As the other handlers of the same routes write it."""
        body = super().error_body(error)
        inference = "/chariots/v2/" in self.request.path
        return {**body, "error": str(error)} if inference else body

    def _give_up(self) -> None:
        try:
            self._refuse()
        except ChariotsError as error:
            self.send_error(error.status, exc_info=sys.exc_info())

    def on_finish(self) -> None:
        if self._late:
            self._late.cancel()
        super().on_finish()

    get = head = post = put = patch = delete = options = _refuse
