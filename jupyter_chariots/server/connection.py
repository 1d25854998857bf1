"""How kernels and scripts of this user find the server: a file with an address and a credential.

Jupyter's own token may be unknown to a kernel, and with a password no token works at all. So the
extension draws a random credential at each start. Only its own handlers accept it, as the server's
owner, and what the owner may do is asked of the Authorizer like for everybody else.
"""

from __future__ import annotations

import getpass
import hashlib
import hmac
import json
import os
import secrets
import ssl
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from jupyter_core.paths import secure_write
from jupyter_server.auth import IdentityProvider, User
from jupyter_server.base.handlers import AuthenticatedHandler

from ..op_store.signing import read_secret
from ..pipelines.provenance import network

__all__ = ["ConnectionFile", "OwnerIdentity", "owner_name"]

_BYTES = 32


def owner_name() -> str:
    """Login name of whoever runs the server."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a container whose user id has no name
        return f"uid-{os.getuid()}" if hasattr(os, "getuid") else "owner"


class OwnerIdentity(IdentityProvider):
    """Identifies requests that bear the credential of the connection file as the owner's.

    There is another one for the workers that a pool starts elsewhere. It opens the routes of
    workers only, and stays the same from one start of the server to the next: jobs go on meanwhile.
    """

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.credential = secrets.token_hex(_BYTES)
        self.owner = owner_name()
        self._for_workers = ""

    @property
    def worker_credential(self) -> str:
        """What workers elsewhere get in with; read from a file when it is first asked for.

        Raises:
            StoreError: it can neither be read nor made.
        """
        if not self._for_workers:
            self._for_workers = read_secret(name="chariots_worker_secret").hex()
        return self._for_workers

    def recognises(self, authorization: str, *, worker: bool = False) -> bool:
        """Whether this ``Authorization`` header bears the credential; or where a worker asks, its
        own.
        """
        kind, _, given = authorization.partition(" ")
        known = [self.credential, *([self._for_workers] if worker and self._for_workers else [])]
        same = [hmac.compare_digest(given.strip().encode(), one.encode()) for one in known]
        return any(same) and kind.lower() in ("token", "bearer")

    def get_user(self, handler: Any) -> User:
        """The owner. Asked only for requests that :meth:`recognises` has accepted."""
        handler._token_authenticated = True
        return User(username=self.owner)

    def name_of(self, user: User) -> str:
        """The name under which the store remembers who did something.

        Jupyter makes up a name ("Anonymous Carme") for everyone who comes with the server's own
        token; that is the owner, as far as anyone can tell.
        """
        made_up = user.display_name.startswith("Anonymous ")
        return self.owner if made_up else user.username

    def provider_for(self, handler: AuthenticatedHandler) -> IdentityProvider | None:
        """Itself, where the request bears the credential."""
        given = handler.request.headers.get("Authorization", "")
        worker = getattr(handler, "for_workers", False)
        return self if self.recognises(given, worker=worker) else None


class ConnectionFile:
    """``jpchariots-<pid>-….json`` in Jupyter's runtime folder, readable by its owner only.

    Machines and containers may share that folder, and have processes of the same number.
    """

    def __init__(self, runtime_dir: str | Path) -> None:
        place = hashlib.sha256((network() or "").encode()).hexdigest()[:8]
        self.path = Path(runtime_dir) / f"jpchariots-{os.getpid()}-{place}.json"

    def write(self, serverapp: Any, *, token: str, version: str) -> None:
        """Write it whole or not at all, never readable by others in between.

        Args:
            serverapp: the Jupyter server that it tells of.
            token: the credential.
            version: of the extension.
        """
        content = {
            "url": _reachable(serverapp),
            "token": token,
            "root_dir": str(Path(serverapp.root_dir).resolve()),
            "pid": os.getpid(),
            "network": network(),
            "certificate": _certificate(serverapp),
            "version": version,
        }
        self.path.parent.mkdir(parents=True, exist_ok=True)
        draft = self.path.with_suffix(f".{secrets.token_hex(4)}.tmp")
        with secure_write(str(draft)) as file:
            json.dump(content, file, indent=2)
        draft.replace(self.path)

    def remove(self) -> None:
        """Remove it, if it is there."""
        self.path.unlink(missing_ok=True)


def _reachable(serverapp: Any) -> str:
    """The address for programs of this machine.

    Where the server listens on every interface, Jupyter names the host, which need not be known to
    any name server, nor lead back to this machine.
    """
    url: str = serverapp.connection_url
    loopback = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}.get(serverapp.ip)
    if serverapp.sock or not loopback:
        return url
    return urlsplit(url)._replace(netloc=f"{loopback}:{serverapp.port}").geturl()


def _certificate(serverapp: Any) -> str | None:
    """SHA-256 of the certificate that the server shows; our clients trust that very one."""
    path = serverapp.certfile or (serverapp.ssl_options or {}).get("certfile")
    begin, end = "-----BEGIN CERTIFICATE-----", "-----END CERTIFICATE-----"
    try:
        text = Path(path).read_text(encoding="utf-8", errors="replace") if path else ""
        first = text.partition(begin)[2].partition(end)[0]
        return hashlib.sha256(ssl.PEM_cert_to_DER_cert(begin + first + end)).hexdigest()
    except (OSError, ValueError):
        return None
