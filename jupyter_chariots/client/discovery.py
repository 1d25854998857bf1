"""Finding the Jupyter server: which address, with which credential.

In this order: what the caller gives; ``CHARIOTS_URL`` and ``CHARIOTS_TOKEN``; the connection file
of the server that started this kernel; that of the running server whose root holds the current
folder; JupyterHub's variables.

A connection file is ``jpchariots-<pid>.json`` in Jupyter's runtime folder, written by the
extension at each start: ``{"url", "token", "root_dir", "pid", …}``.
"""

from __future__ import annotations

import json
import os
import socket
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import parse_qs, quote, urlsplit, urlunsplit

from ..errors import ServerNotFound

__all__ = ["Address", "find"]

_LIVE_TIMEOUT_S = 1.0


@dataclass(frozen=True)
class Address:
    """Where the extension answers, ``http://host:port/base/chariots``, and how to get in."""

    url: str
    token: str | None = None
    found_by: str = "the argument backend_url"


@dataclass(frozen=True)
class _Server:
    """A connection file."""

    url: str
    token: str | None
    root: Path
    pid: int
    written: float

    def alive(self) -> bool:
        """Whether somebody listens; the file of a server that was killed stays behind."""
        parts = urlsplit(self.url)
        try:
            place = (parts.hostname or "", _port(self.url))
            socket.create_connection(place, timeout=_LIVE_TIMEOUT_S).close()
        except OSError:
            return False
        return True


def find(backend_url: str | None = None, token: str | None = None) -> Address:
    """The server to talk to.

    Args:
        backend_url: its address: that of the extension, or of the Jupyter server, or what Jupyter
            printed, with the token in it.
        token: the credential; without one it is taken from where the address was found.

    Raises:
        ServerNotFound: no running server was found, or the address is none.
    """
    environment = os.environ.get("CHARIOTS_URL"), os.environ.get("CHARIOTS_TOKEN")
    if backend_url or environment[0]:
        by = "the argument backend_url" if backend_url else "CHARIOTS_URL"
        url, in_url = _normal(backend_url or environment[0] or "", by)
        if environment[0] and url != _normal(environment[0], "CHARIOTS_URL")[0]:
            environment = None, None  # the token in the environment belongs to another server
        return Address(url, token or in_url or environment[1] or _token_of(url), by)
    # A server that was killed leaves its file behind; the next one may be at the same address.
    by_age = {server.url: server for server in sorted(_servers(), key=lambda one: one.written)}
    servers = sorted(by_age.values(), key=lambda one: one.written, reverse=True)
    for server, by in [*_parent(servers), *_around(servers, Path.cwd())]:
        if server.alive():
            return Address(server.url, token or environment[1] or server.token, by)
    hub = os.environ.get("JUPYTERHUB_SERVICE_URL")
    if hub:
        url, _ = _normal(_reachable(hub), "JUPYTERHUB_SERVICE_URL")
        return Address(url, token or os.environ.get("JUPYTERHUB_API_TOKEN"), "JupyterHub")
    raise _not_found(servers)


def _normal(url: str, by: str) -> tuple[str, str | None]:
    """The address of the extension for any address of its server, and the token in it."""
    try:
        parts = urlsplit(url if "://" in url else f"http://{url}")
        _ = parts.port
    except ValueError:
        parts = urlsplit("")
    if parts.scheme not in ("http", "https") or not parts.hostname:
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


def _port(url: str) -> int:
    parts = urlsplit(url)
    return parts.port or (443 if parts.scheme == "https" else 80)


def _servers() -> Iterator[_Server]:
    """All readable connection files, those of dead servers included."""
    for file in _runtime_dir().glob("jpchariots-*.json"):
        try:
            data = json.loads(file.read_text())
            yield _Server(
                url=_normal(data["url"], file.name)[0],
                token=data.get("token") or None,
                root=Path(data["root_dir"]),
                pid=int(data["pid"]),
                written=file.stat().st_mtime,
            )
        except (OSError, ValueError, TypeError, KeyError, AttributeError, ServerNotFound):
            continue  # of another user, of another release, or being removed at this moment


def _runtime_dir() -> Path:
    from jupyter_core.paths import jupyter_runtime_dir

    return Path(jupyter_runtime_dir())


def _parent(servers: list[_Server]) -> Iterator[tuple[_Server, str]]:
    pid = os.environ.get("JPY_PARENT_PID", "")
    for server in servers:
        if str(server.pid) == pid:
            yield server, "the server of this kernel"


def _around(servers: list[_Server], folder: Path) -> Iterator[tuple[_Server, str]]:
    """The servers whose root holds ``folder``, the innermost root first."""
    folder = folder.resolve()
    holding = [server for server in servers if folder.is_relative_to(server.root.resolve())]
    for server in sorted(holding, key=lambda server: -len(server.root.resolve().parts)):
        yield server, f"the running server of {server.root}"


def _token_of(url: str) -> str | None:
    """The credential of a server of this machine and user that is given by its address."""
    place = _host(url), _port(url)
    same = (server for server in _servers() if (_host(server.url), _port(server.url)) == place)
    newest = max(same, key=lambda server: server.written, default=None)
    return newest.token if newest else None


def _host(url: str) -> str:
    host = urlsplit(url).hostname or ""
    return "localhost" if host in ("127.0.0.1", "::1") else host


def _reachable(url: str) -> str:
    """JupyterHub tells a server what to listen on, which may be every interface."""
    return url.replace("//0.0.0.0", "//127.0.0.1").replace("//[::]", "//127.0.0.1")


def _not_found(servers: list[_Server]) -> ServerNotFound:
    running = [f"{server.url} (root {server.root})" for server in servers if server.alive()]
    if running:
        message = f"No running Jupyter server has a root that holds {Path.cwd()}."
        hint = (
            f"These run: {', '.join(running)}. Set CHARIOTS_URL to the one that you mean, or give "
            "it as backend_url."
        )
    else:
        message = f"No running Jupyter server with jupyter_chariots was found ({_runtime_dir()})."
        hint = (
            "Start one with `jupyter lab` in this folder or above it; for a server elsewhere set "
            "CHARIOTS_URL and CHARIOTS_TOKEN, or give backend_url and token."
        )
    return ServerNotFound(message, hint=hint)
