"""The bytes of a pickle and its large buffers, laid out so that loading copies nothing.

Protocol 5 of pickle (PEP 574) hands out the memory of arrays instead of copying it into the
stream. A payload is then, with all integers little-endian and unsigned::

    8 bytes    magic
    8 bytes    length of the pickle stream
    8 bytes    number of buffers n
    n × 8      their lengths
               the pickle stream
               each buffer, from the next multiple of 64 bytes

A state without large buffers is a plain pickle, which any ``pickle.loads`` reads.
"""

from __future__ import annotations

import mmap
import pickle
import struct
from collections.abc import Sequence

from ..errors import SerializationError

__all__ = ["BytesLike", "end_of_stream", "pack", "unpack"]

BytesLike = bytes | bytearray | memoryview | mmap.mmap

_MAGIC = b"\x93CHARV5\x01"  # no pickle begins with 0x93
_HEAD = struct.Struct("<8sQQ")
_ALIGNMENT = 64  # a cache line; enough for any type of numpy, and for SIMD loads


def _padding(position: int) -> int:
    return -position % _ALIGNMENT


def pack(stream: bytes, buffers: Sequence[pickle.PickleBuffer]) -> bytes:
    """One payload of a pickle stream and its out-of-band buffers; each buffer is copied once."""
    if not buffers:
        return stream
    views = [buffer.raw() for buffer in buffers]
    head = _HEAD.pack(_MAGIC, len(stream), len(views))
    head += struct.pack(f"<{len(views)}Q", *(view.nbytes for view in views))
    parts: list[bytes | memoryview] = [head, stream]
    position = len(head) + len(stream)
    for view in views:
        padding = _padding(position)
        parts += (bytes(padding), view)
        position += padding + view.nbytes
    return b"".join(parts)


def end_of_stream(payload: BytesLike) -> int:
    """Up to which byte a payload decides what unpickling does; behind it are only buffers."""
    with memoryview(payload).cast("B") as view:
        if view[: len(_MAGIC)] != _MAGIC or view.nbytes < _HEAD.size:
            return view.nbytes
        length: int
        count: int
        _, length, count = _HEAD.unpack_from(view)
        return min(_HEAD.size + 8 * count + length, view.nbytes)


def unpack(payload: BytesLike) -> tuple[memoryview, list[memoryview]]:
    """The pickle stream and the buffers of a payload, as views on it.

    Raises:
        SerializationError: the payload is cut short.
    """
    view = memoryview(payload).cast("B")
    if view[: len(_MAGIC)] != _MAGIC:
        return view, []
    try:
        _, length, count = _HEAD.unpack_from(view)
        sizes = struct.unpack_from(f"<{count}Q", view, _HEAD.size)
    except (struct.error, MemoryError, OverflowError):
        raise SerializationError("A state is cut short: its header is incomplete.") from None
    position = _HEAD.size + 8 * count
    stream = view[position : position + length]
    position += length
    buffers = []
    for size in sizes:
        position += _padding(position)
        buffers.append(view[position : position + size])
        position += size
    if position != view.nbytes:
        raise SerializationError(
            f"A state is cut short: it has {view.nbytes} bytes, its header says {position}."
        )
    return stream, buffers
