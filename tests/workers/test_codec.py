"""Outputs as JSON."""

from __future__ import annotations

import collections
import dataclasses
import datetime as dt
import decimal
import enum
import fractions
import json
import pathlib
import uuid

import numpy as np
import pandas as pd
import pytest
from scipy import sparse
from sklearn.linear_model import LogisticRegression

from jupyter_chariots.errors import SerializationError
from jupyter_chariots.workers.codec import encode


class Colour(enum.Enum):
    RED = "red"


@dataclasses.dataclass
class Score:
    name: str
    values: np.ndarray


Pair = collections.namedtuple("Pair", "a b")
NAN, INF = float("nan"), float("inf")
DAY = dt.datetime(2024, 2, 29, 12, 30)


def strict(text):
    """Decode as JSON is defined: without NaN and Infinity."""

    def refuse(name):
        raise AssertionError(f"{name} is not JSON")

    return json.loads(text, parse_constant=refuse)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (None, None),
        (True, True),
        (2**80, 2**80),
        (0.1, 0.1),
        ("grün \ud800", "grün \ud800"),
        ([1, (2, 3)], [1, [2, 3]]),
        (Pair(1, 2), [1, 2]),
        (range(3), [0, 1, 2]),
        ({"b", "a"}, ["a", "b"]),
        (frozenset({3}), [3]),
        (collections.deque([1, 2]), [1, 2]),
        ({"a": 1}.keys(), ["a"]),
        (collections.ChainMap({"a": 1}), {"a": 1}),
        ({1: "a", None: "b", 2.5: "c"}, {"1": "a", "null": "b", "2.5": "c"}),
        (b"\x00\xff", "AP8="),
        (bytearray(b"ab"), "YWI="),
        (DAY, "2024-02-29T12:30:00"),
        (DAY.replace(tzinfo=dt.timezone.utc), "2024-02-29T12:30:00+00:00"),
        (DAY.date(), "2024-02-29"),
        (DAY.time(), "12:30:00"),
        (dt.timedelta(minutes=1.5), 90.0),
        (decimal.Decimal("0.25"), 0.25),
        (fractions.Fraction(1, 4), 0.25),
        (uuid.UUID(int=1), "00000000-0000-0000-0000-000000000001"),
        (pathlib.PurePosixPath("a/b"), "a/b"),
        (Colour.RED, "red"),
        (Score("s", np.arange(2)), {"name": "s", "values": [0, 1]}),
    ],
)
def test_values_of_the_language(value, expected):
    assert strict(encode(value)) == expected


def test_a_set_that_cannot_be_sorted_is_a_list():
    assert sorted(strict(encode({1, "a"})), key=str) == [1, "a"]


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (NAN, None),
        ([1.0, -INF, {"a": INF}], [1.0, None, {"a": None}]),
        ({NAN: 1}, {"nan": 1}),
        (np.float64("nan"), None),
        (np.array([[1.0, np.nan], [np.inf, 2.0]]), [[1.0, None], [None, 2.0]]),
        (np.array([1, "x", np.nan], dtype=object), [1, "x", None]),
        (np.ma.array([1.0, 2.0], mask=[False, True]), [1.0, None]),
        (np.array(["2024-01-01", "NaT"], dtype="M8[D]"), ["2024-01-01", None]),
        (np.array([90, "NaT"], dtype="m8[s]"), [90.0, None]),
        (pd.NaT, None),
        ([pd.NA], [None]),
        (pd.Series([1, None], dtype="Int64"), [1, None]),
        (pd.Series([1.5, None]), [1.5, None]),
    ],
)
def test_what_is_missing_is_null(value, expected):
    assert strict(encode(value)) == expected


