"""What a worker elsewhere and the server say to each other, and how bytes go with it."""

from __future__ import annotations

import json
import struct
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple, Protocol

from ...errors import BadRequest, ChariotsError
from ...formats import Received
from ...op_store.records import Lease

__all__ = ["INLINE", "LEASE_S", "PIECE", "PROTOCOL", "Door", "Wanted", "pack", "unpack"]

PROTOCOL = 1
"""Number of the protocol; worker and server must agree on it."""

LEASE_S = 45.0
"""Seconds of silence after which a worker elsewhere counts as lost. It is longer than that of
workers which the server's own guard watches: networks are cut for a while, and come back.
"""

INLINE = 1 << 20
"""Bytes of states and results that go along with a report; larger ones go before it, in pieces."""

PIECE = 4 << 20
"""Bytes of a piece."""

_LENGTH = struct.Struct("!Q")


class Wanted(NamedTuple):
    """What a worker can take.

    Attributes:
        worker: who it is, for people to read.
        python: its ``major.minor``: definitions of another one cannot be opened.
        pipelines: only jobs of these; ``None``: of all.
        refused: definitions that could not be opened there: name of the pipeline, and digest.
        lease_s: seconds of silence after which it counts as lost.
    """

    worker: str
    python: str
    pipelines: tuple[str, ...] | None = None
    refused: tuple[tuple[str, str], ...] = ()
    lease_s: float = LEASE_S


class Door(Protocol):
    """The server as a worker sees it. Each method is one request, and blocks.

    Raises, each of them:
        Unavailable, TimedOut, ServerNotFound: it was not heard, or its answer was not; the same
            request may be sent again.
        LeaseLost: the job was taken from this attempt.
        AccessDenied: the token is not valid.
        ChariotsError: what the server answered.
    """

    def claim(self, wanted: Wanted, token: str, wait: float) -> Mapping[str, Any]:
        """Take a job: ``job`` (``None`` after so many seconds without one), and ``other_python``:
        pipelines whose jobs this worker cannot run, with their Python.
        """

    def start(self, lease: Lease, lease_s: float) -> Mapping[str, Any]:
        """What the run starts from; ``None`` as ``beginning`` while other runs have the turn."""

    def fetch(self, lease: Lease, what: Mapping[str, str]) -> Received:
        """The bytes of the ``input``, the ``definition`` or a ``state`` (with op and version)."""

    def renew(self, lease: Lease, said: Mapping[str, Any]) -> Mapping[str, Any]:
        """Keep the lease and tell progress and output; whether it is ``held``, and whether to
        ``cancel``.
        """

    def put(self, lease: Lease, digest: str, size: int, offset: int, piece: memoryview) -> int:
        """Send a piece of something large; gives how many bytes the server has of it."""

    def finish(self, lease: Lease, report: bytes) -> list[str]:
        """Report the result; gives the digests of what has to be sent before that."""

    def end(self, lease: Lease, how: str, said: Mapping[str, Any]) -> None:
        """Report that it ``failed`` (with an error), that the process that ran it was ``lost``, or
        that it goes ``back`` into the queue.
        """


def pack(document: Mapping[str, Any], parts: Iterable[tuple[str, bytes | memoryview]]) -> bytes:
    """A JSON document and the bytes that go with it, each under its digest.

    It is the length of a JSON text (8 bytes, network order), the text, and the bytes.
    """
    parts = list(parts)
    told = {"said": dict(document), "parts": [[digest, len(data)] for digest, data in parts]}
    head = json.dumps(told).encode()
    return b"".join((_LENGTH.pack(len(head)), head, *(data for _, data in parts)))


def unpack(body: Received) -> tuple[dict[str, Any], dict[str, memoryview]]:
    """Read what :func:`pack` wrote.

    Raises:
        BadRequest: it is something else.
    """
    try:
        view = memoryview(body)
        (size,) = _LENGTH.unpack_from(view)
        at = _LENGTH.size + size
        told = json.loads(bytes(view[_LENGTH.size : at]))
        parts: dict[str, memoryview] = {}
        for digest, length in told["parts"]:
            if type(length) is not int or not 0 <= length <= len(view) - at:
                raise ValueError("a part is missing")
            parts[str(digest)] = view[at : at + length]
            at += length
        if at != len(view):
            raise ValueError("there is something behind the last part")
        return dict(told["said"]), parts
    except ChariotsError:
        raise
    except Exception as error:  # whatever else a stranger may have put together
        raise BadRequest(
            f"The body is no report of a worker ({type(error).__name__}: {error}).",
            hint="Install the same release of jupyter_chariots on both machines.",
        ) from None
