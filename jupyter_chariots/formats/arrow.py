"""Frames and series as Arrow streams.

Pandas frames keep names, order and dtypes of their columns (nullable, categorical, date-time with
zone, string …). **An index with a name is kept; one without is dropped.** A column of mixed Python
objects travels as the JSON of each. Texts are noted where they are objects, since Arrow has one
type for all texts and pandas 3 makes strings of it. Polars frames and Arrow tables are themselves.

The stream says in its own metadata what the value was, so the other side makes the same of it;
a stream from elsewhere becomes a pandas frame, or a polars one where there is no pandas.
"""

from __future__ import annotations

import functools
import importlib.util
import json
import sys
from collections.abc import Mapping
from typing import Any

from ..errors import InvalidInput, UnsupportedFormat
from .media import Received

__all__ = ["available", "decode", "encode"]

_KEY = b"jupyter_chariots"

# Objects that Arrow has a type for, by the names that pandas gives to what is in a column.
_TYPED = frozenset(("string", "bytes", "date", "decimal", "empty"))


@functools.cache
def available() -> bool:
    """Whether pyarrow is installed."""
    return importlib.util.find_spec("pyarrow") is not None


def encode(value: Any) -> memoryview | None:
    """A frame or series as an Arrow stream.

    ``None`` for anything else, for what Arrow has no type for, and without pyarrow.
    """
    kind = _kind(value)
    if kind is None or not available():
        return None
    import pyarrow

    note: dict[str, Any] = {"type": kind}
    try:
        table = _table(value, kind, note)
        metadata = {**(table.schema.metadata or {}), _KEY: json.dumps(note).encode()}
        return _write(pyarrow, table.replace_schema_metadata(metadata))
    except (pyarrow.ArrowException, TypeError, ValueError, NotImplementedError):
        return None


def decode(body: Received) -> Any:
    """The frame or series in an Arrow stream.

    Raises:
        InvalidInput: the body is no Arrow stream, or a broken one.
        UnsupportedFormat: pyarrow is not installed here.
    """
    if not available():
        raise UnsupportedFormat(
            "An Arrow stream cannot be read: pyarrow is not installed here.",
            hint="pip install 'jupyter-chariots[arrow]' in that environment, or send JSON.",
            missing="pyarrow",
        )
    import pyarrow

    try:
        with pyarrow.ipc.open_stream(body) as reader:
            table = reader.read_all()
        table.validate(full=True)  # offsets that point elsewhere would crash this process
        return _value(table)
    except ImportError:
        return table
    except Exception as error:  # whatever Arrow, pandas and polars make of broken metadata
        raise InvalidInput(f"The body is not a readable Arrow stream: {error}.") from None


def _kind(value: Any) -> str | None:
    for library, names in (
        ("pandas", ("DataFrame", "Series")),
        ("polars", ("DataFrame", "Series")),
        ("pyarrow", ("Table",)),
    ):
        module = sys.modules.get(library)
        for name in names:
            if module is not None and isinstance(value, getattr(module, name)):
                return f"{library}.{name}"
    return None


# -- to a table -------------------------------------------------------------------------------


def _table(value: Any, kind: str, note: dict[str, Any]) -> Any:
    if kind == "pyarrow.Table":
        return value
    if kind == "polars.DataFrame":
        return value.to_arrow()
    if kind == "polars.Series":
        return value.to_frame().to_arrow()
    if kind == "pandas.Series":
        note["named"] = value.name is not None
        value = value.to_frame()
    return _of_pandas(value, note)


def _of_pandas(frame: Any, note: dict[str, Any]) -> Any:
    import pandas
    import pyarrow

    if len(frame) and not len(frame.columns):
        raise ValueError("a stream counts rows by its columns")
    mixed, texts = [], {}
    for place, dtype in enumerate(frame.dtypes):
        if isinstance(dtype, pandas.CategoricalDtype):
            if pandas.api.types.infer_dtype(dtype.categories) == "string":
                texts[place] = str(dtype.categories.dtype)
        elif pandas.api.types.is_object_dtype(dtype):
            found = pandas.api.types.infer_dtype(frame.iloc[:, place], skipna=True)
            if found not in _TYPED:
                mixed.append(place)
            elif found == "string":
                texts[place] = "object"
    if texts:
        note["texts"] = texts
    if mixed:
        note["json"] = mixed
        frame = frame.copy(deep=False)
        for place in mixed:
            said = [json.dumps(item, default=_plain) for item in frame.iloc[:, place]]
            frame.isetitem(place, pandas.Series(said, frame.index, dtype=object))
    if all(name is None for name in frame.index.names):
        # not preserve_index=False, which forgets that the names of columns are numbers or tuples
        return pyarrow.Table.from_pandas(frame.reset_index(drop=True))
    return pyarrow.Table.from_pandas(frame, preserve_index=True)


def _plain(value: Any) -> Any:
    pandas = sys.modules["pandas"]
    if value is pandas.NA or value is pandas.NaT:
        return None
    if type(value).__module__ == "numpy" and hasattr(value, "tolist"):
        return value.tolist()
    raise TypeError(f"{type(value)} has no form in JSON")


def _write(pyarrow: Any, table: Any) -> memoryview:
    sink = pyarrow.BufferOutputStream()
    with pyarrow.ipc.new_stream(sink, table.schema) as writer:
        if table.num_rows:
            writer.write_table(table)
        else:  # which would write nothing, not even the categories
            columns = (column.combine_chunks() for column in table.columns)
            writer.write_batch(pyarrow.record_batch(list(columns), schema=table.schema))
    return memoryview(sink.getvalue()).cast("B")


# -- from a table -----------------------------------------------------------------------------


def _value(table: Any) -> Any:
    note = json.loads((table.schema.metadata or {}).get(_KEY, b"{}"))
    kind = note.get("type", "")
    if kind == "pyarrow.Table":
        metadata = {k: v for k, v in table.schema.metadata.items() if k != _KEY}
        return table.replace_schema_metadata(metadata or None)
    if kind.startswith("polars.") or importlib.util.find_spec("pandas") is None:
        import polars

        frame: Any = polars.from_arrow(table)
        return frame.to_series() if kind.endswith(".Series") else frame
    frame = _to_pandas(table, note)
    if kind != "pandas.Series":
        return frame
    series = frame.iloc[:, 0]
    return series if note.get("named") else series.rename(None)


def _to_pandas(table: Any, note: Mapping[str, Any]) -> Any:
    import pandas

    frame = table.to_pandas()
    for place in note.get("json", ()):
        values = pandas.Series(None, frame.index, dtype=object)
        values[:] = pandas.array([json.loads(text) for text in frame.iloc[:, place]], dtype=object)
        frame.isetitem(place, values)
    for place, dtype in note.get("texts", {}).items():
        _restore_texts(frame, table, int(place), dtype)
    return frame


def _restore_texts(frame: Any, table: Any, place: int, dtype: str) -> None:
    import pandas

    column = frame.iloc[:, place]
    if isinstance(column.dtype, pandas.CategoricalDtype):
        categories = column.cat.categories.astype(dtype)
        frame.isetitem(place, column.cat.rename_categories(categories))
    elif column.dtype != dtype:
        values = table.column(place).to_numpy()  # what is missing is None in it, as it was
        frame.isetitem(place, pandas.Series(values, frame.index, dtype=dtype))