@pytest.mark.parametrize("kind", ["b1", "i1", "u8", "i8", "f2", "f4", "f8", "longdouble"])
def test_numpy_numbers(kind):
    values = [0, 1]
    assert strict(encode(np.array([values], dtype=kind))) == [values]
    assert strict(encode(np.array(values, dtype=kind)[1])) == 1


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (np.array(["a", "bc"]), ["a", "bc"]),
        (np.array([b"a"]), ["YQ=="]),
        (np.array(7), 7),
        (np.empty((0, 3)), []),
        (np.uint64(2**63), 2**63),
        (np.bool_(True), True),
        (np.str_("a"), "a"),
        (np.datetime64("2024-01-02T03:04:05"), "2024-01-02T03:04:05"),
        (np.array([(1, 2.5)], dtype=[("a", int), ("b", float)]), [{"a": 1, "b": 2.5}]),
        ({np.int64(3): np.arange(2)}, {"3": [0, 1]}),
        (sparse.csr_matrix([[0, 1]]), [[0, 1]]),
    ],
)
def test_other_numpy_values(value, expected):
    assert strict(encode(value)) == expected


def test_a_float_keeps_its_value():
    values = np.random.default_rng(0).normal(size=100)
    assert strict(encode(values)) == values.tolist()


def test_a_data_frame_is_a_list_of_rows():
    frame = pd.DataFrame(
        {
            "number": [1, 2],
            "part": [0.5, np.nan],
            "text": ["a", None],
            "day": pd.to_datetime(["2024-01-01", None]),
            "kind": pd.Categorical(["x", "y"]),
            "whole": pd.array([1, None], dtype="Int64"),
            "flag": pd.array([True, None], dtype="boolean"),
            "string": pd.array(["s", None], dtype="string"),
            "zone": pd.to_datetime(["2024-01-01", None], utc=True),
            "wait": pd.to_timedelta([1, None], unit="min"),
        }
    )
    first = {
        "number": 1,
        "part": 0.5,
        "text": "a",
        "day": "2024-01-01T00:00:00",
        "kind": "x",
        "whole": 1,
        "flag": True,
        "string": "s",
        "zone": "2024-01-01T00:00:00+00:00",
        "wait": 60.0,
    }
    second = {**dict.fromkeys(first), "number": 2, "kind": "y"}
    assert strict(encode(frame)) == [first, second]


def test_an_index_with_a_name_is_the_first_column():
    frame = pd.DataFrame({"n": [1]}, index=pd.Index(["a"], name="key"))
    assert encode(frame) == '[{"key":"a","n":1}]'
    assert encode(frame.rename_axis(None)) == '[{"n":1}]'


def test_column_names_are_strings():
    assert strict(encode(pd.DataFrame([[1, 2]]))) == [{"0": 1, "1": 2}]
    levels = pd.MultiIndex.from_tuples([("a", 1), ("a", 2)])
    assert strict(encode(pd.DataFrame([[1, 2]], columns=levels))) == [{"a.1": 1, "a.2": 2}]


def test_columns_of_one_name_are_refused():
    with pytest.raises(SerializationError, match="more than one column named a"):
        encode(pd.DataFrame([[1, 2]], columns=["a", "a"]))


def test_series_and_indexes_are_lists():
    assert strict(encode(pd.Series(["a", "b"], index=[5, 6]))) == ["a", "b"]
    assert strict(encode(pd.Index([1, 2]))) == [1, 2]
    assert strict(encode(pd.Series([0.5, np.inf]))) == [0.5, None]
    assert strict(encode({"p": pd.Period("2024-01", "M")})) == {"p": "2024-01"}


class Circle(list):
    pass


def test_what_has_no_form_is_refused_by_its_type():
    with pytest.raises(SerializationError) as refused:
        encode({"model": [LogisticRegression()]})
    assert "LogisticRegression" in refused.value.message
    assert refused.value.details["type"].endswith("LogisticRegression")


@pytest.mark.parametrize(
    "value",
    [1j, object(), lambda: 0, int, iter([]), np.array([1j]), {object(): 1}],
)
def test_more_that_has_no_form(value):
    with pytest.raises(SerializationError):
        encode(value)


def test_a_list_that_contains_itself():
    circle = Circle()
    circle.append(circle)
    with pytest.raises(SerializationError, match="contains itself"):
        encode(circle)


def test_an_integer_of_too_many_digits():
    with pytest.raises(SerializationError):
        encode(10**5000)
