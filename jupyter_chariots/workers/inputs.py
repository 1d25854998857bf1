"""Inputs against the schema of the model that gets them (:mod:`jupyter_chariots.ml.schema`).

==================  ==========================  ==============================================
the model learned   the call brings             the pipeline gets
==================  ==========================  ==============================================
a data frame        records or rows (JSON)      a data frame with the dtypes of the fit
a data frame        a data frame                the same, its columns in the order of the fit
records             records                     records, their keys in the order of the fit
rows of numbers     rows (JSON)                 the same, ``null`` as NaN
rows of numbers     records (JSON)              rows of their values, in the order that they have
any of these        columns (tensors)           the same as of records
anything else       anything                    what came
==================  ==========================  ==============================================

Columns that are missing or unknown are refused by name. ``null`` in a column of numbers is NaN.
"""

from __future__ import annotations

import contextlib
from collections.abc import Mapping, Sequence
from typing import Any

from ..errors import InvalidInput

__all__ = ["Columns", "arranged"]

_NUMBERS = ("int", "uint", "float")
_NAN = float("nan")


class Columns(dict[str, Any]):
    """Columns of equal length by name, as arrays of numpy: numbers, booleans, or objects."""


def arranged(value: Any, schema: Mapping[str, Any], pipeline: str) -> Any:
    """The input of a call as the model knows it from its fit.

    Args:
        value: the input as it came.
        schema: of the input of the fit.
        pipeline: its name, for messages.

    Raises:
        InvalidInput: columns are missing or unknown, or a value does not go into its column.
    """
    kind, columns = schema.get("kind"), schema.get("columns")
    if kind in ("array", "rows", "series"):
        value = _stacked(value, kind) if isinstance(value, Columns) else _values(value)
        numbers = str(schema.get("dtype", "")).startswith(_NUMBERS)
        return _with_nan(value) if numbers and isinstance(value, list) else value
    if not columns or schema["shape"][-1] != len(columns):
        return value
    dtypes = {column["name"]: column["dtype"] for column in columns}
    if len(dtypes) < len(columns):
        return value
    try:
        if kind == "frame" and hasattr(value, "columns"):
            return _reordered(value, list(dtypes))
        if isinstance(value, Columns):
            return _of_columns(value, dtypes) if kind == "frame" else _records_of(value, dtypes)
        if isinstance(value, list):
            arrange = _frame if kind == "frame" else _records
            return arrange(value, dtypes)
    except _Wrong as wrong:
        raise InvalidInput(
            f"The input does not fit pipeline {pipeline!r}: {wrong.message}.",
            hint=f"Its columns are {', '.join(map(repr, dtypes))}.",
            pipeline=pipeline,
            **wrong.details,
        ) from None
    return value


class _Wrong(Exception):
    def __init__(self, message: str, **details: Any) -> None:
        super().__init__(message)
        self.message, self.details = message, details


def _values(value: Any) -> Any:
    """Rows for a model that knows no names: a frame may have been sent as records."""
    if not isinstance(value, list) or not value or not isinstance(value[0], dict):
        return value
    names = list(value[0])
    if not all(isinstance(one, dict) and one.keys() == value[0].keys() for one in value):
        return value
    return [[one[name] for name in names] for one in value]


def _stacked(columns: Columns, kind: str) -> Any:
    import numpy

    array = numpy.column_stack(list(columns.values()))
    return array.tolist() if kind == "rows" else array


def _with_nan(value: Any) -> Any:
    """The nested lists with NaN in place of ``None``; the same ones where there is none."""
    if not isinstance(value, list):
        return value
    if value and isinstance(value[0], list):
        inner = [_with_nan(item) for item in value]
        same = all(new is old for new, old in zip(inner, value, strict=True))
        return value if same else inner
    return [_NAN if item is None else item for item in value] if None in value else value


def _check_names(given: Sequence[str], wanted: Sequence[str], where: str = "") -> None:
    if given == wanted:
        return
    missing = [name for name in wanted if name not in given]
    unknown = [name for name in given if name not in wanted]
    said = [
        f"{what} {', '.join(map(repr, names[:20]))}{' …' if len(names) > 20 else ''}"
        for what, names in (("missing", missing), ("unknown", unknown))
        if names
    ]
    if said:
        raise _Wrong(f"columns{where} are {' and '.join(said)}", missing=missing, unknown=unknown)


def _reordered(frame: Any, wanted: list[str]) -> Any:
    """A frame with its columns in the order of the fit."""
    given = [str(name) for name in frame.columns]
    _check_names(given, wanted)
    if given == wanted or len(given) != len(wanted):
        return frame
    places = [given.index(name) for name in wanted]
    return frame.iloc[:, places] if hasattr(frame, "iloc") else frame[:, places]


