"""The client of the Triton Inference Server, as it comes, on the iris pipelines."""

from __future__ import annotations

import gc
import json
import re
import shutil
import subprocess
import sys
import warnings
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from ..live import IRIS, REPOSITORY, LiveServer

with warnings.catch_warnings():  # of gevent, about modules that were imported before it
    warnings.simplefilter("ignore")
    from tritonclient.http import (
        InferenceServerClient,
        InferenceServerException,
        InferInput,
        InferRequestedOutput,
    )

ROWS = np.array([[5.1, 3.5, 1.4, 0.2], [6.7, 3.0, 5.2, 2.3]])


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveServer]:
    folder = tmp_path_factory.mktemp("triton")
    modules = [IRIS, "tests.formats.inference_app"]
    options: dict[str, Any] = {"app_pipelines": modules, "base_url": "/user/ada/"}
    with LiveServer(folder / "root", folder / "home", **options) as live:
        yield live


@pytest.fixture(scope="module")
def headers(server: LiveServer) -> dict[str, str]:
    return {"Authorization": f"token {server.token}"}


@pytest.fixture
def client(server: LiveServer) -> Iterator[Any]:
    address = f"127.0.0.1:{server.port}/user/ada/chariots"
    with InferenceServerClient(address, network_timeout=120) as client:
        yield client
    gc.collect()


@pytest.fixture(scope="module")
def trained(server: LiveServer) -> None:
    for train, predict in (("train_iris", "pred_iris"), ("learn_prices", "prices")):
        assert server.post(f"pipelines/{train}/main").status == 200
        assert server.post(f"pipelines/{train}/save").status == 200
        assert server.post(f"pipelines/{predict}/load").status == 200


def given(array: Any, name: str = "input", datatype: str = "FP64", **options: Any) -> Any:
    return InferInput(name, list(array.shape), datatype).set_data_from_numpy(array, **options)


def test_before_and_after_a_training(live_server, headers):
    server = live_server(app_pipelines=[IRIS])
    with InferenceServerClient(f"127.0.0.1:{server.port}/chariots", network_timeout=120) as client:
        live_and_learn(server, client, headers)
    gc.collect()


def live_and_learn(server, client, headers):
    assert client.is_server_live(headers=headers)
    assert not client.is_server_ready(headers=headers)
    assert not client.is_model_ready("pred_iris", headers=headers)
    with pytest.raises(InferenceServerException, match="train_iris"):
        client.infer("pred_iris", [given(ROWS)], headers=dict(headers))
    with pytest.raises(InferenceServerException, match="train_iris"):
        client.load_model("pred_iris", headers=headers)

    client.infer("train_iris", [], headers=headers)
    assert server.post("pipelines/train_iris/save").status == 200
    client.load_model("pred_iris", headers=headers)
    assert client.is_model_ready("pred_iris", headers=headers)
    result = client.infer("pred_iris", [given(ROWS)], headers=dict(headers))
    assert result.as_numpy("output").tolist() == [0, 2]


def test_binary_and_json_both_ways(trained, client, headers):
    for binary_in in (True, False):
        for outputs, binary_out in (
            (None, True),
            ([InferRequestedOutput("output")], True),
            ([InferRequestedOutput("output", binary_data=False)], False),
        ):
            got = client.infer(
                "pred_iris",
                [given(ROWS, binary_data=binary_in)],
                outputs=outputs,
                request_id="one",
                headers=dict(headers),
            )
            assert got.as_numpy("output").tolist() == [0, 2]
            said = got.get_response()
            assert (said["model_name"], said["id"]) == ("pred_iris", "one")
            assert ("data" in said["outputs"][0]) is not binary_out


def test_what_it_is(trained, client, headers):
    assert "binary_tensor_data" in client.get_server_metadata(headers=headers)["extensions"]
    about = client.get_model_metadata("pred_iris", headers=headers)
    assert about["inputs"] == [{"name": "input", "datatype": "FP64", "shape": [-1, 4]}]
    (version,) = about["versions"]
    assert client.get_model_metadata("pred_iris", version, headers=headers) == about
    assert client.is_model_ready("pred_iris", version, headers=headers)
    assert not client.is_model_ready("pred_iris", "1", headers=headers)
    got = client.infer("pred_iris", [given(ROWS)], version, headers=dict(headers))
    assert got.get_response()["model_version"] == version
    with pytest.raises(InferenceServerException, match=version) as refused:
        client.infer("pred_iris", [given(ROWS)], "1", headers=dict(headers))
    assert refused.value.status() == "404"


def test_columns_by_name(trained, client, headers):
    about = client.get_model_metadata("prices", headers=headers)
    values = {
        "rooms": np.array([2, 3]),
        "area": np.array([50.5, 70.0]),
        "kind": np.array(["flat", "häuschen"], dtype=object),
        "built": np.array(["2024-02-29", "2025-01-01"], dtype=object),
    }
    inputs = [given(values[one["name"]], one["name"], one["datatype"]) for one in about["inputs"]]
    got = client.infer("prices", inputs, headers=dict(headers))
    assert got.as_numpy("sum").tolist() == [52.5, 73.0]
    assert got.as_numpy("kind").tolist() == [b"flat", "häuschen".encode()]


