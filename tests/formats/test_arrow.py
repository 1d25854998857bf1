"""Frames and series as Arrow streams."""

from __future__ import annotations

import datetime as dt
import decimal
import io
import json
import string

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import pandas as hpd
from polars.testing import assert_frame_equal, assert_series_equal
from polars.testing.parametric import dataframes

from jupyter_chariots.errors import InvalidInput
from jupyter_chariots.formats.arrow import decode, encode

NAMES = st.text(string.ascii_letters, min_size=1, max_size=6)
TEXTS = st.one_of(st.none(), st.text(st.characters(exclude_categories=["Cs"]), max_size=5))
TIMES = st.datetimes(dt.datetime(1900, 1, 1), dt.datetime(2200, 1, 1))
INTS = st.integers(-(2**31), 2**31 - 1)
JSON = st.recursive(
    st.one_of(
        st.none(), st.booleans(), INTS, st.floats(allow_nan=False), st.text("äb", max_size=3)
    ),
    lambda inner: st.one_of(
        st.lists(inner, max_size=2), st.dictionaries(st.text("xy"), inner, max_size=2)
    ),
    max_leaves=4,
)


def nullable(elements, dtype):
    return elements, lambda values: pd.array(values, dtype=dtype)


KINDS = {
    "float64": nullable(st.floats(), "float64"),
    "float32": nullable(st.floats(width=32), "float32"),
    "int8": nullable(st.integers(-128, 127), "int8"),
    "uint64": nullable(st.integers(0, 2**64 - 1), "uint64"),
    "bool": nullable(st.booleans(), "bool"),
    "Int64": nullable(st.one_of(st.none(), INTS), "Int64"),
    "UInt8": nullable(st.one_of(st.none(), st.integers(0, 255)), "UInt8"),
    "Float64": nullable(st.one_of(st.none(), st.floats(allow_nan=False)), "Float64"),
    "boolean": nullable(st.one_of(st.none(), st.booleans()), "boolean"),
    "string": nullable(TEXTS, "string"),
    "text": (TEXTS, lambda values: pd.Series(values, dtype=pd.Series(["a"]).dtype)),
    # not from an array of objects, of which pandas 3 makes strings
    "object": (TEXTS, lambda values: pd.Series(values, dtype=object)),
    "category": (
        st.sampled_from(["a", "b", None]),
        lambda values: pd.Categorical(values, ["c", "b", "a"], ordered=True),
    ),
    "objects": (
        st.sampled_from(["a", "b", None]),
        lambda values: pd.Categorical(values, pd.Index(["c", "b", "a"], dtype=object)),
    ),
    "numbers": (st.sampled_from([3, 1]), lambda values: pd.Categorical(values, [3, 2, 1])),
    "time": nullable(st.one_of(st.none(), TIMES), "datetime64[us]"),
    "seconds": nullable(TIMES.map(lambda time: time.replace(microsecond=0)), "datetime64[s]"),
    "zone": (
        TIMES,
        lambda values: pd.to_datetime(pd.Series(values, dtype="datetime64[us]"), utc=True)
        .dt.tz_convert("Asia/Kolkata"),
    ),
    "wait": nullable(st.timedeltas(dt.timedelta(-999), dt.timedelta(999)), "timedelta64[us]"),
    "day": nullable(st.dates(), object),
    "bytes": nullable(st.binary(max_size=3), object),
    "decimal": nullable(st.decimals(0, 9, places=2), object),
    "mixed": (
        JSON.filter(lambda value: value is not None),
        lambda values: pd.Series([*values, 0], dtype=object).iloc[:-1],
    ),
}  # fmt: skip


@st.composite
def frames(draw):
    names = draw(st.lists(NAMES, max_size=5, unique=True))
    rows = draw(st.integers(0, 4)) if names else 0
    columns = {}
    for name in names:
        elements, make = KINDS[draw(st.sampled_from(sorted(KINDS)))]
        made = make(draw(st.lists(elements, min_size=rows, max_size=rows)))
        columns[name] = pd.Series(made).reset_index(drop=True)
    return pd.DataFrame(columns, index=pd.RangeIndex(rows))


@given(frames())
def test_a_pandas_frame_comes_back_as_it_was(frame):
    got = decode(encode(frame))
    pd.testing.assert_frame_equal(got, frame)
    assert [str(dtype) for dtype in got.dtypes] == [str(dtype) for dtype in frame.dtypes]


@given(frames(), st.data())
def test_an_index_with_a_name_is_kept_and_one_without_is_dropped(frame, data):
    values = data.draw(st.lists(INTS, min_size=len(frame), max_size=len(frame)))
    name = data.draw(st.one_of(st.none(), NAMES))
    frame = frame.set_axis(pd.Index(values, dtype="int64", name=name))
    expected = frame.reset_index(drop=True) if name is None else frame
    pd.testing.assert_frame_equal(decode(encode(frame)), expected)


@given(frames(), st.one_of(st.none(), NAMES, st.integers(0, 9)))
def test_a_series_comes_back_as_it_was(frame, name):
    for column in frame:
        series = frame[column].rename(name)
        pd.testing.assert_series_equal(decode(encode(series)), series)


