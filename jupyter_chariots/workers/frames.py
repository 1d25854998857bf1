"""Frames: what server and child send each other over their socket.

A frame is ``u32 length of the header | u64 length of the body | header | body``, integers in
network order. The header is a JSON object; the body is raw bytes that only a child looks into.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Iterator, Mapping
from typing import Any

__all__ = ["PROTOCOL", "Decoder", "Frame", "FrameError", "pack"]

PROTOCOL = 1
"""Number of the protocol; server and child must agree on it."""

Frame = tuple[dict[str, Any], bytes]

_PREFIX = struct.Struct("!IQ")
_MAX_HEADER = 64 << 20
_encode = json.JSONEncoder(separators=(",", ":"), default=str).encode


class FrameError(Exception):
    """The bytes on the socket are not frames: the other side is broken, the channel is lost."""


def pack(header: Mapping[str, Any], body: bytes = b"") -> bytes:
    """One frame as bytes, to be written by one call.

    Values in the header that JSON does not know are sent as their ``str``.
    """
    head = _encode(header).encode()
    return b"".join((_PREFIX.pack(len(head), len(body)), head, body))


class Decoder:
    """Cuts a stream of bytes into frames; knows nothing of sockets."""

    def __init__(self) -> None:
        self._buffer = bytearray()
        self._needed = _PREFIX.size

    def feed(self, data: bytes) -> Iterator[Frame]:
        """Take the next bytes of the stream and give the frames that are complete with them.

        Raises:
            FrameError: the stream does not consist of frames.
        """
        buffer = self._buffer
        buffer += data
        # `_needed` spares a look at the prefix for each piece of a large body
        while len(buffer) >= self._needed:
            head_size, body_size = _PREFIX.unpack_from(buffer)
            if head_size > _MAX_HEADER:
                raise FrameError(f"a header of {head_size} bytes")
            start = _PREFIX.size + head_size
            self._needed = start + body_size
            if len(buffer) < self._needed:
                return
            with memoryview(buffer) as view:
                head, body = bytes(view[_PREFIX.size : start]), bytes(view[start : self._needed])
            del buffer[: self._needed]
            self._needed = _PREFIX.size
            try:
                header = json.loads(head)
            except ValueError as error:
                raise FrameError(f"a header that is not JSON: {error}") from error
            if not isinstance(header, dict):
                raise FrameError("a header that is not an object")
            yield header, body
