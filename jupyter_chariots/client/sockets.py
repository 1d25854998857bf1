"""Reaching a server: by host and port, plain or by TLS, or by a socket in the file system.

Jupyter writes the address of the latter as ``http+unix://%2Frun%2Flab.sock/``.
"""

from __future__ import annotations

import hashlib
import http.client
import socket
import ssl
from urllib.parse import unquote, urlsplit

__all__ = ["dial", "http_connection", "port_of"]


def dial(url: str, timeout: float) -> socket.socket:
    """A connection to whoever listens at this address.

    Raises:
        OSError: nobody does.
    """
    parts = urlsplit(url)
    if parts.scheme == "http+unix":
        return _dial_file(unquote(parts.netloc), timeout)
    return socket.create_connection((parts.hostname or "", port_of(url)), timeout=timeout)


def port_of(url: str) -> int:
    """The port of an address, which it need not name."""
    parts = urlsplit(url)
    return parts.port or (443 if parts.scheme == "https" else 80)


def http_connection(
    url: str, timeout: float, certificate: str | None = None
) -> http.client.HTTPConnection:
    """A connection for requests to this address, not yet dialled.

    Args:
        url: the address.
        timeout: seconds that one step of it may take.
        certificate: SHA-256, in hexadecimal, of the certificate that the server shows: that one is
            trusted then, whoever signed it and whatever it names, and no other.
    """
    parts = urlsplit(url)
    if parts.scheme == "http+unix":
        return _FileConnection(unquote(parts.netloc), timeout)
    host = parts.hostname or ""
    if parts.scheme != "https":
        return http.client.HTTPConnection(host, parts.port, timeout=timeout)
    if certificate:
        return _KnownConnection(host, parts.port, timeout, certificate)
    return http.client.HTTPSConnection(host, parts.port, timeout=timeout)


class _KnownConnection(http.client.HTTPSConnection):
    def __init__(self, host: str, port: int | None, timeout: float, certificate: str) -> None:
        context = ssl.create_default_context()
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE  # it is compared below, which is stricter
        super().__init__(host, port, timeout=timeout, context=context)
        self._certificate = certificate

    def connect(self) -> None:
        super().connect()
        shown: bytes = self.sock.getpeercert(binary_form=True) or b""
        if hashlib.sha256(shown).hexdigest() != self._certificate:
            self.close()
            error = ssl.SSLCertVerificationError("certificate verify failed")
            error.verify_message = "it is not the one that the server began with"
            raise error


class _FileConnection(http.client.HTTPConnection):
    def __init__(self, path: str, timeout: float) -> None:
        super().__init__("localhost", timeout=timeout)
        self._path = path
        self._seconds = timeout

    def connect(self) -> None:
        self.sock = _dial_file(self._path, self._seconds)


def _dial_file(path: str, timeout: float) -> socket.socket:
    sock = socket.socket(socket.AF_UNIX)
    try:
        sock.settimeout(timeout)
        sock.connect(path)
    except BaseException:
        sock.close()
        raise
    return sock
