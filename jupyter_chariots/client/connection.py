"""A kept HTTP connection to the server, one for each thread."""

from __future__ import annotations

import http.client
import json
import os
import selectors
import socket
import ssl
import threading
import weakref
from collections.abc import Mapping
from typing import NamedTuple
from urllib.parse import urlsplit

from ..errors import ServerNotFound, TimedOut, Unavailable
from ..formats import Body, Received
from .addresses import Address
from .cancelling import CallInterrupted, interrupted
from .live import OUTPUT, is_live, read_live
from .screen import Screen
from .sockets import http_connection

__all__ = ["Answer", "Connection"]

_CONNECT_TIMEOUT_S = 10.0
_LARGE = 64 << 10
_CANCEL_TIMEOUT_S = 20.0
_CALL_ID = "Chariots-Call"


class Answer(NamedTuple):
    """An answer of the server, undecoded."""

    status: int
    headers: http.client.HTTPMessage
    body: Received


class _Kept:
    """The connection of one thread; it is closed when the thread ends."""

    def __init__(self, connection: http.client.HTTPConnection) -> None:
        self.connection = connection
        self.pid = os.getpid()
        self.call_id = ""
        # unlike __del__, it comes before the end of the socket where an error's frames hold both
        weakref.finalize(self, connection.close).atexit = False

    def connect(self) -> None:
        """Connect, again if need be.

        The id that calls are cancelled by belongs to the connection, on which only one can be under
        way: requests with equal headers are answered sooner.
        """
        self.connection.connect()
        self.call_id = os.urandom(16).hex()


class Connection:
    """Sends requests to one address. Threads may share it.

    Args:
        address: the server.
        timeout: seconds to wait for an answer; ``None`` waits as long as it takes.
    """

    def __init__(self, address: Address, timeout: float | None = None) -> None:
        self.address = address
        self.timeout = timeout
        self._path = urlsplit(address.url).path
        self._headers = {"Accept": "application/json"}
        if address.token:
            self._headers["Authorization"] = f"token {address.token}"
        self._of_thread = threading.local()

    def request(
        self,
        method: str,
        path: str,
        body: Body | None = None,
        headers: Mapping[str, str] | None = None,
        *,
        repeatable: bool = False,
        screen: Screen | None = None,
    ) -> Answer:
        """Send one request and wait for the answer, whatever its status.

        Args:
            method: ``GET``, ``POST`` …
            path: below the address of the extension, starting with a slash.
            body: what to send.
            headers: further headers.
            repeatable: the request changes nothing, so it may be sent again when the connection
                is lost before the answer has come.
            screen: the request calls a pipeline: what the run prints, and how far it is, is shown
                there as it comes, and Ctrl-C cancels it.

        Raises:
            CallInterrupted: Ctrl-C, in a call.
            ServerNotFound: nobody listens there.
            TimedOut: no answer in time.
            Unavailable: the connection was lost; the request may have been carried out.
        """
        send = {**self._headers, **(headers or {})}
        if screen:
            send.update(OUTPUT)
        for last in (not repeatable, True):
            kept = self._open()
            connection = kept.connection
            if screen:
                send[_CALL_ID] = kept.call_id
            try:
                connection.request(method, self._path + path, body, send)
                response = connection.getresponse()
                if screen and is_live(response):
                    return Answer(*read_live(response, screen))
                return Answer(response.status, response.headers, _content(response))
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
            except BaseException as error:
                try:
                    if screen and isinstance(error, KeyboardInterrupt):
                        raise self._cancel(kept.call_id) from None
                    raise
                finally:  # what is still to come belongs to no later request
                    connection.close()
        raise AssertionError("unreachable")

    def close(self) -> None:
        """Close the connection of this thread."""
        kept = getattr(self._of_thread, "kept", None)
        if kept is not None:
            kept.connection.close()

    def _cancel(self, call_id: str) -> CallInterrupted:
        other = Connection(self.address, _CANCEL_TIMEOUT_S)
        return interrupted(
            lambda: str(json.loads(other.request("DELETE", f"/calls/{call_id}").body)["outcome"])
        )

    def _open(self) -> _Kept:
        """The connection of this thread, made anew where the server has closed it."""
        kept: _Kept | None = getattr(self._of_thread, "kept", None)
        if kept is None or kept.pid != os.getpid():  # a fork must not share the socket
            kept = _Kept(
                http_connection(self.address.url, _CONNECT_TIMEOUT_S, self.address.certificate)
            )
            self._of_thread.kept = kept
        connection = kept.connection
        # Bytes that nobody asked for mean that the server has hung up.
        if connection.sock is not None and _readable(connection.sock):
            connection.close()
        if connection.sock is None:
            self._dial(kept)
        return kept

    def _dial(self, kept: _Kept) -> None:
        try:
            kept.connect()
        except ssl.SSLCertVerificationError as error:
            kept.connection.close()
            raise ServerNotFound(
                f"The certificate of {self.address.url} is not trusted ({error.verify_message}).",
                hint="If you know the server, set SSL_CERT_FILE to the file of its certificate. "
                "The certificate must name the host as the address does.",
            ) from None
        except OSError as error:
            kept.connection.close()
            raise ServerNotFound(
                f"No server answers at {self.address.url} ({error}).",
                hint=f"The address comes from {self.address.found_by}. Is the server running? "
                "For another one set CHARIOTS_URL and CHARIOTS_TOKEN, or give backend_url and "
                "token.",
            ) from None
        kept.connection.sock.settimeout(self.timeout)


def _content(response: http.client.HTTPResponse) -> Received:
    """The body; a large one in memory that can be used in place."""
    size = response.length
    if size is None or size < _LARGE:
        return response.read()
    body = bytearray(size)
    with memoryview(body) as room:
        got = 0
        while got < size:
            count = response.readinto(room[got:])
            if not count:
                raise http.client.IncompleteRead(bytes(room[:got]), size - got)
            got += count
    return body


def _readable(sock: socket.socket) -> bool:
    with selectors.DefaultSelector() as selector:
        selector.register(sock, selectors.EVENT_READ)
        return bool(selector.select(0))
