"""The short way of a call: for requests that Jupyter has let in a moment ago.

Jupyter's stack of handlers costs twice what tornado itself does. A program that predicts sends the
same request over and over; its first one takes the full path, and while the permit that this leaves
is valid, equal ones are answered here. Whatever is not exactly such a request does not match, and
so goes to the full handler.
"""

from __future__ import annotations

import logging
from datetime import datetime, timezone
from typing import Any

from jupyter_server.prometheus.log_functions import prometheus_log_method
from tornado import web
from tornado.httputil import HTTPServerRequest
from tornado.routing import PathMatches

from ..errors import Unavailable
from .calling import Calling
from .permits import Permit, Permits

__all__ = ["LeanMainHandler", "Permitted", "shows_debug"]


class Permitted(PathMatches):
    """Matches the requests that have a permit; all others go on to the next route.

    Args:
        pattern: of the path.
        app: the extension.
    """

    def __init__(self, pattern: str, app: Any) -> None:
        super().__init__(pattern)
        self._app = app

    def match(self, request: HTTPServerRequest) -> dict[str, Any] | None:
        """Arguments of the handler, or ``None``."""
        found = super().match(request)
        permit = self._app.permits.of(request) if found else None
        if found is None or permit is None:
            return None
        return {**found, "target_kwargs": {"app": self._app, "permit": permit}}


class LeanMainHandler(Calling):
    """Calls of a pipeline, without what ``MainHandler`` has asked for them before."""

    SUPPORTED_METHODS = ("POST",)

    def __init__(
        self,
        application: web.Application,
        request: HTTPServerRequest,
        *,
        app: Any,
        permit: Permit,
        **more: Any,
    ) -> None:
        self._app, self._permit = app, permit  # super() asks for the headers at once
        super().__init__(application, request, **more)

    @property
    def app(self) -> Any:
        """The extension."""
        return self._app

    @property
    def known(self) -> bool:
        """It bears the credentials of a request that was let in."""
        return True

    def get_current_user(self) -> Any:
        """Whom the identity provider recognised."""
        return self._permit.user

    def set_default_headers(self) -> None:
        """Those of the full handler."""
        for name, value in self._permit.headers.items():
            self.set_header(name, value)
        self.set_header("Content-Type", "application/json")

    def check_xsrf_cookie(self) -> None:
        """Other sites can make a browser send a cookie, but not the header with the token."""

    def prepare(self) -> None:
        """Refuse what the full handler refuses, and a body that came after the permit ended."""
        self.check_size()
        permits: Permits = self._app.permits
        if not permits.in_time(self._permit):
            raise Unavailable("The body of the request came too late.", hint="Send it again.")

    @web.authenticated
    async def post(self, name: str) -> None:
        """Run the pipeline on the input in the body."""
        await self.call(name)

    def on_finish(self) -> None:
        """Count the call, as activity of the server too."""
        self.settings["api_last_activity"] = datetime.now(timezone.utc)
        super().on_finish()

    def _log(self) -> None:
        """Jupyter's line in the log, made only where it is shown."""
        if self.get_status() >= 300 or shows_debug(self.log):
            super()._log()
        elif self._app.serverapp.record_http_request_metrics:
            prometheus_log_method(self)  # type: ignore[no-untyped-call]


def shows_debug(log: logging.Logger) -> bool:
    """Whether such a line comes out anywhere: Jupyter's loggers take all, their handlers do not."""
    logger: logging.Logger | None = log if log.isEnabledFor(logging.DEBUG) else None
    while logger:
        if any(handler.level <= logging.DEBUG for handler in logger.handlers):
            return True
        logger = logger.parent if logger.propagate else None
    return False
