"""What all handlers share: who asks, and one mapping from errors to JSON."""

from __future__ import annotations

import logging
import math
from collections.abc import Callable
from http import HTTPStatus
from typing import Any, TypeVar, cast

from jupyter_server.auth.decorator import authorized as jupyter_authorized
from jupyter_server.auth.identity import IdentityProvider
from jupyter_server.base.handlers import APIHandler
from jupyter_server.extension.handler import ExtensionHandlerMixin
from tornado import web

from ..errors import (
    BadRequest,
    ChariotsError,
    NodeFailed,
    NotAllowed,
    NotAuthenticated,
    NotFound,
    TooLarge,
)
from .manager import PipelineManager
from .overview import Overview
from .reading import Reading, dumps

__all__ = [
    "JOBS",
    "KERNELS",
    "PIPELINES",
    "STORE",
    "VERSION_ERROR",
    "Answering",
    "ChariotsHandler",
    "authorized",
    "error_of",
]

# The resources that an Authorizer is asked about. Each concrete method names its own: the
# decorator keeps the resource of the first class that it meets, so inheriting one would be a hole.
PIPELINES = "jupyter_chariots:pipelines"
STORE = "jupyter_chariots:store"
JOBS = "jupyter_chariots:jobs"
KERNELS = "kernels"  # Jupyter's own

VERSION_ERROR = 419  # Chariots' own; it has no name in HTTP
_BUSY = HTTPStatus.SERVICE_UNAVAILABLE
Method = TypeVar("Method", bound=Callable[..., Any])


def error_of(exception: BaseException | None, status: int, *, known: bool) -> ChariotsError:
    """The error of our tree that says what tornado's or an unexpected exception says.

    Args:
        exception: what was raised, if anything.
        status: the HTTP status that tornado would answer with.
        known: whether the request bears valid credentials.
    """
    if isinstance(exception, ChariotsError):
        return exception
    if isinstance(exception, web.HTTPError):
        said = exception.log_message and exception.log_message % exception.args
        if status == HTTPStatus.UNAUTHORIZED or (status == HTTPStatus.FORBIDDEN and not known):
            return NotAuthenticated(
                "The request bears no valid credentials.",
                hint="Send the header 'Authorization: token …' with the Jupyter server's token.",
            )
        cls = {403: NotAllowed, 404: NotFound, 413: TooLarge}.get(status, BadRequest)
        if status < HTTPStatus.INTERNAL_SERVER_ERROR:
            return cls(said or f"The server answers {HTTPStatus(status).phrase}.")
    return ChariotsError(
        f"The server failed unexpectedly: {type(exception).__name__}.",
        hint="The server's log has the traceback; please report it.",
    )


def _whole_seconds(value: object) -> int:
    """As HTTP wants them; an error that user code raised may say anything."""
    if isinstance(value, int | float) and math.isfinite(value):
        return max(1, math.ceil(value))
    return 1


def authorized(action: str, *, resource: str) -> Callable[[Method], Method]:
    """Jupyter's decorator: ask the Authorizer before the method runs."""
    return cast("Callable[[Method], Method]", jupyter_authorized(action, resource=resource))


