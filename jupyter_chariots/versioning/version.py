"""Versions: three digests and the time at which they came to be."""

from __future__ import annotations

import enum
import re
import threading
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta, timezone
from hashlib import blake2b

from ..errors import BadRequest
from .names import shown

__all__ = ["EMPTY_DIGEST", "Version", "VersionType", "combine", "digest", "now"]

_DIGEST_BYTES = 20


class VersionType(enum.Enum):
    """How much a change matters: MAJOR breaks what was trained downstream, the others only warn."""

    MAJOR = "major"
    MINOR = "minor"
    PATCH = "patch"


def digest(*parts: bytes) -> str:
    """BLAKE2b of the parts, as 40 hexadecimal digits.

    Each part is preceded by its length, so that no two lists of parts share a digest.
    """
    state = blake2b(digest_size=_DIGEST_BYTES)
    for part in parts:
        state.update(len(part).to_bytes(8, "big"))
        state.update(part)
    return state.hexdigest()


EMPTY_DIGEST = digest()

_clock = threading.Lock()
_last = datetime.min


def now() -> datetime:
    """The current time as naive UTC; each call in a process is later than the one before."""
    global _last
    with _clock:
        current = datetime.now(timezone.utc).replace(tzinfo=None)
        _last = current if current > _last else _last + timedelta(microseconds=1)
        return _last


_STRING = re.compile(r"([0-9a-f]{40})\.([0-9a-f]{40})\.([0-9a-f]{40})_(\S+)")


@dataclass(frozen=True, eq=False)
class Version:
    """A version of an op: digests of what matters much, less and least, and a creation time.

    Two versions are equal when their digests are; ``a < b`` means that they differ and that ``a``
    is the older one. ``Version()`` is the version of something without fields.
    """

    major: str = EMPTY_DIGEST
    minor: str = EMPTY_DIGEST
    patch: str = EMPTY_DIGEST
    created: datetime = field(default_factory=now)

    @property
    def digests(self) -> tuple[str, str, str]:
        """The three digests, the most important one first."""
        return self.major, self.minor, self.patch

    def __eq__(self, other: object) -> bool:
        return self.digests == other.digests if isinstance(other, Version) else NotImplemented

    def __hash__(self) -> int:
        return hash(self.digests)

    def __lt__(self, other: object) -> bool:
        if not isinstance(other, Version):
            return NotImplemented
        return self != other and self.created < other.created

    def __gt__(self, other: object) -> bool:
        if not isinstance(other, Version):
            return NotImplemented
        return self != other and self.created > other.created

    def __str__(self) -> str:
        created = self.created.isoformat(timespec="microseconds")
        return f"{self.major}.{self.minor}.{self.patch}_{created}"

    def __repr__(self) -> str:
        return (
            f"<Version, major:{self.major[:5]}, minor: {self.minor[:5]}, patch: {self.patch[:5]}>"
        )

    @classmethod
    def parse(cls, text: str) -> Version:
        """Read what ``str(version)`` wrote.

        Raises:
            BadRequest: the text is not a version.
        """
        match = _STRING.fullmatch(text)
        try:
            if match:
                major, minor, patch, created = match.groups()
                return cls(major, minor, patch, datetime.fromisoformat(created))
        except ValueError:
            pass
        raise BadRequest(
            f"{shown(text)} is not a version.",
            hint="A version reads <major>.<minor>.<patch>_<creation time>, as str(version) gives.",
        )

    def at(self, created: datetime) -> Version:
        """The same version with another creation time."""
        return replace(self, created=created)

    def learned(self, level: VersionType, fingerprint: str) -> Version:
        """The version of an op of this class-level version with learned state.

        The fingerprint of the state goes into the digest of ``level``; the time is now.
        """
        mixed = digest(getattr(self, level.value).encode(), fingerprint.encode())
        return replace(self, created=now(), **{level.value: mixed})


def combine(versions: Iterable[tuple[str, Version]]) -> Version:
    """One version for several named ones; its time is that of the latest."""
    ordered = sorted(versions, key=lambda named: named[0])
    if not ordered:
        return Version()
    major, minor, patch = (
        digest(*(part.encode() for name, v in ordered for part in (name, getattr(v, level.value))))
        for level in VersionType
    )
    return Version(major, minor, patch, max(version.created for _, version in ordered))
