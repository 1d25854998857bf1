import datetime
import json

import numpy as np
import pandas as pd
import pytest

from jupyter_chariots.client.values import accepted, as_data, encode, is_data
from jupyter_chariots.errors import InvalidInput
from jupyter_chariots.formats import ARROW, BYTES, NPY


def round_trip(value):
    return json.loads(encode({"pipeline_input": value}))["pipeline_input"]


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (None, None),
        ([1, 2.5, "é", True, None, {"a": [1]}], [1, 2.5, "é", True, None, {"a": [1]}]),
        ((1, 2), [1, 2]),
        (np.arange(6).reshape(2, 3), [[0, 1, 2], [3, 4, 5]]),
        (np.array(3), 3),
        (np.float32(0.5), 0.5),
        ({"x": np.array([True, False])}, {"x": [True, False]}),
        (np.array([1.0, np.nan, np.inf]), [1.0, None, None]),
        ([float("nan"), np.float64("nan"), {"a": -float("inf")}], [None, None, {"a": None}]),
        (pd.Series([1, 2]), [1, 2]),
        (pd.Index(["a", "b"]), ["a", "b"]),
        (pd.Series([1, None], dtype="Int64"), [1, None]),
        (pd.DataFrame({"a": [1], "b": [None]}, index=[7]), [{"a": 1, "b": None}]),
        (pd.DataFrame({0: [1, 2], 1: [0.5, None]}), [[1, 0.5], [2, None]]),
        (pd.DataFrame([[1, 2]], columns=["a", "a"]), [[1, 2]]),
        (
            pd.DataFrame({"a": ["x"], "t": [pd.Timestamp(0)]}),
            [{"a": "x", "t": "1970-01-01T00:00:00"}],
        ),
        (pd.DataFrame({"a": []}), []),
        (pd.Timestamp("2024-01-02"), "2024-01-02T00:00:00"),
        (datetime.date(2024, 1, 2), "2024-01-02"),
        (np.datetime64("2024-01-02"), "2024-01-02"),
        ([pd.NaT, pd.NA], [None, None]),
    ],
)
def test_values_as_json(value, expected):
    assert round_trip(value) == expected


def test_a_polars_frame():
    polars = pytest.importorskip("polars")
    assert round_trip(polars.DataFrame({"a": [1], "b": [None]})) == [{"a": 1, "b": None}]


def test_an_object_without_json_is_named():
    with pytest.raises(InvalidInput, match=r"there is no JSON for builtins\.complex"):
        encode({"pipeline_input": [1j]})


def test_a_container_that_holds_itself_is_refused():
    endless: list[object] = []
    endless.append(endless)
    with pytest.raises(InvalidInput):
        encode(endless)


def test_a_key_that_is_no_string_or_number_is_refused():
    with pytest.raises(InvalidInput, match="keys must be"):
        encode({(1, 2): 3})


def test_bytes_inside_of_others_are_base64():
    assert round_trip([b"ab", {"x": memoryview(b"c")}]) == ["YWI=", {"x": "Yw=="}]


def test_a_structured_array_that_would_lose_its_names_is_refused():
    with pytest.raises(InvalidInput, match="names of its fields"):
        encode({"pipeline_input": [np.zeros(2, dtype=[("a", int)])]})


@pytest.mark.parametrize(
    ("value", "media"),
    [
        (np.zeros(2), NPY),
        (np.array(["a", None], dtype=object), None),
        (pd.DataFrame({"a": [1]}), ARROW),
        (pd.Series([1]), ARROW),
        (pd.DataFrame([[1, 2]], columns=["a", "a"]), None),
        (b"ab", BYTES),
    ],
)
def test_data_travels_as_such_where_it_can(value, media):
    content = as_data(value)
    assert (content and content[0]) == media
    assert is_data(value)


@pytest.mark.parametrize("value", [None, 1, "a", [np.zeros(2)], {"a": pd.Series([1])}, (1,)])
def test_everything_else_is_json(value):
    assert as_data(value) is None
    assert not is_data(value)


def test_what_is_accepted_ends_with_json():
    assert accepted() == f"{NPY}, {ARROW}, {BYTES}, application/json;q=0.5"
