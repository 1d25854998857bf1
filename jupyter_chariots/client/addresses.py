"""Addresses of servers, in all the ways in which they are written."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import parse_qs, quote, urlsplit, urlunsplit

from ..errors import NotAuthenticated, ServerNotFound
from .sockets import port_of

__all__ = ["Address", "normal", "same_place", "segment"]


@dataclass(frozen=True)
class Address:
    """Where the extension answers, ``http://host:port/base/chariots``, and how to get in.

    Attributes:
        url: the address.
        token: the credential.
        found_by: where the address is from, for messages.
        certificate: SHA-256 of the certificate that the server shows, in hexadecimal; that one is
            then trusted, whoever signed it, and no other.
    """

    url: str
    token: str | None = None
    found_by: str = "the argument backend_url"
    certificate: str | None = None

    def __post_init__(self) -> None:
        token = (self.token or "").strip()  # as read from a file, it ends with the line
        if not (token.isascii() and token.isprintable()):
            raise NotAuthenticated(  # and does not say it: it may be most of a secret
                f"The token for {self.url} is none: it has characters that no token has.",
                hint="`jupyter server list` shows the token of a running server.",
            )
        object.__setattr__(self, "token", token or None)


def segment(name: str) -> str:
    """A name as one segment of a path. Half of a character, which is in no name, becomes ``?``."""
    return quote(name, safe="", errors="replace")


def normal(url: str, by: str) -> tuple[str, str | None]:
    """The address of the extension for any address of its server, and the token in it.

    Raises:
        ServerNotFound: it is no address; ``by`` says where it is from.
    """
    try:
        parts = urlsplit(url if "://" in url else f"http://{url}")
        _ = parts.port
    except ValueError:
        parts = urlsplit("")
    if parts.scheme not in ("http", "https", "http+unix") or not parts.hostname:
        raise ServerNotFound(
            f"{url!r} is no address of a Jupyter server ({by}).",
            hint="An address reads http://localhost:8888/ or http://host:port/base/chariots.",
        )
    path = quote(parts.path.rstrip("/"), safe="/%:@!$&'()*+,;=~")
    token = parse_qs(parts.query).get("token", [None])[0]
    if token:  # as Jupyter prints it: with the page that it opens
        for page in ("/lab", "/tree"):
            path = path.removesuffix(page)
    if not path.endswith("/chariots"):
        path += "/chariots"
    return urlunsplit((parts.scheme, parts.netloc, path, "", "")), token


def same_place(a: str, b: str) -> bool:
    """Whether two addresses are of one host and port, as far as they tell."""
    return (_host(a), port_of(a)) == (_host(b), port_of(b))


def _host(url: str) -> str:
    host = urlsplit(url).hostname or ""
    return "localhost" if host in ("127.0.0.1", "::1") else host