@pytest.mark.parametrize(
    ("datatype", "dtype"),
    [
        ("BOOL", "?"), ("INT8", "i1"), ("INT16", "i2"), ("INT32", "i4"), ("INT64", "i8"),
        ("UINT8", "u1"), ("UINT16", "u2"), ("UINT32", "u4"), ("UINT64", "u8"),
        ("FP16", "f2"), ("FP32", "f4"), ("FP64", "f8"),
    ],
)  # fmt: skip
def test_every_datatype_comes_back_as_it_went(client, headers, datatype, dtype):
    array = np.array([[0, 1, 100]], dtype=dtype)
    got = client.infer("echo", [given(array, "x", datatype)], headers=dict(headers))
    np.testing.assert_array_equal(got.as_numpy("output"), array, strict=True)


def test_bytes_come_back_as_they_went(client, headers):
    array = np.array([b"", b"\x00\xff", "é".encode()], dtype=object)
    got = client.infer("echo", [given(array, "x", "BYTES")], headers=dict(headers))
    assert got.as_numpy("output").tolist() == array.tolist()
    which = given(np.array(["bytes"], dtype=object), "x", "BYTES")
    got = client.infer("gives", [which], headers=dict(headers))
    assert got.as_numpy("output").tolist() == [b"\x00\xff"]
    nothing = np.empty((0, 3))
    got = client.infer("echo", [given(nothing, "x")], headers=dict(headers))
    assert got.as_numpy("output").shape == (0, 3)


def test_a_large_batch(trained, client, headers):
    many = np.tile(ROWS, (20_000, 1))
    got = client.infer("pred_iris", [given(many)], headers=dict(headers))
    assert got.as_numpy("output").tolist() == [0, 2] * 20_000


def test_compressed_answers(trained, client, headers):
    got = client.infer(
        "pred_iris", [given(ROWS)], headers=dict(headers), response_compression_algorithm="gzip"
    )
    assert got.as_numpy("output").tolist() == [0, 2]
    with pytest.raises(InferenceServerException, match="uncompressed"):
        client.infer(
            "pred_iris", [given(ROWS)], headers=dict(headers), request_compression_algorithm="gzip"
        )


def test_the_repository(trained, client, headers):
    index = {one["name"]: one for one in client.get_model_repository_index(headers=headers)}
    assert index["pred_iris"]["state"] == "READY"
    client.unload_model("pred_iris", headers=headers)
    assert not client.is_model_ready("pred_iris", headers=headers)
    with pytest.raises(InferenceServerException, match="unloaded it") as refused:
        client.infer("pred_iris", [given(ROWS)], headers=dict(headers))
    assert refused.value.status() == "419"
    client.load_model("pred_iris", headers=headers)
    assert client.is_model_ready("pred_iris", headers=headers)
    assert client.is_server_ready(headers=headers) is all(
        one["state"] == "READY" for one in client.get_model_repository_index(headers=headers)
    )
    again = {one["name"]: one for one in client.get_model_repository_index(headers=headers)}
    assert again["pred_iris"]["version"] == index["pred_iris"]["version"]


def test_the_page_shows_nothing_that_does_not_work(trained, server):
    page = (REPOSITORY / "docs" / "v2.md").read_text(encoding="utf-8")
    (script,) = re.findall(r"^```python\n(.*?)^```$", page, re.MULTILINE | re.DOTALL)
    (command,) = re.findall(r"^```sh\n(.*?)^```$", page, re.MULTILINE | re.DOTALL)
    known = {"CHARIOTS_URL": server.url, "CHARIOTS_TOKEN": server.token}

    def shown(*command: str) -> str:
        done = subprocess.run(
            command, env={**server.environment, **known}, capture_output=True, text=True, check=True
        )
        return done.stdout

    printed = re.findall(r"^print\(.*\)  # (.*)$", script, re.MULTILINE)
    assert shown(sys.executable, "-c", script).splitlines() == printed
    if shutil.which("curl"):
        assert json.loads(shown("bash", "-c", command))["outputs"][0]["data"] == [0]


def test_what_is_not_there_is_an_error_that_it_can_read(client, headers):
    with pytest.raises(InferenceServerException, match="There is no route"):
        client.get_model_config("echo", headers=headers)
    with pytest.raises(InferenceServerException, match="There is no pipeline"):
        client.get_model_metadata("nobody", headers=headers)
    with pytest.raises(InferenceServerException, match="no valid credentials"):
        client.get_server_metadata()
    assert not client.is_server_live()


def test_an_unloaded_model_is_loaded_after_a_restart(trained, server, client, headers):
    client.unload_model("pred_iris", headers=headers)
    assert not client.is_model_ready("pred_iris", headers=headers)
    server.restart()
    assert client.is_model_ready("pred_iris", headers=headers)
