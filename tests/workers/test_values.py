"""Values that hypothesis makes up, through the codecs of outputs and inputs."""

from __future__ import annotations

import datetime as dt
import json
import math

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from hypothesis.extra import pandas as hpd

from jupyter_chariots import formats
from jupyter_chariots.formats import binary
from jupyter_chariots.ml.schema import input_schema
from jupyter_chariots.workers.codec import encode
from jupyter_chariots.workers.envelope import read_call, read_controls, read_envelope
from jupyter_chariots.workers.inputs import arranged

from ..made_up import made_up, refusal

NAMES = st.text(st.characters(exclude_categories=["Cs"]), max_size=8)
SCALARS = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | NAMES
    | st.integers(-(10**300), 10**300)
)
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(NAMES, inner, max_size=4),
    max_leaves=12,
)
NUMBERS = hnp.boolean_dtypes() | hnp.integer_dtypes() | hnp.floating_dtypes(sizes=(16, 32, 64))
ARRAYS = hnp.arrays(NUMBERS, hnp.array_shapes(min_dims=0, max_dims=3, min_side=0, max_side=4))


def as_json(value):
    """What JSON makes of it: NaN and infinities are null."""
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, list):
        return [as_json(item) for item in value]
    if isinstance(value, dict):
        return {key: as_json(item) for key, item in value.items()}
    return value


def strict(text):
    def refuse(name):
        raise AssertionError(f"{name} is not JSON")

    return json.loads(text, parse_constant=refuse)


@made_up(150)
@given(VALUES)
def test_what_json_knows_is_itself(value):
    assert strict(encode(value)) == as_json(value)
    assert read_envelope(b'{"pipeline_input": %b}' % encode(value).encode()) == read_envelope(
        json.dumps({"pipeline_input": as_json(value)}).encode()
    )


@made_up(100)
@given(ARRAYS)
def test_arrays_are_nested_lists_and_the_same_as_npy(array):
    assert strict(encode(array)) == as_json(array.tolist())
    media, data = binary.encode(array, [formats.NPY])
    assert media == formats.NPY
    back = binary.decode(formats.NPY, bytes(data))
    assert back.dtype == array.dtype
    np.testing.assert_array_equal(back, array)


COLUMNS = {
    "numbers": st.floats(),
    "whole": st.none() | st.integers(-(2**63), 2**63 - 1),
    "flags": st.none() | st.booleans(),
    "kinds": st.none() | st.sampled_from(["a", "b", "ü"]),
    "times": st.none() | st.datetimes(dt.datetime(1700, 1, 1), dt.datetime(2200, 1, 1)),
    "texts": st.none() | NAMES,
}


@st.composite
def frames(draw):
    """Frames with a column of each kind: nullable numbers and booleans, categories, times."""
    rows = draw(st.integers(0, 4))
    columns = {name: [draw(one) for _ in range(rows)] for name, one in COLUMNS.items()}
    return pd.DataFrame(
        {
            "numbers": pd.Series(columns["numbers"], dtype="float64"),
            "whole": pd.Series(columns["whole"], dtype="Int64"),
            "flags": pd.Series(columns["flags"], dtype="boolean"),
            "kinds": pd.Series(columns["kinds"], dtype=pd.CategoricalDtype(["a", "b", "ü"])),
            "times": pd.Series(columns["times"], dtype="datetime64[us]"),
            "texts": pd.Series(columns["texts"], dtype=object),
        }
    ), columns


@made_up(80)
@given(frames())
def test_frames_are_records_and_come_back_as_the_model_learned_them(made):
    frame, columns = made
    records = strict(encode(frame))
    times = [time and pd.Timestamp(time).isoformat() for time in columns["times"]]
    expected = {**columns, "times": times, "numbers": as_json(columns["numbers"])}
    assert records == [
        {name: values[row] for name, values in expected.items()} for row in range(len(frame))
    ]
    if len(frame):
        schema = json.loads(json.dumps(input_schema(frame)))
        back = arranged(records, schema, "p")
        finite = frame.assign(numbers=frame["numbers"].replace([np.inf, -np.inf], np.nan))
        for name in ("numbers", "flags", "texts", "times"):
            assert list(back[name].isna()) == list(finite[name].isna())
        pd.testing.assert_series_equal(back["numbers"], finite["numbers"])
        pd.testing.assert_series_equal(back["times"], finite["times"])


@made_up(60)
@given(hpd.data_frames([hpd.column("a", dtype=float), hpd.column("b", dtype=int)]))
def test_frames_come_through_arrow(frame):
    pytest.importorskip("pyarrow")
    _, data = binary.encode(frame, [formats.ARROW])
    back = binary.decode(formats.ARROW, bytes(data))
    pd.testing.assert_frame_equal(back.reset_index(drop=True), frame.reset_index(drop=True))


@pytest.mark.parametrize("depth", [10, 900, 100_000])
def test_what_is_nested_deeply_is_written_and_read_or_refused(depth):
    value = []
    for _ in range(depth):
        value = [value]
    text = b'{"pipeline_input": ' + b"[" * depth + b"]" * depth + b', "save": true}'
    for act in (lambda: encode(value), lambda: read_envelope(text), lambda: read_controls(text)):
        refused = refusal(act)
        assert refused is None or (depth > 100 and len(str(refused)) < 1000)
    while value:  # not by recursion, which the interpreter's own end of it would need
        value = value[0]


@made_up(150)
@given(
    st.binary(max_size=200) | VALUES.map(lambda value: json.dumps(value).encode()),
    st.sampled_from(["", formats.NPY, formats.ARROW, formats.BYTES, "text/x", 'a/b; c="', ""]),
)
def test_any_body_is_an_input_or_refused(body, media):
    form = {} if formats.is_json(media) else {"content_type": media, "query": {}}
    for refused in (refusal(read_call, body, form), refusal(read_controls, body)):
        assert refused is None or (refused.status in (400, 415) and len(str(refused)) < 2000)


@made_up(100)
@given(VALUES, st.sampled_from(["numbers", "records", "frame"]))
def test_any_input_is_arranged_or_refused(value, kind):
    learned = {
        "numbers": np.array([[1.0, 2.0]]),
        "records": [{"a": 1, "b": "x"}],
        "frame": pd.DataFrame({"a": [1], "b": ["x"], "c": [pd.Timestamp("2024-05-01")]}),
    }[kind]
    schema = json.loads(json.dumps(input_schema(learned)))
    for given_ in (value, [value], [{"a": value, "b": value}], [[value, value, value]]):
        refused = refusal(arranged, given_, schema, "p")
        assert refused is None or (refused.status == 400 and json.dumps(refused.payload()))
