"""Inputs against the schema of the fit."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from jupyter_chariots.errors import InvalidInput
from jupyter_chariots.ml.schema import input_schema
from jupyter_chariots.workers.codec import encode
from jupyter_chariots.workers.envelope import read_envelope
from jupyter_chariots.workers.inputs import arranged

FRAME = pd.DataFrame(
    {
        "whole": [1, 2],
        "part": [0.5, np.nan],
        "flag": [True, False],
        "text": ["a", None],
        "kind": pd.Categorical(["x", "y"]),
        "day": pd.to_datetime(["2024-01-01", None]),
        "zone": pd.to_datetime(["2024-01-01", None], utc=True),
        "wait": pd.to_timedelta([90, None], unit="s"),
        "maybe": pd.array([1, None], dtype="Int64"),
        "string": pd.array(["s", None], dtype="string"),
    }
)
SCHEMA = input_schema(FRAME)


def as_sent(frame):
    """What a client that was given the frame as JSON sends back."""
    return read_envelope(b'{"pipeline_input": ' + encode(frame).encode() + b"}").pipeline_input


def test_records_become_the_frame_that_they_came_from():
    pd.testing.assert_frame_equal(arranged(as_sent(FRAME), SCHEMA, "p"), FRAME)


def test_rows_become_a_frame():
    rows = [list(record.values()) for record in as_sent(FRAME)]
    pd.testing.assert_frame_equal(arranged(rows, SCHEMA, "p"), FRAME)


@pytest.mark.parametrize(
    "texts",
    [
        ["2024-01-01T00:00:00", "2024-01-01T00:00:00.5", None, "2024-01-02"],
        ["2024-01-01T00:00:00.000001", "2024-01-01 00:00:00"],
        ["3/1/2024", "4/30/2024"],  # all of one form, whichever it is
    ],
)
def test_times_are_read_whether_they_have_a_fraction_or_not(texts):
    rows = [{**as_sent(FRAME)[0], "day": text} for text in texts]
    got = list(arranged(rows, SCHEMA, "p")["day"])
    assert [None if pd.isna(time) else time for time in got] == [
        text and pd.Timestamp(text) for text in texts
    ]


@given(st.permutations(list(FRAME)))
def test_columns_are_put_in_order(names):
    records = [{name: record[name] for name in names} for record in as_sent(FRAME)]
    pd.testing.assert_frame_equal(arranged(records, SCHEMA, "p"), FRAME)
    pd.testing.assert_frame_equal(arranged(FRAME[names], SCHEMA, "p"), FRAME)


def test_no_rows_are_a_frame_with_the_columns():
    got = arranged([], SCHEMA, "p")
    assert got.dtypes.drop("kind").to_dict() == FRAME.dtypes.drop("kind").to_dict()


NUMBERS = input_schema(pd.DataFrame({"a": [1], "b": [2.0]}))


def test_null_in_a_column_of_numbers_is_nan():
    got = arranged([{"b": None, "a": None}, {"a": 1, "b": 2}], NUMBERS, "p")
    assert got.to_dict("list") == {"a": [pytest.approx(math.nan, nan_ok=True), 1], "b": [
        pytest.approx(math.nan, nan_ok=True), 2]}  # fmt: skip
    rows = arranged([[1, None], [None, 2]], input_schema(np.zeros((1, 2))), "p")
    assert rows[0][0] == 1
    assert math.isnan(rows[0][1])
    assert math.isnan(rows[1][0])
    records = arranged([{"b": "x", "a": None}], input_schema([{"a": 1.5, "b": "y"}]), "p")
    assert list(records[0]) == ["a", "b"]
    assert math.isnan(records[0]["a"])


def test_records_for_a_model_that_knows_no_names_are_rows():
    schema = input_schema(np.zeros((1, 2)))
    sent = [{"y": 1, "x": None}, {"x": 4, "y": 3}]
    rows = arranged(sent, schema, "p")
    assert rows == [[1, pytest.approx(math.nan, nan_ok=True)], [3, 4]]


def test_a_number_with_a_fraction_in_a_column_of_whole_ones():
    assert arranged([[1.5, 1]], NUMBERS, "p")["a"].tolist() == [1.5]


def test_columns_that_were_numbers_are_numbers():
    got = arranged([[1, 2.0]], input_schema(pd.DataFrame([[1, 2.0]])), "p")
    assert got.columns.tolist() == [0, 1]


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ([{"a": 1}], "missing 'b'"),
        ([{"a": 1, "b": 2, "c": 3, "d": 4}], "unknown 'c', 'd'"),
        ([{"a": 1, "b": 2}, {"a": 1, "B": 2}], "of record 1 are missing 'b' and unknown 'B'"),
        ([[1, 2], [1]], "row 1 has 1 values for 2 columns"),
        ([[1, "x"]], "column 'b' do not go into its type float64"),
        (pd.DataFrame({"b": [1]}), "missing 'a'"),
        (pl.DataFrame({"a": [1], "b": [1], "c": [1]}), "unknown 'c'"),
    ],
)
def test_what_does_not_fit_is_refused_by_name(rows, message):
    with pytest.raises(InvalidInput, match=message) as refused:
        arranged(rows, NUMBERS, "p")
    assert refused.value.details["pipeline"] == "p"
    assert "'a', 'b'" in refused.value.hint


def test_text_is_no_boolean():
    with pytest.raises(InvalidInput, match="'no' is neither true nor false"):
        arranged([["no"]], input_schema(pd.DataFrame({"f": [True]})), "p")


def test_columns_of_records_are_checked_too():
    schema = input_schema([{"a": 1, "b": "x"}])
    assert arranged([{"b": "y", "a": 2}], schema, "p") == [{"a": 2, "b": "y"}]
    with pytest.raises(InvalidInput, match="missing 'b'"):
        arranged([{"a": 2}], schema, "p")


def test_polars_keeps_its_kind():
    got = arranged(pl.DataFrame({"b": [1.0], "a": [2]}), NUMBERS, "p")
    assert got.equals(pl.DataFrame({"a": [2], "b": [1.0]}))


@pytest.mark.parametrize("schema", [NUMBERS, input_schema(np.zeros((1, 2))), {"kind": "object"}])
@pytest.mark.parametrize("value", [3, "a", {"a": 1}, [[1, 2], {"a": 1}], np.zeros((2, 2))])
def test_anything_else_comes_as_it_is(schema, value):
    assert arranged(value, schema, "p") is value


def test_rows_without_null_are_the_same_ones():
    rows = [[1.0, 2.0], [3.0, 4.0]]
    assert arranged(rows, input_schema(np.zeros((1, 2))), "p") is rows
