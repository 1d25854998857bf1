"""Outputs of pipelines as JSON, without a conversion op.

=============================================  =====================================================
value                                          JSON
=============================================  =====================================================
numbers, strings, lists, dicts, numpy scalars  themselves; integers of any size
NaN, infinities, ``NaT``, ``pandas.NA``        ``null``
arrays, and what has ``__array__``             nested lists; structured arrays as records
data frames (pandas, polars, Arrow)            a list of rows, each an object by column name; an
                                               index with a name becomes the first column, one
                                               without is dropped
``Series``, ``Index``, tuples, ranges          lists
sets                                           lists, sorted where that is possible
dates and times                                ISO 8601
durations                                      seconds
bytes                                          base64
``Enum``, ``UUID``, ``Path``, ``Decimal``      its value, strings, a number
dataclasses                                    objects
=============================================  =====================================================

Nothing here imports numpy or pandas: a value of theirs exists only where they are imported.
"""

from __future__ import annotations

import base64
import dataclasses
import datetime as dt
import json
import math
import sys
from collections.abc import Mapping, Sequence, Set
from decimal import Decimal
from enum import Enum
from fractions import Fraction
from pathlib import PurePath
from typing import Any
from uuid import UUID

from ..errors import SerializationError

__all__ = ["decode", "encode", "plain"]


def _no_constant(name: str) -> None:
    raise ValueError(f"{name} is not JSON; send null")


decode = json.JSONDecoder(parse_constant=_no_constant).decode
"""Read JSON as every parser takes it: without NaN and infinities."""


def encode(value: object) -> str:
    """Write a value as JSON, by the rules of this module.

    Raises:
        SerializationError: it contains something that has no form in JSON; the message names the
            type.
    """
    try:
        return _encode(value)
    except (TypeError, ValueError, RecursionError):
        # NaN, a key that is no string …: rare, so only then pay for a walk through all values
        pass
    try:
        return _encode(_plain(value))
    except RecursionError:
        raise SerializationError("The value is nested too deeply, or contains itself.") from None
    except (TypeError, ValueError) as error:
        raise SerializationError(f"The value cannot be written as JSON: {error}") from error


def plain(value: Any) -> Any:
    """The value in lists, dicts and what else JSON knows.

    Raises:
        SerializationError: it contains something that has no form in JSON.
    """
    return _plain(value)


def _plain(value: Any) -> Any:
    """The value in lists, dicts with proper keys, strings and finite numbers."""
    if value is None or isinstance(value, (str, int)):
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, dict):
        return {_key(key): _plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    return _plain(_convert(value))


def _key(key: Any) -> Any:
    """A key of an object, as JSON can have it."""
    if isinstance(key, tuple):  # a column of a frame with several levels
        return ".".join(str(_key(part)) for part in key)
    plain = key if key is None or isinstance(key, (str, int, float)) else _convert(key)
    if isinstance(plain, float) and not math.isfinite(plain):
        return str(plain)
    if plain is None or isinstance(plain, (str, int, float)):
        return plain
    raise _refused(key, "as a key")


def _convert(value: Any) -> Any:
    """One step from a value that JSON does not know towards one that it does."""
    numpy, pandas = sys.modules.get("numpy"), sys.modules.get("pandas")
    if numpy is not None and isinstance(value, (numpy.ndarray, numpy.generic)):
        return _array(numpy, numpy.asanyarray(value))
    if pandas is not None:
        if value is pandas.NA or value is pandas.NaT:
            return None
        if isinstance(value, pandas.DataFrame):
            return _frame(value)
        if isinstance(value, (pandas.Series, pandas.Index, pandas.api.extensions.ExtensionArray)):
            return _column(value)
        if isinstance(value, (pandas.Interval, pandas.Period)):
            return str(value)
    return _of_the_language(value)


def _of_the_language(value: Any) -> Any:
    if isinstance(value, (dt.date, dt.time)):
        return value.isoformat()
    if isinstance(value, dt.timedelta):
        return value.total_seconds()
    if isinstance(value, (bytes, bytearray, memoryview)):
        return base64.b64encode(value).decode()
    if isinstance(value, Mapping):
        return dict(value)
    if isinstance(value, Set):
        try:
            return sorted(value)
        except TypeError:
            return list(value)
    if isinstance(value, Sequence):
        return list(value)
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, (UUID, PurePath)):
        return str(value)
    if isinstance(value, (Decimal, Fraction)):
        return float(value)
    if isinstance(value, type):
        raise _refused(value)
    if dataclasses.is_dataclass(value):
        return {item.name: getattr(value, item.name) for item in dataclasses.fields(value)}
    # frames and arrays of other libraries: polars, Arrow, SciPy's sparse ones, torch, xarray
    for method in ("to_dicts", "to_pylist", "toarray", "tolist"):
        if callable(getattr(value, method, None)):
            return getattr(value, method)()
    if hasattr(value, "__array__") and "numpy" in sys.modules:
        array = sys.modules["numpy"].asarray(value)
        if array.dtype.kind != "O":
            return array
    raise _refused(value)


def _array(numpy: Any, array: Any) -> Any:
    kind = array.dtype.kind
    if isinstance(array, numpy.ma.MaskedArray):
        return array.tolist()
    if kind == "f":
        array = array.astype(numpy.float64, copy=False)
        finite = numpy.isfinite(array)
        if not finite.all():
            array = numpy.where(finite, array, numpy.array(None, dtype=object))
        return array.tolist()
    if kind == "M":
        return numpy.where(
            numpy.isnat(array), None, numpy.datetime_as_string(array).astype(object)
        ).tolist()
    if kind == "m":
        return _array(numpy, array / numpy.timedelta64(1, "s"))
    if kind == "V" and array.dtype.names:
        rows = [
            dict(zip(array.dtype.names, row.tolist(), strict=True)) for row in array.reshape(-1)
        ]
        return rows if array.ndim else rows[0]
    if kind in "biuUSO":
        return array.tolist()
    raise SerializationError(
        f"An array of type {array.dtype} has no form in JSON.",
        hint="Convert it in the last op of the pipeline.",
    )


def _frame(frame: Any) -> list[dict[str, Any]]:
    if any(name is not None for name in frame.index.names):
        frame = frame.reset_index()
    names = [_key(name) for name in frame.columns]
    twice = {str(name) for name in names if names.count(name) > 1}
    if twice:
        raise SerializationError(
            f"A data frame has more than one column named {', '.join(sorted(twice))}; "
            "as JSON it would lose one.",
            hint="Rename the columns in the last op of the pipeline.",
        )
    columns = [_column(frame.iloc[:, place]) for place in range(len(names))]
    return [dict(zip(names, row, strict=True)) for row in zip(*columns, strict=True)]


def _column(column: Any) -> list[Any]:
    kind = getattr(column.dtype, "kind", "O")
    if kind in "biuf" and type(column.dtype).__module__.startswith("numpy"):
        values: list[Any] = _array(sys.modules["numpy"], column.to_numpy())
        return values
    return list(column)


def _refused(value: Any, where: str = "") -> SerializationError:
    kind = type(value) if not isinstance(value, type) else type
    name = f"{kind.__module__}.{kind.__qualname__}".removeprefix("builtins.")
    return SerializationError(
        f"A value of type {name} has no form in JSON{' ' + where if where else ''}.",
        hint="Let the last op of the pipeline return numbers, strings, lists, dicts, arrays, "
        "data frames or dates.",
        type=name,
    )


_encode = json.JSONEncoder(default=_convert, allow_nan=False, separators=(",", ":")).encode
