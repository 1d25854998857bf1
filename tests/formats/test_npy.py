"""Arrays as npy."""

from __future__ import annotations

import contextlib
import io
import pickle

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from jupyter_chariots.errors import InvalidInput
from jupyter_chariots.formats.npy import decode, encode

DTYPES = st.one_of(
    hnp.scalar_dtypes(),
    hnp.scalar_dtypes().map(lambda dtype: dtype.newbyteorder(">")),
    # other names need a version of the format that few readers know: see below
    hnp.array_dtypes(hnp.scalar_dtypes(), max_size=3).filter(lambda dtype: str(dtype).isascii()),
)
SHAPES = hnp.array_shapes(min_dims=0, max_dims=4, min_side=0, max_side=4)
ARRAYS = DTYPES.flatmap(lambda dtype: hnp.arrays(dtype, SHAPES))


def same(got: np.ndarray, sent: np.ndarray) -> bool:
    return (got.dtype, got.shape, got.tobytes()) == (sent.dtype, sent.shape, sent.tobytes())


@given(ARRAYS)
def test_an_array_comes_back_as_it_was(array):
    got = decode(encode(array))
    assert type(got) is np.ndarray
    assert same(got, array)
    assert got.flags.writeable
    assert got.flags.aligned


@given(ARRAYS, st.data())
def test_the_order_of_the_axes_is_kept_and_numpy_reads_it(array, data):
    array = data.draw(st.sampled_from([np.asfortranarray(array), array.T, array[..., ::-1]]
                                      if array.ndim else [array]))  # fmt: skip
    body = encode(array)
    got = decode(body)
    assert same(got, array)
    if array.flags.forc:
        assert got.flags.f_contiguous == array.flags.f_contiguous
    assert same(np.load(io.BytesIO(body), allow_pickle=False), array)


@given(ARRAYS)
def test_what_numpy_writes_is_read(array):
    stream = io.BytesIO()
    np.save(stream, array, allow_pickle=False)
    assert same(decode(stream.getvalue()), array)


def test_dates_texts_and_views():
    for array in (
        np.array(["2024-02-29", "NaT"], dtype="M8[ns]"),
        np.array([1, 2], dtype="m8[h]"),
        np.array(["é", "abc"]),
        np.array([b"ab", b""]),
        np.arange(12).reshape(3, 4)[::2, 1:],
        np.rec.array([(1, 2.5)], dtype=[("a", int), ("b", float)]),
    ):
        got = decode(encode(array))
        assert type(got) is np.ndarray
        assert same(got, np.asarray(array))


@pytest.mark.parametrize(
    "value",
    [
        [1.0],
        1.0,
        np.float64(1),
        np.array([None, {}], dtype=object),
        np.array([(1, [])], dtype=[("a", int), ("b", object)]),
        np.ma.array([1, 2], mask=[True, False]),
        np.array([1], dtype=np.dtype("i8", metadata={"of": "somebody"})),
        np.array([(1,)], dtype=[("größe ‰", int)]),
        np.array(["a"], dtype=np.dtypes.StringDType()) if hasattr(np, "strings") else [],
    ],
)
def test_what_npy_cannot_say_has_no_form_in_it(value):
    assert encode(value) is None


def pickled() -> bytes:
    stream = io.BytesIO()
    np.save(stream, np.array([print], dtype=object), allow_pickle=True)
    return stream.getvalue()


def zipped() -> bytes:
    stream = io.BytesIO()
    np.savez(stream, np.arange(3))
    return stream.getvalue()


def header(text: str, rest: bytes = b"") -> bytes:
    padded = text.ljust(117) + "\n"
    return b"\x93NUMPY\x01\x00" + len(padded).to_bytes(2, "little") + padded.encode() + rest


GOOD = encode(np.arange(6.0))


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b"", "magic"),
        (b'{"pipeline_input": 1}', "magic"),
        (pickle.dumps([1]), "magic"),
        (zipped(), "magic"),
        (pickled(), "Python objects"),
        (GOOD[:-1], "announces 48 bytes, and 47 follow"),
        (GOOD + b"0", "49 follow"),
        (GOOD[:20], "expected"),
        (b"\x93NUMPY\x09\x00" + GOOD[8:], "version"),
        (header("{'descr': '<f8', 'fortran_order': False, 'shape': (10**12,)}"), "malformed"),
        (header("{'descr': '<f8', 'fortran_order': False, 'shape': (10000000000,)}"), "announces"),
        (header("{'descr': '<f8', 'fortran_order': False, 'shape': (-1,)}", b"\0" * 8), ""),
        (header("{'descr': '<f8', 'fortran_order': False, 'shape': (-1, -1)}", b"\0" * 8), ""),
        (header("{'descr': 'zz', 'fortran_order': False, 'shape': (1,)}"), ""),
        (header("{'descr': '<f8', 'fortran_order': False, 'shape': (" + "1," * 100 + ")}"), ""),
        (header("(" * 100), ""),
        (header("__import__('os').abort()"), ""),
        (header("{'descr': '<U0', 'fortran_order': False, 'shape': (0, 9999999999999999999)}"), ""),
    ],
)  # fmt: skip
def test_what_is_not_npy_is_refused(body, reason):
    with pytest.raises(InvalidInput, match=f"not an array in npy.*{reason}"):
        decode(body)


@given(st.binary(max_size=64), st.integers(0, 200))
def test_damage_never_does_more_than_be_refused(noise, place):
    with contextlib.suppress(InvalidInput):
        decode(GOOD[:place] + noise + GOOD[place + len(noise) :])
