from __future__ import annotations

import threading
from datetime import datetime

import pytest

from jupyter_chariots.errors import BadRequest
from jupyter_chariots.versioning.version import (
    EMPTY_DIGEST,
    Version,
    VersionType,
    combine,
    digest,
    now,
)


def test_version_of_nothing() -> None:
    assert Version() == Version()
    assert Version().digests == (EMPTY_DIGEST,) * 3


def test_text_and_back() -> None:
    version = Version(digest(b"a"), digest(b"b"), digest(b"c"))
    assert Version.parse(str(version)) == version
    assert str(Version.parse(str(version))) == str(version)
    major, minor, rest = str(version).split(".", 2)
    patch, created = rest.split("_")
    assert (major, minor, patch) == version.digests
    assert datetime.fromisoformat(created) == version.created
    assert "." in created


def test_microseconds_are_always_written() -> None:
    version = Version(created=datetime(2026, 1, 2, 3, 4, 5))
    assert str(version).endswith("_2026-01-02T03:04:05.000000")


def test_repr_is_that_of_chariots() -> None:
    version = Version("36d3c" + "0" * 35, "94e72" + "0" * 35, "94e72" + "1" * 35)
    assert repr(version) == "<Version, major:36d3c, minor: 94e72, patch: 94e72>"


@pytest.mark.parametrize("text", ["", "1.0.2", "x.y.z_2026-01-01", f"{'0' * 40}." * 2])
def test_what_is_no_version(text: str) -> None:
    with pytest.raises(BadRequest, match="not a version"):
        Version.parse(text)


def test_equal_by_digests_only() -> None:
    old, new = Version(), Version()
    assert old == new
    assert hash(old) == hash(new)
    assert not old < new
    assert not old > new
    assert old != "version"
    assert old != 3


def test_earlier_and_later_means_different() -> None:
    old = Version(digest(b"old"))
    new = Version(digest(b"new"))
    assert old < new
    assert new > old
    with pytest.raises(TypeError):
        _ = old < "x"  # type: ignore[operator]


def test_time_rises_strictly_in_all_threads() -> None:
    times: list[datetime] = []

    def ask() -> None:
        times.extend(now() for _ in range(500))

    threads = [threading.Thread(target=ask) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(set(times)) == 2000


@pytest.mark.parametrize("level", list(VersionType))
def test_learned_state_goes_into_its_level(level: VersionType) -> None:
    plain = Version()
    learned = plain.learned(level, "state")
    changed = [
        one for one in VersionType if getattr(plain, one.value) != getattr(learned, one.value)
    ]
    assert changed == [level]
    assert learned == Version().learned(level, "state")
    assert learned != Version().learned(level, "other")
    assert learned > plain


def test_combination_does_not_depend_on_order() -> None:
    a, b = Version(digest(b"a")), Version(digest(b"b"))
    assert combine([("a", a), ("b", b)]) == combine([("b", b), ("a", a)])
    assert combine([("a", a), ("b", b)]) != combine([("a", b), ("b", a)])
    assert combine([("a", a), ("b", b)]).created == max(a.created, b.created)
    assert combine([]) == Version()


def test_parts_are_told_apart() -> None:
    assert digest(b"ab", b"c") != digest(b"a", b"bc")
    assert digest() != digest(b"")
