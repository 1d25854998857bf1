from __future__ import annotations

import random
import threading
from datetime import datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jupyter_chariots.errors import BadRequest
from jupyter_chariots.versioning.version import (
    EMPTY_DIGEST,
    Version,
    VersionType,
    combine,
    digest,
    now,
)

from ..made_up import made_up, refusal


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


PARTS = st.binary(max_size=20)
VERSIONS = st.builds(
    Version,
    *[st.builds(digest, PARTS)] * 3,
    created=st.datetimes(),
)


@made_up(100)
@given(VERSIONS)
def test_any_version_is_read_back_from_its_text(version: Version) -> None:
    copy = Version.parse(str(version))
    assert (copy, copy.created, hash(copy)) == (version, version.created, hash(version))
    assert str(copy) == str(version)
    assert not copy < version
    assert not copy > version


@made_up(100)
@given(VERSIONS, VERSIONS)
def test_order_is_that_of_creation_among_different_ones(a: Version, b: Version) -> None:
    assert (a == b) == (a.digests == b.digests)
    assert (a < b) == (b > a) == (a != b and a.created < b.created)
    assert not (a < b and a > b)


@made_up(200)
@given(st.text() | VERSIONS.map(str).flatmap(lambda text: st.text(max_size=3).map(text.__add__)))
def test_any_other_text_is_refused_or_is_the_same_version(text: str) -> None:
    refused = refusal(Version.parse, text)
    if refused is None:
        version = Version.parse(text)
        assert Version.parse(str(version)) == version
    else:
        assert isinstance(refused, BadRequest)
        assert len(str(refused)) < 500


@made_up(100)
@given(st.lists(PARTS, max_size=5), st.lists(PARTS, max_size=5))
def test_equal_digests_come_from_equal_parts(a: list[bytes], b: list[bytes]) -> None:
    assert (digest(*a) == digest(*b)) == (a == b)


@made_up(50)
@given(st.dictionaries(st.text(max_size=5), VERSIONS, max_size=4), st.randoms())
def test_any_order_combines_to_the_same(named: dict[str, Version], chance: random.Random) -> None:
    shuffled = list(named.items())
    chance.shuffle(shuffled)
    assert combine(shuffled) == combine(named.items())
