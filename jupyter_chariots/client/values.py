"""Inputs as bytes.

Arrays, frames and bytes travel as what they are. Everything else, and what is in lists and dicts,
is JSON: numpy arrays, pandas frames, dates and the like become plain values.
"""

from __future__ import annotations

import base64
import json
import math
from collections.abc import Mapping
from typing import Any

from .. import formats
from ..errors import InvalidInput

__all__ = ["accepted", "as_data", "encode", "is_data"]


def is_data(value: Any) -> bool:
    """Whether the input is no JSON value but an array, a frame, a series or bytes.

    Then the output is asked for as such, even where the input has to be sent as JSON.
    """
    return isinstance(value, (bytes, bytearray, memoryview)) or any(
        hasattr(value, name) for name in ("dtype", "columns", "dtypes")
    )


def as_data(value: Any) -> tuple[str, formats.Body] | None:
    """Media type and bytes of an array, a frame, a series or bytes.

    ``None`` where the value is something else, or has no form but JSON: an array of Python
    objects, a masked one, a frame with columns of equal names, any frame without pyarrow.
    """
    return formats.encode(value, formats.readable())


def accepted() -> str:
    """The ``Accept`` of a call that would like its output as data."""
    return ", ".join((*formats.readable(), f"{formats.JSON};q=0.5"))


def encode(body: Any) -> bytes:
    """``body`` as JSON, where not-a-number, infinities and missing values become ``null``.

    Arrays become nested lists, frames lists of records: their columns are found by name. Where
    names are missing, no text or not different, they are lists of rows.

    Raises:
        InvalidInput: something in it has no form in JSON.
    """
    try:
        try:
            text = json.dumps(body, default=_plain, allow_nan=False, separators=(",", ":"))
        except ValueError:  # a NaN somewhere, which JSON does not know: the slow way round
            text = json.dumps(_finite(body), allow_nan=False, separators=(",", ":"))
    except (TypeError, ValueError, RecursionError) as error:
        raise InvalidInput(
            f"The input cannot be sent as JSON: {error}.",
            hint="Give numbers, strings, lists, dicts, numpy arrays or pandas frames.",
        ) from None
    return text.encode()


def _plain(value: Any) -> Any:
    """One value that JSON does not know as one that it knows.

    Libraries are recognised by what their objects can do, so that none is imported here.
    """
    kind = type(value)
    if isinstance(value, (bytes, bytearray, memoryview)):
        return base64.b64encode(value).decode()  # as in answers
    if hasattr(value, "columns") and hasattr(value, "rows"):  # polars
        return value.rows(named=True)
    if hasattr(value, "columns") and hasattr(value, "to_dict"):  # pandas
        names = list(value.columns)
        rows = list(value.itertuples(index=False, name=None))
        if len(set(names)) < len(names) or not all(isinstance(name, str) for name in names):
            return rows
        return [dict(zip(names, row, strict=True)) for row in rows]
    if getattr(getattr(value, "dtype", None), "names", None):
        raise TypeError(
            "a structured array keeps the names of its fields only if it is sent by itself and "
            "holds no Python objects; send a list of dicts instead"
        )
    if hasattr(value, "tolist"):
        return value.tolist()
    if hasattr(value, "to_list"):
        return value.to_list()
    if kind.__name__ in ("NAType", "NaTType"):
        return None
    if hasattr(value, "isoformat"):
        return value.isoformat()
    raise TypeError(f"there is no JSON for {kind.__module__}.{kind.__qualname__}")


def _finite(value: Any) -> Any:
    """``value`` with ``None`` in place of every number that is not finite."""
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if value is None or isinstance(value, (str, int)):
        return value
    if isinstance(value, Mapping):
        return {key: _finite(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_finite(item) for item in value]
    return _finite(_plain(value))