class Answering(web.RequestHandler):
    """The part of a handler that answers: whatever happens, the answer is JSON."""

    @property
    def log(self) -> logging.Logger:
        """That of the extension."""
        log: logging.Logger = self.app.log
        return log

    @property
    def app(self) -> Any:
        """The extension, a :class:`PipelinesServer`."""
        raise NotImplementedError

    @property
    def manager(self) -> PipelineManager:
        """The pipelines of this server."""
        return cast("PipelineManager", self.app.manager)

    @property
    def overview(self) -> Overview:
        """What panels show."""
        return cast("Overview", self.app.overview)

    @property
    def who(self) -> str:
        """The name under which the store remembers who did this."""
        name: str = self.app.identity.name_of(self.current_user)
        return name

    def check_size(self) -> None:
        """Refuse bodies that are too large."""
        limit = self.app.max_body_size
        if len(self.request.body) > limit:
            raise TooLarge(
                f"The body has {len(self.request.body)} bytes; at most {limit} are accepted.",
                hint="c.PipelinesServer.max_body_size changes the limit.",
            )

    @property
    def known(self) -> bool:
        """Whether the request bears valid credentials."""
        # not current_user: tornado refuses some requests before anybody has been identified
        return getattr(self, "_jupyter_current_user", None) is not None

    def answer(self, value: Any) -> None:
        """Finish with a JSON value."""
        self.finish(dumps(value))

    def answer_as(self, content_type: str, body: bytes) -> None:
        """Finish with a body of this type."""
        self.set_header("Content-Type", content_type)
        self.finish(body)

    def write_error(self, status_code: int, **kwargs: Any) -> None:
        """Answer with the one shape that all errors have."""
        exception = kwargs.get("exc_info", (None, None, None))[1]
        error = error_of(exception, status_code, known=self.known)
        if status_code == HTTPStatus.METHOD_NOT_ALLOWED:
            error = self._wrong_method()
            status = status_code
        else:
            status = error.status
        self.set_status(status, "Version Error" if status == VERSION_ERROR else None)
        if status == _BUSY:
            self.set_header("Retry-After", _whole_seconds(error.details.get("retry_after")))
        if status == HTTPStatus.UNAUTHORIZED:
            self.set_header("WWW-Authenticate", 'token realm="jupyter"')
        self.answer(self.error_body(error))

    def error_body(self, error: ChariotsError) -> dict[str, Any]:
        """The body that says what went wrong."""
        return error.payload()

    def _wrong_method(self) -> ChariotsError:
        ours = [m for m in self.SUPPORTED_METHODS if self._implements(m)]
        self.set_header("Allow", ", ".join(ours))
        return BadRequest(
            f"{self.request.method} is not possible here.", hint=f"Possible: {', '.join(ours)}."
        )

    def _implements(self, method: str) -> bool:
        own = getattr(type(self), method.lower(), None)
        return own is not getattr(web.RequestHandler, method.lower(), None)

    def log_exception(self, typ: Any, value: Any, tb: Any) -> None:
        """Log what happened, never what was sent: bodies and headers may hold secrets."""
        where = f"{self.request.method} {self.request.path}"
        if isinstance(value, NodeFailed):
            self.log.error("%s: %s\n%s", where, value, value.traceback or "")
        elif isinstance(value, ChariotsError):
            broken = value.status == HTTPStatus.INTERNAL_SERVER_ERROR
            self.log.log(logging.ERROR if broken else logging.WARNING, "%s: %s", where, value)
        elif isinstance(value, web.HTTPError):
            self.log.debug("%s: %s", where, value)
        else:
            self.log.error("%s failed unexpectedly", where, exc_info=(typ, value, tb))


class ChariotsHandler(ExtensionHandlerMixin, Answering, Reading, APIHandler):
    """Base of all handlers. Whatever happens, the answer is JSON."""

    _identity: IdentityProvider | None = None

    @property
    def app(self) -> Any:
        """The extension, a :class:`PipelinesServer`."""
        return self.extensionapp

    @property
    def identity_provider(self) -> IdentityProvider:
        """Jupyter's own, or the one that knows the credential of our connection file."""
        if self._identity is None:
            ours = self.app.identity.provider_for(self)
            self._identity = ours or super().identity_provider
        return self._identity

    def answer_as(self, content_type: str, body: bytes) -> None:
        """Finish with a body of this type, which Jupyter would call JSON otherwise."""
        self.finish(body, set_content_type=content_type)

    # -- who asks ---------------------------------------------------------------------------

    async def prepare(self, **_: Any) -> None:
        """Refuse bodies that are too large, then whatever Jupyter refuses."""
        self.check_size()
        await super().prepare()

    def check_host(self) -> bool:
        """Refuse requests to a host name that is not this server's."""
        if not super().check_host():
            raise NotAllowed(
                f"The server does not answer to the host name {self.request.host_name!r}.",
                hint="c.ServerApp.allow_remote_access = True switches this check off.",
            )
        return True

    def check_origin(self, origin_to_satisfy_tornado: str = "") -> bool:
        """Refuse what a page of another site asks for."""
        if not super().check_origin(origin_to_satisfy_tornado):
            raise NotAllowed(
                f"Pages of {self.get_origin()!r} may not use this server.",
                hint="c.ServerApp.allow_origin lets another site in.",
            )
        return True

    def check_xsrf_cookie(self) -> None:
        """Refuse what another site may have made a browser send, which never has a token."""
        try:
            super().check_xsrf_cookie()
        except web.HTTPError as error:
            if self.current_user is None:
                raise NotAuthenticated(
                    "The request bears no valid credentials.",
                    hint="Send the header 'Authorization: token …' with the server's token.",
                ) from error
            raise NotAllowed(
                "The request has no valid XSRF token, which a browser's login needs.",
                hint="Send the _xsrf cookie as the header X-XSRFToken too, or the header "
                "'Authorization: token …' instead of the cookie.",
            ) from error

    def get_login_url(self) -> str:
        """Asked where tornado would redirect to a login page: a program needs a 401 instead."""
        raise web.HTTPError(HTTPStatus.UNAUTHORIZED)

    def set_secure_cookie(self, *args: Any, **options: Any) -> None:
        """Set Jupyter's login, but not for a program: it sends its token with each request, and to
        sign a login that it never sends back costs a tenth of a call.
        """
        if "Authorization" not in self.request.headers:
            super().set_secure_cookie(*args, **options)
