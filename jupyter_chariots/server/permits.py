"""Which requests Jupyter let in a moment ago, so that it need not be asked about each again."""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable
from hashlib import blake2b
from typing import NamedTuple

from jupyter_server.auth import User
from tornado.httputil import HTTPServerRequest

__all__ = ["Permit", "Permits"]

_SECONDS = 3.0
_LATE = 2.0  # seconds after the permit's end, for a body that was on its way, or a busy loop
_MOST = 1024
_LARGEST_BODY = 1 << 20


class Permit(NamedTuple):
    """What the full path found out about a request.

    Attributes:
        user: whom the identity provider recognised.
        headers: of the answer, as the configuration wants them.
        until: when it ends, on the clock of the :class:`Permits`.
    """

    user: User
    headers: dict[str, str]
    until: float


class Permits:
    """Remembers for a few seconds that identity provider and Authorizer let a request in.

    It is remembered for requests with the header ``Authorization: token …`` only, and holds for
    those that do not differ in anything but the body: the same path, the same client's address
    and the same headers, whatever the two may have looked at. What is kept of a request is a
    digest with a random key, so neither memory nor timing tells a token.

    Args:
        seconds: how long it is remembered, counted from when the two were asked.
        clock: gives the time in seconds.
    """

    def __init__(
        self, seconds: float = _SECONDS, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self.seconds, self.clock = seconds, clock
        self._key = secrets.token_bytes(32)
        self._known: dict[bytes, Permit] = {}

    def grant(self, request: HTTPServerRequest, user: User, headers: dict[str, str]) -> None:
        """Remember that this request was let in, if it is of the kind that is remembered."""
        digest = self._digest(request)
        if digest is not None:
            if len(self._known) >= _MOST:
                self._known.clear()
            self._known[digest] = Permit(user, headers, self.clock() + self.seconds)

    def of(self, request: HTTPServerRequest) -> Permit | None:
        """The permit of a request, of which the body need not be there yet."""
        digest = self._digest(request)
        permit = self._known.get(digest) if digest is not None else None
        return permit if permit is not None and self.clock() < permit.until else None

    def in_time(self, permit: Permit) -> bool:
        """Whether the body of a request that had a permit came soon enough after its headers."""
        return self.clock() < permit.until + _LATE

    def _digest(self, request: HTTPServerRequest) -> bytes | None:
        """Of all that tells a request from another but its body; ``None``: not remembered."""
        parts = [request.path, str(request.remote_ip), request.protocol]
        bears_token = False
        for name, value in request.headers.get_all():
            match name:
                case "Content-Length":
                    if not value.isdigit() or int(value) > _LARGEST_BODY:
                        return None
                    continue
                case "Authorization":
                    bears_token = value[:6].lower() == "token "
                case "Content-Type":
                    # a form may bear another token, which the identity provider looks at first
                    if value.startswith(("application/x-www-form", "multipart/")):
                        return None
                case "Cookie" | "Origin" | "Transfer-Encoding":
                    return None
            parts.append(f"{name}: {value}")
        if not bears_token or request.method != "POST" or request.query:
            return None
        return blake2b("\n".join(parts).encode(), key=self._key, digest_size=32).digest()
