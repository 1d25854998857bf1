"""What the input of a fit looked like, as JSON values.

Kept with the version that the fit made, so that others can see what the model wants: names, order
and types of the columns, and one example row.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Mapping, Sequence
from typing import Any

__all__ = ["input_schema", "json_value"]

_LONGEST_TEXT = 200
_MOST_COLUMNS = 1000


def input_schema(data: Any) -> dict[str, Any]:
    """Describe the rows that a model was given.

    Returns:
        ``{"kind", "columns": [{"name", "dtype"}], "dtype", "shape", "example"}`` as far as they
        apply. ``kind`` is ``frame``, ``series``, ``array``, ``records``, ``rows`` or ``object``
        (anything else, described by its type). The first entry of ``shape``, the number of rows,
        is ``None``. ``example`` is one input row as JSON: a dict by column for frames and
        records. Of more than 1000 columns only the number is told.
    """
    pandas, numpy = sys.modules.get("pandas"), sys.modules.get("numpy")
    if pandas is not None and isinstance(data, pandas.DataFrame):
        return _frame(data)
    if pandas is not None and isinstance(data, pandas.Series):
        example = json_value(data.iloc[0]) if len(data) else None
        return {"kind": "series", "dtype": str(data.dtype), "shape": [None], "example": example}
    if numpy is not None and isinstance(data, numpy.ndarray):
        return _array("array", data)
    if hasattr(data, "shape") and hasattr(data, "dtype") and len(data.shape) > 0:
        return _array("array", data)  # sparse matrices, tensors
    if isinstance(data, Sequence) and not isinstance(data, (str, bytes)) and data:
        return _rows(data)
    return {"kind": "object", "type": f"{type(data).__module__}.{type(data).__qualname__}"}


def _frame(frame: Any) -> dict[str, Any]:
    schema: dict[str, Any] = {"kind": "frame", "shape": [None, len(frame.columns)]}
    if len(frame.columns) > _MOST_COLUMNS:
        return schema
    names = [str(name) for name in frame.columns]
    schema["columns"] = [
        {"name": name, "dtype": str(dtype)} for name, dtype in zip(names, frame.dtypes, strict=True)
    ]
    if len(frame):
        row = (frame.iloc[0, position] for position in range(len(names)))
        schema["example"] = dict(zip(names, map(json_value, row), strict=True))
    return schema


def _array(kind: str, array: Any) -> dict[str, Any]:
    shape = [int(length) for length in array.shape]
    schema: dict[str, Any] = {
        "kind": kind,
        "dtype": str(array.dtype),
        "shape": [None, *shape[1:]],
    }
    if shape[0] and math.prod(shape[1:]) <= _MOST_COLUMNS:
        row = array.tocsr()[:1].toarray()[0] if hasattr(array, "tocsr") else array[0]
        schema["example"] = json_value(row)
    return schema


def _rows(rows: Sequence[Any]) -> dict[str, Any]:
    first = rows[0]
    if isinstance(first, Mapping):
        columns = [{"name": str(n), "dtype": type(v).__name__} for n, v in first.items()]
        return {
            "kind": "records",
            "columns": columns[:_MOST_COLUMNS],
            "shape": [None, len(columns)],
            "example": json_value(first),
        }
    nested = isinstance(first, Sequence) and not isinstance(first, (str, bytes))
    shape: list[int | None] = [None, len(first)] if nested else [None]
    value = first[0] if nested and first else first
    schema = {"kind": "rows", "dtype": type(value).__name__, "shape": shape}
    if not nested or len(first) <= _MOST_COLUMNS:
        schema["example"] = json_value(first)
    return schema


def json_value(value: Any) -> Any:
    """A value as JSON: missing and infinite numbers are None, what JSON lacks is text."""
    if isinstance(value, Mapping):
        return {str(key): json_value(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [json_value(item) for item in value]
    if callable(value) and hasattr(value, "__qualname__"):
        return f"{value.__module__}.{value.__qualname__}"
    if hasattr(value, "isoformat"):
        text = value.isoformat()
        return None if text == "NaT" else text
    if hasattr(value, "tolist"):  # arrays and scalars of numpy
        if getattr(value, "size", 1) > _MOST_COLUMNS:
            return str(value)[:_LONGEST_TEXT]
        plain = value.tolist()
        return str(value) if type(plain) is type(value) else json_value(plain)
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if value is None or isinstance(value, (bool, int)):
        return value
    text = str(value)
    return None if text in ("<NA>", "NaT") else text[:_LONGEST_TEXT]
