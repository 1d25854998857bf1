"""Tensors of the Open Inference Protocol as JSON and as bytes."""

from __future__ import annotations

import json
import struct

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from tritonclient.utils import np_to_triton_dtype, triton_to_np_dtype

from jupyter_chariots.errors import InvalidInput, SerializationError
from jupyter_chariots.formats.tensors import datatype, read_tensors, write_tensor

NUMBERS = ["?", "i1", "i2", "i4", "i8", "u1", "u2", "u4", "u8", "f2", "f4", "f8"]
ARRAYS = st.sampled_from(NUMBERS).flatmap(
    lambda dtype: hnp.arrays(dtype, hnp.array_shapes(min_dims=1, max_dims=3, max_side=3))
)


def one(entry, binary=b""):
    (tensor,) = read_tensors([{"name": "x", **entry}], binary)
    return tensor.values


@given(ARRAYS, st.booleans())
def test_what_is_written_is_read(array, binary):
    entry, raw = write_tensor("x", array, binary=binary)
    assert entry["datatype"] == np_to_triton_dtype(array.dtype)
    got = one(json.loads(json.dumps(entry, allow_nan=False)), raw)
    assert (got.dtype, got.shape) == (array.dtype, array.shape)
    if not binary:  # JSON has no infinities
        array = np.where(np.isfinite(array), array, np.nan) if array.dtype.kind == "f" else array
    np.testing.assert_array_equal(got, array)
    got[...] = 0  # an op may write into what it gets


@given(st.lists(st.text()), st.booleans())
def test_texts(texts, binary):
    array = np.array(texts, dtype=object)
    entry, raw = write_tensor("x", array, binary=binary)
    assert one(json.loads(json.dumps(entry)), raw).tolist() == texts


def test_bytes_that_are_no_text():
    items = [b"\xff\x00", b"ab"]
    entry, raw = write_tensor("x", np.array(items, dtype=object), binary=True)
    assert one(entry, raw).tolist() == items
    with pytest.raises(SerializationError, match="no text"):
        write_tensor("x", np.array(items, dtype=object), binary=False)


def test_nested_and_flat_are_the_same():
    shape = {"shape": [2, 2], "datatype": "INT32"}
    nested, flat = one({**shape, "data": [[1, 2], [3, 4]]}), one({**shape, "data": [1, 2, 3, 4]})
    assert nested.tolist() == flat.tolist() == [[1, 2], [3, 4]]
    assert nested.dtype == np.int32


def test_null_is_nan():
    values = one({"shape": [2], "datatype": "FP32", "data": [1, None]})
    assert values[0] == 1
    assert np.isnan(values[1])


def test_several_share_the_bytes_in_their_order():
    entries = [
        {"name": "a", "shape": [2], "datatype": "UINT16", "parameters": {"binary_data_size": 4}},
        {"name": "b", "shape": [1], "datatype": "INT8", "data": [-1]},
        {"name": "c", "shape": [1, 2], "datatype": "BOOL", "parameters": {"binary_data_size": 2}},
    ]
    tensors = read_tensors(entries, bytearray(struct.pack("<HH??", 1, 65535, True, False)))
    assert [tensor.name for tensor in tensors] == ["a", "b", "c"]
    got = [tensor.values.tolist() for tensor in tensors]
    assert got == [[1, 65535], [-1], [[True, False]]]


@pytest.mark.parametrize(
    ("entry", "binary", "message"),
    [
        ({"datatype": "FP8"}, b"", "datatype is none of"),
        ({"datatype": ["INT8"]}, b"", "is no tensor"),
        ({"shape": [-1]}, b"", "no list of whole numbers"),
        ({"shape": [1.0]}, b"", "no list of whole numbers"),
        ({"shape": None}, b"", "no list of whole numbers"),
        ({"shape": [10**9, 0], "data": []}, b"", "must begin with 0"),
        ({"shape": [0, 10**30], "data": []}, b"", "is no tensor"),
        ({"shape": [1] * 99, "data": [1]}, b"", "is no tensor"),
        ({}, b"", "neither data nor"),
        ({"data": 1}, b"", "no list"),
        ({"data": [1]}, b"", "has 1 elements"),
        ({"data": [1, 2, 3]}, b"", "has 3 elements"),
        ({"data": [[1, 2]]}, b"", "not nested as its shape"),
        ({"data": [[1], 2]}, b"", "is not of datatype INT8"),
        ({"data": [1, 300]}, b"", "INT8|is no tensor"),
        ({"data": [1, True]}, b"", "true is not of datatype INT8"),
        ({"data": [1, 1.0]}, b"", "1.0 is not of datatype INT8"),
        ({"data": [1, None]}, b"", "null is not of datatype INT8"),
        ({"data": [1, "2"]}, b"", "not of datatype INT8"),
        ({"datatype": "BYTES", "data": ["a", 1]}, b"", "not of datatype BYTES"),
        ({"parameters": {"binary_data_size": 3}}, b"ab", "2 bytes are left"),
        ({"parameters": {"binary_data_size": -1}}, b"ab", "2 bytes are left"),
        ({"parameters": {"binary_data_size": True}}, b"ab", "2 bytes are left"),
        ({"parameters": {"binary_data_size": 1}}, b"a", "have 2 bytes, not 1"),
        ({"parameters": {"binary_data_size": 2}}, b"abc", "1 bytes follow"),
        ({"datatype": "BYTES", "parameters": {"binary_data_size": 2}}, b"ab", "cut off"),
        (
            {"datatype": "BYTES", "parameters": {"binary_data_size": 5}},
            b"\x02\0\0\0a",
            "cut off",
        ),
        (
            {"datatype": "BYTES", "parameters": {"binary_data_size": 5}},
            b"\x01\0\0\0a",
            "2 elements, and it has 1",
        ),
    ],
)
def test_what_is_no_tensor(entry, binary, message):
    with pytest.raises(InvalidInput, match=message):
        one({"shape": [2], "datatype": "INT8", **entry}, binary)


@pytest.mark.parametrize(
    "entries", [None, {}, [1], [{}], [{"name": 1}], [{"name": "x", "shape": [0],
                "datatype": "INT8", "data": []}] * 2]
)  # fmt: skip
def test_what_is_no_list_of_tensors(entries):
    with pytest.raises(InvalidInput):
        read_tensors(entries, b"")


@pytest.mark.parametrize(
    ("dtype", "wanted"),
    [
        ("int", "INT64"), ("float", "FP64"), ("bool", "BOOL"), ("boolean", "BOOL"),
        ("Int16", "INT16"), ("UInt8", "UINT8"), ("Float32", "FP32"), ("float16", "FP16"),
        ("object", "BYTES"), ("str", "BYTES"), ("category", "BYTES"), ("datetime64[ns]", "BYTES"),
        ("complex128", "BYTES"), ("interval[int64, right]", "BYTES"),
    ],
)  # fmt: skip
def test_datatypes_of_schemas(dtype, wanted):
    assert datatype(dtype) == wanted


@pytest.mark.parametrize("dtype", NUMBERS)
def test_datatypes_are_those_of_triton(dtype):
    assert triton_to_np_dtype(datatype(str(np.dtype(dtype)))) == np.dtype(dtype)
