import json

import numpy as np
import pandas as pd
import pytest
from scipy import sparse

from jupyter_chariots.ml.schema import input_schema, json_value


def test_a_frame_tells_names_order_types_and_a_row():
    frame = pd.DataFrame(
        {
            "width": [1.5, 2.0],
            "count": pd.array([None, 2], "Int64"),
            "day": pd.to_datetime(["2020-01-02", "2020-01-03"]),
            "kind": pd.Categorical(["a", "b"]),
        }
    )
    schema = input_schema(frame)
    assert schema["kind"] == "frame"
    assert schema["shape"] == [None, 4]
    assert [column["name"] for column in schema["columns"]] == ["width", "count", "day", "kind"]
    assert [column["dtype"] for column in schema["columns"]][:2] == ["float64", "Int64"]
    assert schema["example"] == {
        "width": 1.5,
        "count": None,
        "day": "2020-01-02T00:00:00",
        "kind": "a",
    }


def test_arrays_of_any_dimension():
    assert input_schema(np.array([[1.0, np.nan]], dtype="f4")) == {
        "kind": "array",
        "dtype": "float32",
        "shape": [None, 2],
        "example": [1.0, None],
    }
    assert input_schema(np.zeros((2, 3, 4)))["shape"] == [None, 3, 4]
    assert "example" not in input_schema(np.zeros((0, 3)))
    assert "example" not in input_schema(np.zeros((2, 100, 100)))
    assert input_schema(sparse.csr_matrix(np.eye(2)))["example"] == [1.0, 0.0]
    assert input_schema(sparse.coo_matrix(np.eye(2)))["shape"] == [None, 2]


def test_rows_and_records():
    rows = input_schema([[5.1, 3.5], [1.0, 2.0]])
    assert rows == {"kind": "rows", "dtype": "float", "shape": [None, 2], "example": [5.1, 3.5]}
    records = input_schema([{"a": 1, "b": "x"}])
    assert records["columns"] == [{"name": "a", "dtype": "int"}, {"name": "b", "dtype": "str"}]
    assert records["example"] == {"a": 1, "b": "x"}
    assert input_schema(["text", "more"])["example"] == "text"


def test_series_and_other_objects():
    assert input_schema(pd.Series([1, 2]))["example"] == 1
    assert input_schema(object()) == {"kind": "object", "type": "builtins.object"}
    assert input_schema([])["type"] == "builtins.list"


def test_wide_inputs_tell_only_their_width():
    wide = pd.DataFrame(np.zeros((1, 2000)))
    assert input_schema(wide) == {"kind": "frame", "shape": [None, 2000]}


@pytest.mark.parametrize(
    "value",
    [
        np.float64(1.5), np.int8(3), np.array([1, np.inf]), np.datetime64("2020-01-01"), pd.NaT,
        pd.NA, {1: (2, {3})}, int, print, np.longdouble(1), np.arange(10_000), "x" * 1000, b"ab",
    ],
)  # fmt: skip
def test_any_value_becomes_short_json(value):
    assert len(json.dumps(json_value(value), allow_nan=False)) < 300


def test_schemas_are_json():
    frame = pd.DataFrame({"a": [np.nan], 3: [pd.Timestamp("2020-01-01")], "c": [{"k": {1, 2}}]})
    json.dumps(input_schema(frame), allow_nan=False)
