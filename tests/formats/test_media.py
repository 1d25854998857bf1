"""Media types and what is accepted."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jupyter_chariots.errors import UnsupportedFormat
from jupyter_chariots.formats import ARROW, BYTES, JSON, NPY, encode, media_type, preferred


@pytest.mark.parametrize(
    ("given", "media"),
    [
        ("", JSON),
        ("application/json", JSON),
        ("Application/JSON; charset=utf-8", JSON),
        ("application/ld+json", JSON),
        ("application/x-www-form-urlencoded", JSON),
        ("text/plain; charset=utf-8", JSON),
        ("json", JSON),
        ("application/x-npy", NPY),
        ("application/npy ; version=1", NPY),
        ("application/vnd.apache.arrow.stream", ARROW),
        ("application/octet-stream", BYTES),
    ],
)
def test_types_of_bodies(given, media):
    assert media_type(given) == media


@pytest.mark.parametrize("given", ["text/csv", "application/x-python-pickle", "image/png"])
def test_other_types_are_refused(given):
    with pytest.raises(UnsupportedFormat) as refused:
        media_type(given)
    assert refused.value.status == 415


@pytest.mark.parametrize(
    ("accept", "formats"),
    [
        ("", ()),
        ("*/*", ()),
        ("text/html, */*;q=0.8", ()),
        (NPY, (NPY,)),
        (f"{NPY}, {JSON}", (NPY,)),
        (f"{JSON}, {NPY}", ()),
        (f"{JSON};q=0.5, {NPY}", (NPY,)),
        (f"{NPY};q=0.2, {ARROW}; q=0.9, {JSON};q=0.1", (ARROW, NPY)),
        (f"{NPY};q=0, {ARROW}", (ARROW,)),
        (f"{NPY};q=much, {BYTES}", (BYTES,)),
        ("application/npy, application/x-npy", (NPY,)),
    ],
)
def test_formats_that_are_preferred_to_json(accept, formats):
    assert preferred(accept) == formats


@given(st.text())
def test_any_text_may_be_an_accept(accept):
    assert set(preferred(accept)) <= {NPY, ARROW, BYTES}


def test_bytes():
    for data in (b"", b"ab", bytearray(b"ab"), memoryview(b"abcd")[::2]):
        assert encode(data, (NPY, ARROW, BYTES)) == (BYTES, bytes(data))
    assert encode("ab", (NPY, ARROW, BYTES)) is None
