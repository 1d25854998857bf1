"""Signatures: only what this user signed is ever opened.

A pickle runs code when it is opened, so bytes that somebody else put into the store must not be.
"""

from __future__ import annotations

import hmac
import os
import secrets
from contextlib import suppress
from pathlib import Path

from jupyter_core.paths import jupyter_data_dir

from ..errors import StoreError

__all__ = ["Signer", "read_secret"]

_SECRET_BYTES = 32


def read_secret(folder: Path | None = None, name: str = "chariots_secret") -> bytes:
    """This user's secret, made on first use.

    Args:
        folder: where it is kept; the Jupyter data folder by default.
        name: of its file; by default that of the one that signs.

    Raises:
        StoreError: the secret can neither be read nor made.
    """
    folder = folder or Path(jupyter_data_dir())
    path = folder / name
    try:
        with suppress(FileNotFoundError):
            return _checked(path, path.read_bytes())
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        draft = folder / f".{name}.{secrets.token_hex(8)}"
        descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        try:
            with os.fdopen(descriptor, "wb") as file:
                file.write(secrets.token_bytes(_SECRET_BYTES))
                file.flush()
                os.fsync(file.fileno())
            # A link fails if another process was first; a rename would replace its secret.
            with suppress(FileExistsError):
                os.link(draft, path)
        finally:
            draft.unlink()
        return _checked(path, path.read_bytes())
    except OSError as exc:
        raise StoreError(
            f"The secret that signs models cannot be read or made: {exc}.",
            hint=f"Make {folder} readable and writable, or set JUPYTER_DATA_DIR.",
        ) from exc


def _checked(path: Path, secret: bytes) -> bytes:
    if len(secret) < _SECRET_BYTES:
        raise StoreError(
            f"The secret {path} is too short to sign anything.",
            hint="Remove it; then a new one is made, and stores are trusted again with "
            "'jupyter chariots trust PATH'.",
        )
    return secret


class Signer:
    """HMAC-SHA256 (RFC 2104) over parts that are preceded by their lengths.

    Args:
        secret: the key; read from the Jupyter data folder at first need if not given.
    """

    def __init__(self, secret: bytes | None = None) -> None:
        self._secret = secret

    def sign(self, kind: str, name: str, version: str, digest: str) -> bytes:
        """The signature of something of this kind, name, version and digest of content."""
        if self._secret is None:
            self._secret = read_secret()
        state = hmac.new(self._secret, digestmod="sha256")
        for part in (kind, name, version, digest):
            data = part.encode()
            state.update(len(data).to_bytes(8, "big"))
            state.update(data)
        return state.digest()

    def accepts(
        self, signature: bytes | None, kind: str, name: str, version: str, digest: str
    ) -> bool:
        """Whether the signature is this user's."""
        return signature is not None and hmac.compare_digest(
            signature, self.sign(kind, name, version, digest)
        )
