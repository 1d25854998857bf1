"""Data through a real server: what goes in comes out as it was."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pytest

from jupyter_chariots import PipelinesClient, formats
from jupyter_chariots.errors import InvalidInput, NodeFailed

from ..live import LiveServer
from ..server.conftest import Fetched, check_described
from . import app


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveServer]:
    folder = tmp_path_factory.mktemp("formats")
    modules = ["tests.formats.app", "tests.formats.app_without_arrow"]
    with LiveServer(folder / "root", folder / "home", app_pipelines=modules) as live:
        yield live


@pytest.fixture(scope="module")
def client(server: LiveServer) -> PipelinesClient:
    return PipelinesClient(server.url, server.token)


@pytest.fixture(scope="module")
def trained(client: PipelinesClient) -> PipelinesClient:
    frame = pd.DataFrame({"n": [1, 3], "x": [0.0, 1.0], "day": pd.to_datetime(["2024-01-01"] * 2)})
    response = client.call_pipeline(app.learn, frame)
    assert response.run_id
    assert isinstance(response.value, pd.DataFrame)
    client.save_pipeline(app.learn)
    client.load_pipeline(app.centre)
    return client


def npy(array: Any) -> bytes:
    stream = io.BytesIO()
    np.save(stream, array)
    return stream.getvalue()


@pytest.mark.parametrize(
    "array",
    [
        np.arange(6, dtype=">i2").reshape(2, 3),
        np.asfortranarray(np.array([[1.5, np.nan], [np.inf, 0]])),
        np.array(7.5),
        np.empty((0, 3), dtype="f4"),
        np.array(["2024-02-29", "NaT"], dtype="M8[D]"),
        np.array([(1, 2.5)], dtype=[("a", "u1"), ("b", "f8")]),
        np.array([True, False]),
        np.array([1 + 2j]),
    ],
    ids=str,
)
def test_arrays(client, array):
    got = client.call_pipeline("echo", array).value
    assert (got.dtype, got.shape) == (array.dtype, array.shape)
    assert got.tobytes() == array.tobytes()


def test_an_op_may_write_into_what_it_gets(client):
    assert client.call_pipeline("raised", np.zeros(2)).value.tolist() == [1, 1]


def test_pandas(client):
    frame = pd.DataFrame(
        {
            "whole": pd.array([1, None], dtype="Int64"),
            "kind": pd.Categorical(["b", "a"], categories=["b", "a", "c"], ordered=True),
            "zone": pd.to_datetime(["2024-01-01", None]).tz_localize("Europe/Berlin"),
            "text": ["ä", None],
            "mixed": [1, "a"],
        },
        index=pd.Index(["p", "q"], name="key"),
    )
    got = client.call_pipeline("echo", frame).value
    pd.testing.assert_frame_equal(got, frame)
    pd.testing.assert_series_equal(
        client.call_pipeline("echo", frame["whole"]).value, frame["whole"]
    )
    pd.testing.assert_frame_equal(
        client.call_pipeline("echo", pd.DataFrame({"a": [1]}, index=[7])).value,
        pd.DataFrame({"a": [1]}),
    )


def test_polars(client):
    frame = pl.DataFrame({"a": [1, None], "b": ["x", "y"], "c": [[1], [2, 3]]})
    got = client.call_pipeline("echo", frame).value
    assert isinstance(got, pl.DataFrame)
    assert got.equals(frame)
    assert client.call_pipeline("what", frame).value["type"] == "polars.DataFrame"


@pytest.mark.parametrize("data", [b"", b"\x00\xff" * 50])
def test_bytes(client, data):
    assert client.call_pipeline("echo", data).value == data
    assert client.call_pipeline("what", data).value["type"] == "builtins.bytes"


@pytest.mark.parametrize(
    "value", [True, 3, 2.5, "é", [1, [2.5, None]], {"a": {"b": [1, "x"]}}, [], {}, 2**70]
)
def test_json_values_stay_json_values(client, value):
    assert client.call_pipeline("echo", value).value == value


def test_nested_arrays_and_bytes_are_json(client):
    value = {"x": np.arange(2), "b": b"ab", "nan": float("nan")}
    assert client.call_pipeline("echo", value).value == {"x": [0, 1], "b": "YWI=", "nan": None}


def test_the_output_of_a_json_input_is_json(client):
    assert client.call_pipeline("made", 2).value == [{"a": 0, "b": 0.5}, {"a": 1, "b": 0.5}]


def test_what_has_no_form_in_the_family_comes_as_json(client):
    assert client.call_pipeline("what", np.zeros(1)).value["type"] == "numpy.ndarray"


def test_an_error_is_json_whatever_is_accepted(client):
    with pytest.raises(NodeFailed, match="TypeError"):
        client.call_pipeline("raised", pd.DataFrame({"a": ["x"]}))


def test_versions_come_with_every_format(client, trained):
    plain = client.call_pipeline("echo", [1])
    data = client.call_pipeline("echo", np.arange(2))
    assert data.versions == plain.versions
    assert (data.job_id, data.job_status, data.run_id) == (None, plain.job_status, None)


# -- over plain HTTP --------------------------------------------------------------------------


def ask(server: LiveServer, body: Any, kind: str, accept: str = "*/*", query: str = "") -> Any:
    headers = {"Content-Type": kind, "Accept": accept}
    answer = server.post(f"pipelines/echo/main{query}", body, headers=headers)
    check_described("POST", "/pipelines/echo/main", Fetched(*answer))
    return answer


def test_npy_in_json_out(server):
    answer = ask(server, npy([1.5, np.nan]), formats.NPY)
    assert answer.status == 200
    assert answer.body["pipeline_output"] == [1.5, None]


def test_npy_in_npy_out(server):
    answer = ask(server, npy([1.5]), formats.NPY, formats.NPY, "?use_worker=false")
    assert answer.headers["Content-Type"] == formats.NPY
    assert json.loads(answer.headers["Chariots-Versions"]).keys() == {"same"}
    assert answer.headers["Chariots-Job-Status"] == "done"
    assert "Chariots-Run-Id" not in answer.headers


def test_no_acceptable_format_is_json(server):
    for accept in ("text/html", f"{formats.ARROW}, {formats.NPY}", "application/x-npy;q=0"):
        answer = ask(server, {"pipeline_input": {"a": 1}}, "application/json", accept)
        assert answer.body["pipeline_output"] == {"a": 1}


@pytest.mark.parametrize("kind", ["text/csv", "application/x-pickle", "application/x-npz"])
def test_an_unknown_type_is_415(server, kind):
    answer = ask(server, b"1,2", kind)
    assert answer.status == 415
    assert answer.body["code"] == "unsupported_format"
    assert formats.ARROW in answer.body["hint"]


@pytest.mark.parametrize("kind", ["application/json; charset=utf-8", "application/ld+json",
                                  "application/x-www-form-urlencoded"])  # fmt: skip
def test_what_is_read_as_json(server, kind):
    assert ask(server, b'{"pipeline_input": 3}', kind).body["pipeline_output"] == 3


@pytest.mark.parametrize(
    ("body", "query", "field"),
    [
        (npy([1]), "?use_worker=maybe", "use_worker"),
        (npy([1]), "?priority=1.5", "priority"),
        (npy([1])[:-1], "", None),
        (b"{}", "", None),
    ],
)
def test_bad_requests_in_npy(server, body, query, field):
    answer = ask(server, body, formats.NPY, query=query)
    assert answer.status == 400
    assert answer.body.get("field") == field


def test_a_pickle_in_npy_is_refused(server):
    stream = io.BytesIO()
    np.save(stream, np.array([{}], dtype=object), allow_pickle=True)
    answer = ask(server, stream.getvalue(), formats.NPY)
    assert answer.status == 400
    assert "Python objects" in answer.body["message"]


def test_without_pyarrow_there_a_frame_goes_as_records(server, client):
    frame = pd.DataFrame({"a": [1, 2], "b": [0.5, None]})
    for _ in range(2):
        assert client.call_pipeline("bare", frame).value == [
            {"a": 1, "b": 0.5},
            {"a": 2, "b": None},
        ]
    headers = {"Content-Type": formats.ARROW}
    body = formats.encode(frame, [formats.ARROW])[1]
    answer = server.post("pipelines/bare/main", body, headers=headers)
    assert answer.status == 415
    assert "jupyter-chariots[arrow]" in answer.body["hint"]


def test_a_fit_takes_its_fields_from_the_query(server, trained):
    body = formats.encode(pd.DataFrame({"n": [1.0]}), [formats.ARROW])[1]
    headers = {"Content-Type": formats.ARROW, "Accept": formats.ARROW}
    answer = server.post("pipelines/learn/main?save=true", body, headers=headers)
    assert answer.headers["Content-Type"] == formats.ARROW
    run = answer.headers["Chariots-Run-Id"]
    newest = trained.history("columns", 1)[0]
    assert newest["number"] is not None
    assert newest["version"] in json.loads(answer.headers["Chariots-Versions"]).values()
    assert run


# -- against the schema -----------------------------------------------------------------------


def centred(server: LiveServer, rows: Any) -> Any:
    answer = server.post("pipelines/centre/main", {"pipeline_input": rows})
    assert answer.status in (200, 400), answer
    return answer.body["pipeline_output"] if answer.status == 200 else answer.body


def test_records_in_any_order_and_rows(server, trained):
    expected = [{"n": 3.0, "x": None, "day": "2024-02-29T00:00:00"}]
    assert centred(server, [{"day": "2024-02-29", "x": None, "n": 5}]) == expected
    assert centred(server, [[5, None, "2024-02-29"]]) == expected


def test_wrong_columns_are_named(server, trained):
    body = centred(server, [{"n": 5, "y": 1, "day": None}])
    assert (body["code"], body["missing"], body["unknown"]) == ("invalid_input", ["x"], ["y"])
    assert "missing 'x' and unknown 'y'" in body["message"]
    assert centred(server, [{"n": "five", "x": 1, "day": None}])["column"] == "n"
    assert "row 0 has 2 values" in centred(server, [[1, 2]])["message"]


def test_a_frame_in_another_order(trained):
    frame = pd.DataFrame({"x": [0.5], "day": pd.to_datetime(["2024-01-01"]), "n": [2]})
    got = trained.call_pipeline("centre", frame).value
    assert got.columns.tolist() == ["n", "x", "day"]
    assert got["x"].tolist() == [0.0]
    with pytest.raises(InvalidInput, match="missing 'x'"):
        trained.call_pipeline("centre", frame[["n", "day"]])
