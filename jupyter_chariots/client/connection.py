"""A kept HTTP connection to the server, one for each thread."""

from __future__ import annotations

import http.client
import os
import selectors
import socket
import threading
from collections.abc import Mapping
from typing import NamedTuple
from urllib.parse import urlsplit

from ..errors import ServerNotFound, TimedOut, Unavailable
from .discovery import Address

__all__ = ["Answer", "Connection"]

_CONNECT_TIMEOUT_S = 10.0


class Answer(NamedTuple):
    """An answer of the server, undecoded."""

    status: int
    headers: http.client.HTTPMessage
    body: bytes


class _Kept:
    """The connection of one thread; it is closed when the thread ends."""

    def __init__(self, connection: http.client.HTTPConnection) -> None:
        self.connection = connection
        self.pid = os.getpid()

    def __del__(self) -> None:
        self.connection.close()


class Connection:
    """Sends requests to one address. Threads may share it.

    Args:
        address: the server.
        timeout: seconds to wait for an answer; ``None`` waits as long as it takes.
    """

    def __init__(self, address: Address, timeout: float | None = None) -> None:
        self.address = address
        self.timeout = timeout
        parts = urlsplit(address.url)
        self._secure = parts.scheme == "https"
        self._host, self._port = parts.hostname or "", parts.port
        self._path = parts.path
        self._headers = {"Accept": "application/json"}
        if address.token:
            self._headers["Authorization"] = f"token {address.token}"
        self._of_thread = threading.local()

    def request(
        self,
        method: str,
        path: str,
        body: bytes | None = None,
        headers: Mapping[str, str] | None = None,
        *,
        repeatable: bool = False,
    ) -> Answer:
        """Send one request and wait for the answer, whatever its status.

        Args:
            method: ``GET``, ``POST`` …
            path: below the address of the extension, starting with a slash.
            body: what to send.
            headers: further headers.
            repeatable: the request changes nothing, so it may be sent again when the connection
                is lost before the answer has come.

        Raises:
            ServerNotFound: nobody listens there.
            TimedOut: no answer in time.
            Unavailable: the connection was lost; the request may have been carried out.
        """
        send = {**self._headers, **(headers or {})}
        for last in (not repeatable, True):
            connection = self._open()
            try:
                connection.request(method, self._path + path, body, send)
                response = connection.getresponse()
                return Answer(response.status, response.headers, response.read())
            except TimeoutError:
                connection.close()
                raise TimedOut(
                    f"{self.address.url} did not answer {method} {path} in {self.timeout} s.",
                    hint="The run may still go on. Give the client a longer timeout, or none.",
                ) from None
            except (OSError, http.client.HTTPException) as error:
                connection.close()
                if last:
                    raise Unavailable(
                        f"The connection to {self.address.url} was lost during {method} {path}"
                        f" ({error}).",
                        hint="Whether it was carried out is not known: look before you repeat it.",
                    ) from None
            except BaseException:  # Ctrl-C: what is still to come belongs to no later request
                connection.close()
                raise
        raise AssertionError("unreachable")

    def close(self) -> None:
        """Close the connection of this thread."""
        kept = getattr(self._of_thread, "kept", None)
        if kept is not None:
            kept.connection.close()

    def _open(self) -> http.client.HTTPConnection:
        """The connection of this thread, made anew where the server has closed it."""
        kept: _Kept | None = getattr(self._of_thread, "kept", None)
        if kept is None or kept.pid != os.getpid():  # a fork must not share the socket
            kind = http.client.HTTPSConnection if self._secure else http.client.HTTPConnection
            kept = _Kept(kind(self._host, self._port, timeout=_CONNECT_TIMEOUT_S))
            self._of_thread.kept = kept
        connection = kept.connection
        # Bytes that nobody asked for mean that the server has hung up.
        if connection.sock is not None and _readable(connection.sock):
            connection.close()
        if connection.sock is None:
            self._dial(connection)
        return connection

    def _dial(self, connection: http.client.HTTPConnection) -> None:
        try:
            connection.connect()
        except OSError as error:
            connection.close()
            raise ServerNotFound(
                f"No server answers at {self.address.url} ({error}).",
                hint=f"The address comes from {self.address.found_by}. Is the server running? "
                "For another one set CHARIOTS_URL and CHARIOTS_TOKEN, or give backend_url and "
                "token.",
            ) from None
        connection.sock.settimeout(self.timeout)


def _readable(sock: socket.socket) -> bool:
    with selectors.DefaultSelector() as selector:
        selector.register(sock, selectors.EVENT_READ)
        return bool(selector.select(0))
