"""One door to the binary formats."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from . import arrow, npy
from .media import ARROW, BYTES, NPY, Body, Received

__all__ = ["decode", "encode", "readable"]


def readable() -> tuple[str, ...]:
    """The binary formats that this process can read and write."""
    return (NPY, ARROW, BYTES) if arrow.available() else (NPY, BYTES)


def encode(value: Any, formats: Iterable[str]) -> tuple[str, Body] | None:
    """Write a value in the first of these formats that can say what it is.

    Arrays are npy, frames and series Arrow, bytes bytes; everything else has no form in them.

    Returns:
        media type and body; ``None`` where none of them has a form for it.
    """
    for name in formats:
        body = _ENCODERS[name](value)
        if body is not None:
            return name, body
    return None


def decode(media: str, body: Received) -> Any:
    """The value in a body of one of the binary media types.

    What it gives is writable, and nothing in it is unpickled.

    Raises:
        InvalidInput: the body is not what its type says.
        UnsupportedFormat: the library for it is not installed.
    """
    return _DECODERS[media](body)


def _raw(value: Any) -> bytes | None:
    return bytes(value) if isinstance(value, (bytes, bytearray, memoryview)) else None


_ENCODERS: dict[str, Callable[[Any], Body | None]] = {
    NPY: npy.encode,
    ARROW: arrow.encode,
    BYTES: _raw,
}
_DECODERS: dict[str, Callable[[Received], Any]] = {
    NPY: npy.decode,
    ARROW: arrow.decode,
    BYTES: bytes,
}