@given(hpd.data_frames([hpd.column(dtype=float), hpd.column(dtype=int)]))
def test_columns_that_are_numbers(frame):
    pd.testing.assert_frame_equal(decode(encode(frame)), frame.reset_index(drop=True))


# Arrow has no integers of 128 bits, and no type for what is of any type
POLARS = dataframes(max_cols=4, max_size=4, excluded_dtypes=[pl.Int128, pl.UInt128, pl.Object])


@given(POLARS)
def test_a_polars_frame_comes_back_as_it_was(frame):
    assert_frame_equal(decode(encode(frame)), frame)
    for series in frame:
        assert_series_equal(decode(encode(series)), series)


@pytest.mark.parametrize(
    "index",
    [
        pd.MultiIndex.from_tuples([("a", 1), ("b", 2)], names=["k", None]),
        pd.DatetimeIndex(["2024-01-01", "2024-01-02"], name="day", tz="UTC"),
        pd.CategoricalIndex(["x", "y"], name="kind"),
        pd.Index([1.5, 2.5], name="a"),
    ],
    ids=["levels", "days", "categories", "named like a column"],
)
def test_indexes(index):
    frame = pd.DataFrame({"a": [1, 2]}, index=index)
    pd.testing.assert_frame_equal(decode(encode(frame)), frame, check_freq=False)


@pytest.mark.parametrize("dtype", [object, "string", None], ids=["object", "string", "default"])
@pytest.mark.parametrize("values", [["a", ""], ["a", None], ["", "", ""], [None], []])
def test_texts_are_what_they_were(dtype, values):
    column = pd.Series(values, dtype=dtype)
    categories = pd.Categorical(values, pd.Index(["a", ""], dtype=dtype))
    frame = pd.DataFrame({"text": column, "category": categories, "n": range(len(values))})
    got = decode(encode(frame))
    pd.testing.assert_frame_equal(got, frame)
    assert [*map(repr, got["text"])] == [*map(repr, frame["text"])]  # None and nan are two things
    pd.testing.assert_series_equal(decode(encode(column)), column)


def test_columns_with_levels():
    levels = pd.MultiIndex.from_tuples([("a", "x"), ("a", "y")], names=["one", None])
    frame = pd.DataFrame([[1, 2.0]], columns=levels)
    pd.testing.assert_frame_equal(decode(encode(frame)), frame)


def test_what_comes_out_may_be_written_into():
    got = decode(encode(pd.DataFrame({"a": [1.0, 2.0], "b": [1, 2]})))
    got.loc[0, "a"] = 5.0
    assert got["a"].tolist() == [5.0, 2.0]


def test_missing_values_in_mixed_columns():
    frame = pd.DataFrame({"m": pd.Series([1, pd.NA, None, np.int64(3), (1, 2)], dtype=object)})
    assert decode(encode(frame))["m"].tolist() == [1, None, None, 3, [1, 2]]


def test_a_table_is_itself():
    table = pa.table({"a": [1, 2], "b": [["x"], None]}, metadata={"of": "somebody"})
    got = decode(encode(table))
    assert got.equals(table, check_metadata=True)


def test_a_stream_of_another_program_is_a_pandas_frame():
    stream = io.BytesIO()
    table = pa.table({"a": pa.array([1, None]), "b": ["x", "y"], "c": [decimal.Decimal("1.5")] * 2})
    with pa.ipc.new_stream(stream, table.schema) as writer:
        writer.write_table(table)
    got = decode(stream.getvalue())
    assert got.to_dict("list")["b"] == ["x", "y"]
    stream = io.BytesIO()
    pl.DataFrame({"a": [1]}).write_ipc_stream(stream)
    assert isinstance(decode(stream.getvalue()), pd.DataFrame)


@pytest.mark.parametrize(
    "value",
    [
        [1],
        np.zeros(2),
        pd.Index([1]),
        pd.DataFrame([[1, 2]], columns=["a", "a"]),
        pd.DataFrame(index=range(3)),
        pd.DataFrame({"a": [1j]}),
        pd.DataFrame({"a": [object()]}),
        pd.DataFrame({"a": pd.arrays.SparseArray([0, 1])}),
    ],
)
def test_what_arrow_cannot_say_has_no_form_in_it(value):
    assert encode(value) is None


GOOD = encode(pd.DataFrame({"a": ["x", "yy"], "b": pd.Categorical(["p", "q"]), "c": [1, "m"]}))


def noted(note: bytes, table: pa.Table | None = None) -> bytes:
    table = (table or pa.table({"a": [1]})).replace_schema_metadata({"jupyter_chariots": note})
    stream = io.BytesIO()
    with pa.ipc.new_stream(stream, table.schema) as writer:
        writer.write_table(table)
    return stream.getvalue()


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{}",
        b"ARROW1\0\0" + GOOD,
        GOOD[: len(GOOD) // 2],
        noted(b"{"),
        noted(b"[]"),
        noted(json.dumps({"type": "pandas.DataFrame", "json": [5]}).encode()),
        noted(json.dumps({"type": "pandas.DataFrame", "json": [0]}).encode()),
    ],
)
def test_what_is_no_arrow_stream_is_refused(body):
    with pytest.raises(InvalidInput, match="Arrow stream"):
        decode(body)
