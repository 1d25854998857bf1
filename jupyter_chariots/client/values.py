"""Inputs as JSON: numpy arrays, pandas frames, dates and the like become plain values."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from typing import Any

from ..errors import InvalidInput

__all__ = ["encode"]


def encode(body: Any) -> bytes:
    """``body`` as JSON, where not-a-number, infinities and missing values become ``null``.

    Arrays become nested lists, frames the list of their rows in the order of the columns.

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
    if hasattr(value, "columns") and hasattr(value, "rows"):  # polars
        return value.rows()
    if hasattr(value, "columns") and hasattr(value, "to_dict"):  # pandas
        return value.to_dict(orient="split")["data"]
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
