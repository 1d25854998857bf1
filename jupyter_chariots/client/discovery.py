"""Finding the Jupyter server: which address, with which credential.

In this order: what the caller gives; ``CHARIOTS_URL`` and ``CHARIOTS_TOKEN``; the connection file
of the server that started this kernel, or this terminal; that of the running server whose root
holds the current folder; JupyterHub's variables.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

from ..errors import ServerNotFound
from .addresses import Address, normal, same_place
from .connection_files import ServerFile, runtime_dir, server_files
from .sockets import dial, port_of

__all__ = ["find"]

_PATIENCE_S = 1.0


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
        url, in_url = normal(backend_url or environment[0] or "", by)
        if environment[0] and url != normal(environment[0], "CHARIOTS_URL")[0]:
            environment = None, None  # the token in the environment belongs to another server
        given = token or in_url or environment[1]
        known = [file for file in server_files() if file.reachable and same_place(file.url, url)]
        if not known:
            return Address(url, given, by)
        return Address(url, given or known[0].token, by, known[0].certificate)
    files = server_files()
    here = [file for file in files if file.reachable]
    for file, by in [*_parent(here), *_terminal(here), *_around(here, Path.cwd())]:
        if file.alive():
            return Address(file.url, token or environment[1] or file.token, by, file.certificate)
    hub = _of_hub()
    if hub:
        return Address(hub, token or os.environ.get("JUPYTERHUB_API_TOKEN"), "JupyterHub")
    raise _not_found(files)


def _parent(files: list[ServerFile]) -> Iterator[tuple[ServerFile, str]]:
    pid = os.environ.get("JPY_PARENT_PID", "")
    for file in files:
        if str(file.pid) == pid:
            yield file, "the server of this kernel"


def _terminal(files: list[ServerFile]) -> Iterator[tuple[ServerFile, str]]:
    """The server that opened this terminal, wherever in the file system it is by now."""
    said = os.environ.get("JUPYTER_SERVER_URL")
    if said:
        place = port_of(said), normal(said, "JUPYTER_SERVER_URL")[0].split("/", 3)[3]
        for file in files:
            if (port_of(file.url), file.url.split("/", 3)[3]) == place:
                yield file, "the server of this terminal"


def _around(files: list[ServerFile], folder: Path) -> Iterator[tuple[ServerFile, str]]:
    """The servers whose root holds ``folder``, the innermost root first."""
    folder = folder.resolve()
    holding = [file for file in files if folder.is_relative_to(file.root.resolve())]
    for file in sorted(holding, key=lambda file: -len(file.root.resolve().parts)):
        yield file, f"the running server of {file.root}"


def _of_hub() -> str | None:
    """The address that JupyterHub has told: what the server listens on, else the public one."""
    variables = ("JUPYTERHUB_SERVICE_URL", "JUPYTERHUB_PUBLIC_URL")
    told = [(name, os.environ[name]) for name in variables if os.environ.get(name)]
    urls = [normal(_reachable(url), name)[0] for name, url in told]
    return next(filter(_listens, urls), urls[0] if urls else None)


def _listens(url: str) -> bool:
    try:
        dial(url, _PATIENCE_S).close()
    except OSError:
        return False
    return True


def _reachable(url: str) -> str:
    """JupyterHub tells a server what to listen on, which may be every interface."""
    parts = urlsplit(url)
    if parts.hostname in (None, "*", "0.0.0.0", "::"):
        return parts._replace(netloc=f"127.0.0.1:{parts.port or port_of(url)}").geturl()
    return url


def _not_found(files: list[ServerFile]) -> ServerNotFound:
    running = [f"{one.url} (root {one.root})" for one in files if one.reachable and one.alive()]
    prefix = os.environ.get("JUPYTERHUB_SERVICE_PREFIX")
    if running:
        message = f"No running Jupyter server has a root that holds {Path.cwd()}."
        hint = (
            f"These run: {', '.join(running)}. Set CHARIOTS_URL to the one that you mean, or give "
            "it as backend_url."
        )
    elif prefix:
        message = f"JupyterHub does not say where the server of {prefix} is, and none runs here."
        hint = (
            f"Set CHARIOTS_URL to the address of the hub with {prefix} after it, and "
            "CHARIOTS_TOKEN to the value of JUPYTERHUB_API_TOKEN."
        )
    else:
        message = f"No running Jupyter server with jupyter_chariots was found ({runtime_dir()})."
        hint = (
            "Start one with `jupyter lab` in this folder or above it; for a server elsewhere set "
            "CHARIOTS_URL and CHARIOTS_TOKEN, or give backend_url and token."
        )
    elsewhere = sorted({str(one.root) for one in files if not one.reachable})
    if elsewhere:
        hint += f" (On other machines or in other containers, servers of: {', '.join(elsewhere)}.)"
    return ServerNotFound(message, hint=hint)
