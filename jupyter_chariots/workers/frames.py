"""Frames: what server and child send each other over their socket.

A frame is ``u32 length of the header | u64 length of the body | header | body``, integers in
network order. The header is a JSON object; the body is raw bytes that only a child looks into.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Iterator, Mapping
from typing import Any

from ..formats import Body, Received

__all__ = ["PROTOCOL", "Decoder", "Frame", "FrameError", "pack", "parts"]

PROTOCOL = 1
"""Number of the protocol; server and child must agree on it."""

Frame = tuple[dict[str, Any], Received]
"""Header and body."""

_PREFIX = struct.Struct("!IQ")
_MAX_HEADER = 64 << 20
_LARGE = 64 << 10
_ROOM = 256 << 10
_MAX_BODY = 1 << 40
_STEP = 1 << 20  # bytes of a body that are taken before any of it has come
_encode = json.JSONEncoder(separators=(",", ":"), default=str).encode


class FrameError(Exception):
    """The bytes on the socket are not frames: the other side is broken, the channel is lost."""


def pack(header: Mapping[str, Any], body: Body = b"") -> bytes:
    """One frame as bytes, to be written by one call.

    Values in the header that JSON does not know are sent as their ``str``.
    """
    head = _encode(header).encode()
    return b"".join((_PREFIX.pack(len(head), len(body)), head, body))


def parts(header: Mapping[str, Any], body: Body = b"") -> tuple[bytes | memoryview, ...]:
    """One frame as what is to be written one after the other: a large body without a copy."""
    if len(body) < _LARGE:
        return (pack(header, body),)
    head = _encode(header).encode()
    return _PREFIX.pack(len(head), len(body)) + head, memoryview(body)


class Decoder:
    """Cuts a stream of bytes into frames; knows nothing of sockets.

    Whoever reads the stream asks for :meth:`room`, reads into it, and tells how much came. A large
    body is read into memory of its own and stays there. That grows with what has come, for what is
    merely announced need not come.
    """

    def __init__(self) -> None:
        self._small = bytearray(_ROOM)
        self._start = self._end = 0  # what of it belongs to frames that were not given yet
        self._header: dict[str, Any] = {}
        self._large: bytearray | None = None  # the body that follows `_header`
        self._size = self._got = 0  # of `_large`

    def room(self) -> memoryview:
        """Where the next bytes of the stream belong; never empty.

        Raises:
            FrameError: there is no memory for a body.
        """
        if self._large is not None:
            if self._got == len(self._large):
                self._large = _grown(self._large, min(self._size, 2 * self._got))
            return memoryview(self._large)[self._got :]
        if self._start:
            rest = self._small[self._start : self._end]
            self._small[: len(rest)] = rest
            self._start, self._end = 0, len(rest)
        if self._end == len(self._small):
            # in place it could not grow while somebody still holds the room of before
            self._small = self._small + bytes(len(self._small))
        return memoryview(self._small)[self._end :]

    def filled(self, count: int) -> Iterator[Frame]:
        """The frames that are complete with the next ``count`` bytes, which are in the room.

        Raises:
            FrameError: the stream does not consist of frames.
        """
        if self._large is None:
            self._end += count
            yield from self._cut()
            return
        self._got += count
        if self._got == self._size:
            body, self._large = self._large, None
            yield self._header, body

    def feed(self, data: bytes) -> Iterator[Frame]:
        """The frames that are complete with these bytes, read elsewhere; as :meth:`filled`."""
        while data:
            room = self.room()
            count = min(len(room), len(data))
            room[:count] = data[:count]
            data = data[count:]
            yield from self.filled(count)

    def _cut(self) -> Iterator[Frame]:
        small = self._small
        while self._end - self._start >= _PREFIX.size:
            head_size, body_size = _PREFIX.unpack_from(small, self._start)
            if head_size > _MAX_HEADER or body_size > _MAX_BODY:
                raise FrameError(f"a header of {head_size} bytes, a body of {body_size}")
            head_at = self._start + _PREFIX.size
            body_at = head_at + head_size
            have = min(body_size, self._end - body_at)
            if have < 0 or (have < body_size < _LARGE):
                return
            header = _parsed(small[head_at:body_at])
            self._start = body_at + have
            if body_size < _LARGE:
                yield header, bytes(small[body_at : self._start])
                continue
            large = small[body_at : self._start]
            if have == body_size:
                yield header, large
            else:
                self._header, self._size, self._got = header, body_size, have
                self._large = _grown(large, min(body_size, max(2 * have, _STEP)))


def _parsed(head: bytearray) -> dict[str, Any]:
    try:
        header = json.loads(head)
    except (ValueError, RecursionError) as error:
        raise FrameError(f"a header that is not JSON: {error}") from error
    if not isinstance(header, dict):
        raise FrameError("a header that is not an object")
    return header


def _grown(data: bytearray, size: int) -> bytearray:
    try:
        try:
            data += bytes(size - len(data))
            return data
        except BufferError:  # somebody still holds the room of before
            return data + bytes(size - len(data))
    except MemoryError as error:
        raise FrameError(f"a body of more than {len(data)} bytes") from error