def _named(records: list[Any], wanted: list[str]) -> bool:
    """Whether they are records, and then with the columns of the fit."""
    if not records or not all(isinstance(record, dict) for record in records):
        return False
    keys = records[0].keys()
    for number, record in enumerate(records):
        if number == 0 or record.keys() != keys:
            _check_names(list(record), wanted, f" of record {number}")
    return True


def _records(records: list[Any], dtypes: Mapping[str, str]) -> list[Any]:
    if not _named(records, list(dtypes)):
        return records
    numbers = {name for name, dtype in dtypes.items() if dtype in ("int", "float")}
    return [
        {
            name: _NAN if record[name] is None and name in numbers else record[name]
            for name in dtypes
        }
        for record in records
    ]


def _records_of(columns: Columns, dtypes: Mapping[str, str]) -> list[Any]:
    _check_names(list(columns), list(dtypes))
    rows = zip(*(columns[name].tolist() for name in dtypes), strict=True)
    return [dict(zip(dtypes, row, strict=True)) for row in rows]


# -- frames -----------------------------------------------------------------------------------


def _frame(rows: list[Any], dtypes: Mapping[str, str]) -> Any:
    """Records or rows as a data frame like that of the fit; anything else as it is."""
    names = list(dtypes)
    if _named(rows, names):
        columns = [[row[name] for row in rows] for name in names]
    elif all(isinstance(row, list) for row in rows):
        for number, row in enumerate(rows):
            if len(row) != len(names):
                raise _Wrong(f"row {number} has {len(row)} values for {len(names)} columns")
        columns = [list(column) for column in zip(*rows, strict=True)] or [[] for _ in names]
    else:
        return rows
    try:
        import pandas
    except ImportError:  # the model was fitted elsewhere and does without
        return rows
    data = {
        place: _column(pandas, column, dtype, name)
        for place, (column, (name, dtype)) in enumerate(zip(columns, dtypes.items(), strict=True))
    }
    return _with_names(pandas, pandas.DataFrame(data), names)


def _of_columns(columns: Columns, dtypes: Mapping[str, str]) -> Any:
    """A data frame; numbers stay what they are, as in a frame that came as such."""
    import pandas

    _check_names(list(columns), list(dtypes))
    data = {
        place: _column(pandas, columns[name].tolist(), dtype, name)
        if columns[name].dtype.kind == "O" or "[" in dtype
        else columns[name]
        for place, (name, dtype) in enumerate(dtypes.items())
    }
    return _with_names(pandas, pandas.DataFrame(data), list(dtypes))


def _with_names(pandas: Any, frame: Any, names: list[str]) -> Any:
    # a schema has names as text: those that merely count were numbers
    if names != [str(place) for place in range(len(names))]:
        frame.columns = pandas.Index(names)
    return frame


def _column(pandas: Any, values: list[Any], dtype: str, name: str) -> Any:
    try:
        return _typed(pandas, values, dtype)
    except (ValueError, TypeError, OverflowError) as error:
        raise _Wrong(
            f"the values of column {name!r} do not go into its type {dtype}: {error}", column=name
        ) from None


def _typed(pandas: Any, values: list[Any], dtype: str) -> Any:
    if dtype.startswith(_NUMBERS):
        if None in values:
            return pandas.Series(values, dtype="float64")
        if any(isinstance(value, float) and value % 1 for value in values):
            dtype = "float64"  # a model that learned 1 and 2 knows what to do with 1.5
        return pandas.Series(values, dtype=dtype)
    if dtype == "bool":
        wrong = next((value for value in values if value not in (True, False, None)), None)
        if wrong is not None:  # any other text would be true
            raise ValueError(f"{wrong!r} is neither true nor false")
        return pandas.Series(values, dtype=object if None in values else dtype)
    if dtype.startswith("datetime64"):
        return _times(pandas, values, "," in dtype).astype(dtype)
    if dtype.startswith("timedelta64"):  # seconds, as in answers
        seconds = pandas.Series(values, dtype="float64")
        return pandas.to_timedelta(seconds, unit="s").astype(dtype)
    try:
        known = pandas.api.types.pandas_dtype(dtype)
    except TypeError:  # of a package that is not imported here
        known = object
    return pandas.Series(values, dtype=known)


def _times(pandas: Any, values: list[Any], utc: bool) -> Any:
    times = pandas.Series(values, dtype=object)
    if all(value is None or isinstance(value, str) for value in values):
        # what JSON says of a time has a fraction only where there is one
        with contextlib.suppress(ValueError):  # then they have the form of the first one
            return pandas.to_datetime(times, utc=utc, format="ISO8601")
    return pandas.to_datetime(times, utc=utc)
