"""Values that the store keeps for this user alone, such as those of environment variables.

The standard library has no cipher, but the user's secret and HMAC-SHA256 make a sound one: a
keystream in counter mode (HMAC is a pseudo-random function), under an initial value that is itself
the HMAC of name and value, and so proves both when it is opened. Equal values of one name are
sealed equally, so that an unchanged definition stays unchanged.
"""

from __future__ import annotations

import base64
import hmac
from collections.abc import Mapping
from typing import Any

from .signing import Signer

__all__ = ["open_header", "open_value", "seal_header", "seal_value"]

_BLOCK = 32  # bytes of HMAC-SHA256; values are filled up to whole blocks, so that few look alike


def seal_value(signer: Signer, name: str, value: str) -> str:
    """A value as text that only this user's secret opens."""
    # names and values come from the operating system, which may give bytes that are no UTF-8
    data = value.encode("utf-8", "surrogateescape") + b"\x80"
    data += bytes(-len(data) % _BLOCK)
    proof = _proof(signer, name, data)
    return base64.b64encode(proof + _mixed(signer, proof, data)).decode()


def open_value(signer: Signer, name: str, sealed: str) -> str | None:
    """The value; ``None`` if another secret sealed it, or it was changed."""
    try:
        raw = base64.b64decode(sealed, validate=True)
    except ValueError:
        return None
    proof, hidden = raw[:_BLOCK], raw[_BLOCK:]
    data = _mixed(signer, proof, hidden)
    if not hmac.compare_digest(proof, _proof(signer, name, data)):
        return None
    return data.rstrip(b"\0")[:-1].decode("utf-8", "surrogateescape")


def seal_header(signer: Signer, header: Mapping[str, Any]) -> dict[str, Any]:
    """The header of a definition as it is stored: of ``env`` only the names can be read."""
    env = header.get("env") or {}
    return {**header, "env": {name: seal_value(signer, name, env[name]) for name in env}}


def open_header(signer: Signer, header: Mapping[str, Any]) -> dict[str, Any]:
    """What :func:`seal_header` sealed; the names of values that cannot be opened stand in
    ``lost`` and not in ``env``.
    """
    found = {
        name: open_value(signer, name, sealed) for name, sealed in header.get("env", {}).items()
    }
    env = {name: value for name, value in found.items() if value is not None}
    lost = sorted(found.keys() - env.keys())
    return {**header, "env": env, **({"lost": lost} if lost else {})}


def _proof(signer: Signer, name: str, data: bytes) -> bytes:
    return signer.sign("sealed", name, "", data.hex())


def _mixed(signer: Signer, proof: bytes, data: bytes) -> bytes:
    stream = b"".join(
        signer.sign("keystream", proof.hex(), str(block), "")
        for block in range(-(-len(data) // _BLOCK))
    )
    return bytes(a ^ b for a, b in zip(data, stream, strict=False))
