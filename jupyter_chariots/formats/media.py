"""Media types: what a body is, and what an answer shall be."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import NamedTuple

from ..errors import UnsupportedFormat

__all__ = [
    "ARROW",
    "BYTES",
    "JSON",
    "LIVE",
    "NPY",
    "Body",
    "Encoded",
    "Received",
    "is_json",
    "media_type",
    "preferred",
]

Body = bytes | bytearray | memoryview
"""What may be sent."""

Received = bytes | bytearray
"""What has come; a large one is a bytearray, to be used in place."""


class Encoded(NamedTuple):
    """A value as bytes.

    Attributes:
        content_type: what they are.
        body: the bytes.
        headers: of HTTP, that whoever reads them needs.
    """

    content_type: str
    body: Body
    headers: Mapping[str, str] = MappingProxyType({})


JSON = "application/json"
NPY = "application/x-npy"
ARROW = "application/vnd.apache.arrow.stream"
BYTES = "application/octet-stream"
LIVE = "application/vnd.jupyter-chariots.live"
"""An answer that begins with what the run prints; ``server/live.py`` says how it is made."""

# What curl and the fetch() of browsers say of a body if they are not told otherwise.
_JSON = frozenset(("", JSON, "application/x-www-form-urlencoded", "text/plain"))
_BINARY = {
    NPY: NPY,
    "application/npy": NPY,
    ARROW: ARROW,
    BYTES: BYTES,
}


def is_json(content_type: str) -> bool:
    """Whether a body with this ``Content-Type`` (which may be empty) is read as JSON."""
    if content_type in _JSON:
        return True
    plain = _plain(content_type)
    return plain in _JSON or plain.endswith("+json") or "/" not in plain


def media_type(content_type: str) -> str:
    """Which of ``JSON``, ``NPY``, ``ARROW`` and ``BYTES`` a ``Content-Type`` means.

    Raises:
        UnsupportedFormat: none of them.
    """
    if is_json(content_type):
        return JSON
    known = _BINARY.get(_plain(content_type))
    if known is None:
        raise UnsupportedFormat(
            f"A body of type {_plain(content_type)[:80]!r} cannot be read.",
            hint=f"Known are {', '.join((JSON, NPY, ARROW, BYTES))}.",
        )
    return known


def preferred(accept: str) -> tuple[str, ...]:
    """The binary formats that an ``Accept`` wants rather than JSON, the best one first.

    JSON is always the last resort, whatever the header says: a run that has changed state cannot
    be undone because its output has no form in what was asked for. So nothing is refused with 406.
    A wildcard means JSON.
    """
    if not accept:
        return ()
    wanted = []
    for part in accept.split(","):
        name, *parameters = part.split(";")
        weight = _weight(parameters)
        if weight > 0:
            wanted.append((weight, _plain(name)))
    wanted.sort(key=lambda choice: -choice[0])  # stable: equal ones stay in their order
    names: list[str] = []
    for _, name in wanted:
        if name in (JSON, "*/*", "application/*"):
            break
        if name in _BINARY and _BINARY[name] not in names:
            names.append(_BINARY[name])
    return tuple(names)


def _plain(content_type: str) -> str:
    return content_type.partition(";")[0].strip().lower()


def _weight(parameters: list[str]) -> float:
    for parameter in parameters:
        name, _, value = parameter.partition("=")
        if name.strip().lower() == "q":
            try:
                return float(value)
            except ValueError:
                return 0.0
    return 1.0
