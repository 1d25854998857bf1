"""What a client sends to a real server, any value at all, comes back as it was.

The formats by themselves: ``test_npy.py``, ``test_arrow.py``, ``tests/workers/test_codec.py``.
"""

from __future__ import annotations

import base64
import datetime as dt
from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from jupyter_chariots import PipelinesClient

from ..live import LiveServer
from .test_arrow import POLARS, frames
from .test_npy import ARRAYS, same

SOME = settings(max_examples=40)  # each is a request


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PipelinesClient]:
    folder = tmp_path_factory.mktemp("round_trips")
    modules = ["tests.formats.app"]
    with LiveServer(folder / "root", folder / "home", app_pipelines=modules) as live:
        client = PipelinesClient(live.url, live.token)
        yield client
        client.close()


@SOME
@given(array=ARRAYS)
def test_arrays_of_any_type_and_shape(client: PipelinesClient, array: Any) -> None:
    assert same(client.call_pipeline("echo", array).value, array)


@SOME
@given(frame=frames(), name=st.sampled_from([None, "key"]), data=st.data())
def test_pandas_frames_with_an_index_that_is_kept_if_it_has_a_name(
    client: PipelinesClient, frame: Any, name: str | None, data: Any
) -> None:
    whole = st.integers(0, 9)
    values = data.draw(st.lists(whole, min_size=len(frame), max_size=len(frame)))
    sent = frame.set_axis(pd.Index(values, dtype="int64", name=name))
    got = client.call_pipeline("echo", sent).value
    pd.testing.assert_frame_equal(got, sent if name else frame)
    assert [str(dtype) for dtype in got.dtypes] == [str(dtype) for dtype in frame.dtypes]


@SOME
@given(frame=frames())
def test_pandas_series(client: PipelinesClient, frame: Any) -> None:
    for column in list(frame)[:1]:
        got = client.call_pipeline("echo", frame[column]).value
        pd.testing.assert_series_equal(got, frame[column])


@SOME
@given(frame=POLARS)
def test_polars_frames(client: PipelinesClient, frame: Any) -> None:
    got = client.call_pipeline("echo", frame).value
    assert isinstance(got, pl.DataFrame)
    assert_frame_equal(got, frame)


@SOME
@given(data=st.binary())
def test_bytes(client: PipelinesClient, data: bytes) -> None:
    assert client.call_pipeline("echo", data).value == data


def pairs(values: Any, becomes: Any = lambda value: value) -> Any:
    """Values, each with what it becomes as JSON."""
    return values.map(lambda value: (value, becomes(value)))


FINITE = st.floats(allow_nan=False, allow_infinity=False)
TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=5)
SCALARS = st.one_of(
    pairs(st.booleans()),
    pairs(st.integers()),
    pairs(FINITE),
    pairs(TEXTS),
    pairs(st.integers(-128, 127).map(np.int8), int),
    pairs(st.integers(0, 2**64 - 1).map(np.uint64), int),
    pairs(st.floats(width=32, allow_nan=False, allow_infinity=False).map(np.float32), float),
    pairs(st.booleans().map(np.bool_), bool),
    pairs(st.datetimes(), dt.datetime.isoformat),
    pairs(st.dates(), dt.date.isoformat),
)
INSIDE = st.one_of(
    SCALARS,
    pairs(st.sampled_from([None, float("nan"), float("inf"), pd.NA, pd.NaT]), lambda _: None),
    pairs(st.binary(max_size=4), lambda data: base64.b64encode(data).decode()),
    pairs(st.lists(FINITE, max_size=3).map(np.array), lambda array: array.tolist()),
    pairs(st.lists(st.integers(0, 9), min_size=1, max_size=2).map(lambda values: pd.DataFrame(
        {"a": values})), lambda frame: frame.to_dict("records")),
)  # fmt: skip


def nested(inside: Any) -> Any:
    lists = st.lists(inside, max_size=3)
    dicts = st.dictionaries(TEXTS, inside, max_size=3)
    return st.one_of(
        lists.map(lambda items: ([a for a, _ in items], [b for _, b in items])),
        lists.map(lambda items: (tuple(a for a, _ in items), [b for _, b in items])),
        dicts.map(
            lambda items: (
                {k: a for k, (a, _) in items.items()},
                {k: b for k, (_, b) in items.items()},
            )
        ),
    )


@SOME
@given(pair=SCALARS)
def test_scalars(client: PipelinesClient, pair: tuple[Any, Any]) -> None:
    value, expected = pair
    got = client.call_pipeline("echo", value).value
    assert (type(got), got) == (type(expected), expected)


@settings(max_examples=100)
@given(pair=nested(st.recursive(INSIDE, nested, max_leaves=8)))
def test_lists_and_dicts_in_each_other(client: PipelinesClient, pair: tuple[Any, Any]) -> None:
    value, expected = pair
    assert client.call_pipeline("echo", value).value == expected
