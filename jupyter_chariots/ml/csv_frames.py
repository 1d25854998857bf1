r"""Data frames as CSV that keeps what plain CSV loses: types, index and missing values.

The first line is a comment with the types as JSON, then comes the table; missing values read
``\N``, since text may well be empty or ``NA``.
"""

from __future__ import annotations

import io
import json
from typing import Any

__all__ = ["read_frame", "write_frame"]

_MISSING = "\\N"


def write_frame(frame: Any) -> bytes:
    """The frame as CSV.

    Raises:
        TypeError: it is no ``pandas.DataFrame``.
        AssertionError: another frame would come back.
    """
    import pandas as pd

    if not isinstance(frame, pd.DataFrame):
        raise TypeError("it is no pandas DataFrame")
    flat = frame.reset_index() if _has_index(frame) else frame
    columns = [flat.iloc[:, position] for position in range(len(flat.columns))]
    head = {
        "columns": list(flat.columns),
        "dtypes": [str(column.dtype) for column in columns],
        "none": [column.dtype == object and None in column.tolist() for column in columns],
        "index": len(flat.columns) - len(frame.columns),
        "names": list(frame.index.names),
    }
    body = flat.to_csv(index=False, na_rep=_MISSING, lineterminator="\n")
    payload = f"# {json.dumps(head)}\n{body}".encode()
    pd.testing.assert_frame_equal(read_frame(payload), frame)
    return payload


def read_frame(payload: bytes) -> Any:
    """The frame that :func:`write_frame` wrote."""
    import pandas as pd

    first, _, body = payload.decode().partition("\n")
    head = json.loads(first.removeprefix("# "))
    flat = pd.read_csv(io.StringIO(body), dtype=str, keep_default_na=False, na_values=[_MISSING])
    for name, dtype, none in zip(flat.columns, head["dtypes"], head["none"], strict=True):
        flat[name] = _typed(flat[name], dtype, none)
    depth = head["index"]
    frame = flat.set_index(list(flat.columns[:depth])) if depth else flat
    frame.columns = pd.Index(head["columns"][depth:])
    if depth:
        frame.index.names = head["names"]
    return frame


def _has_index(frame: Any) -> bool:
    import pandas as pd

    return not frame.index.equals(pd.RangeIndex(len(frame))) or frame.index.name is not None


def _typed(column: Any, dtype: str, none: bool) -> Any:
    """A column of text as what it was; missing objects are None or NaN."""
    import pandas as pd

    if dtype.startswith("datetime64"):
        return pd.to_datetime(column, format="ISO8601", utc="," in dtype).astype(dtype)
    if dtype.startswith("timedelta64"):
        return pd.to_timedelta(column).astype(dtype)
    if dtype in ("bool", "boolean"):
        return column.map({"True": True, "False": False}).astype(dtype)
    if dtype[:3] in ("Int", "UIn"):  # through text, since float64 cannot hold every int64
        return column.astype("string").astype(dtype)
    if none:
        return column.astype(object).where(column.notna(), None)
    return column.astype(dtype)
