"""How kernels and scripts of this user find the server: a file with an address and a credential.

Jupyter's own token may be unknown to a kernel, and with a password no token works at all. So the
extension draws a random credential at each start. Only its own handlers accept it, as the server's
owner, and what the owner may do is asked of the Authorizer like for everybody else.
"""

from __future__ import annotations

import getpass
import hmac
import json
import os
import secrets
from pathlib import Path
from typing import Any

from jupyter_core.paths import secure_write
from jupyter_server.auth import IdentityProvider, User
from jupyter_server.base.handlers import AuthenticatedHandler

__all__ = ["ConnectionFile", "OwnerIdentity", "owner_name"]

_BYTES = 32


def owner_name() -> str:
    """Login name of whoever runs the server."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a container whose user id has no name
        return f"uid-{os.getuid()}" if hasattr(os, "getuid") else "owner"


class OwnerIdentity(IdentityProvider):
    """Identifies requests that bear the credential of the connection file as the owner's."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.credential = secrets.token_hex(_BYTES)
        self.owner = owner_name()

    def recognises(self, authorization: str) -> bool:
        """Whether this ``Authorization`` header bears the credential."""
        kind, _, given = authorization.partition(" ")
        same = hmac.compare_digest(given.strip().encode(), self.credential.encode())
        return same and kind.lower() in ("token", "bearer")

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
        return self if self.recognises(handler.request.headers.get("Authorization", "")) else None


class ConnectionFile:
    """``jpchariots-<pid>.json`` in Jupyter's runtime folder, readable by its owner only."""

    def __init__(self, runtime_dir: str | Path) -> None:
        self.path = Path(runtime_dir) / f"jpchariots-{os.getpid()}.json"

    def write(self, *, url: str, token: str, root_dir: str, version: str) -> None:
        """Write it whole or not at all, never readable by others in between."""
        content = {
            "url": url,
            "token": token,
            "root_dir": root_dir,
            "pid": os.getpid(),
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
