"""The routes of the Open Inference Protocol, on a real server with real children."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from jupyter_server.auth import Authorizer

from ..live import LiveServer
from .conftest import Asker, Fetched

APP = "tests.formats.inference_app"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveServer]:
    folder = tmp_path_factory.mktemp("inference")
    with LiveServer(folder / "root", folder / "home", app_pipelines=[APP]) as live:
        yield live


@pytest.fixture(scope="module")
def v2(server: LiveServer) -> Asker:
    for train, predict, given in (
        ("learn_prices", "prices", None),
        ("learn_rows", "rows", [[1.0, 2.0]]),
    ):
        assert server.post(f"pipelines/{train}/main", {"pipeline_input": given}).status == 200
        assert server.post(f"pipelines/{train}/save").status == 200
        assert server.post(f"pipelines/{predict}/load").status == 200
    asker = Asker(server)
    return lambda method, path, body=b"", **more: asker(method, f"v2{path}", body, **more)


def tensor(name, datatype, shape, data):
    return {"name": name, "datatype": datatype, "shape": shape, "data": data}


def infer(v2, model, *tensors, **more):
    return v2("POST", f"/models/{model}/infer", {"inputs": list(tensors), **more})


def outputs(answer: Fetched) -> dict[str, Any]:
    assert answer.status == 200, answer
    return {one["name"]: (one["datatype"], one["shape"], one["data"])
            for one in answer.body["outputs"]}  # fmt: skip


def refused(answer: Fetched, status: int) -> str:
    """The error of an answer that has what the protocol and what this server wants."""
    assert answer.status == status, answer
    assert answer.body["error"].startswith(answer.body["message"])
    return answer.body["error"]


PRICE = [
    tensor("kind", "BYTES", [1], ["flat"]),
    tensor("area", "FP64", [1, 1], [50.5]),
    tensor("rooms", "INT32", [1], [2]),
    tensor("built", "BYTES", [1], ["2024-02-29"]),
]


def test_what_the_server_is(v2):
    assert v2("GET", "").body == {
        "name": "jupyter_chariots",
        "version": "0.1.0",
        "extensions": ["binary_tensor_data", "model_repository"],
    }
    assert v2("GET", "/").status == 200
    assert v2("GET", "/health/live").body == {"live": True}
    assert v2("GET", "/health/ready").body == {"ready": True}


def test_what_a_model_is(v2):
    prices = v2("GET", "/models/prices").body
    assert prices["inputs"] == [
        {"name": "rooms", "datatype": "INT64", "shape": [-1]},
        {"name": "area", "datatype": "FP64", "shape": [-1]},
        {"name": "kind", "datatype": "BYTES", "shape": [-1]},
        {"name": "built", "datatype": "BYTES", "shape": [-1]},
    ]
    assert v2("GET", "/models/rows").body["inputs"] == [
        {"name": "input", "datatype": "FP64", "shape": [-1, 2]}
    ]
    assert v2("GET", "/models/echo").body["inputs"] == []
    assert "echo" in refused(v2("GET", "/models/ech"), 404)


def test_named_tensors_are_the_columns_of_the_fit(v2):
    got = outputs(infer(v2, "prices", *PRICE))
    assert list(got) == ["rooms", "area", "kind", "built", "sum"]
    assert got["rooms"] == ("INT32", [1], [2])
    assert got["kind"] == ("BYTES", [1], ["flat"])
    assert got["built"] == ("BYTES", [1], ["2024-02-29T00:00:00"])
    assert got["sum"] == ("FP64", [1], [52.5])


def test_one_tensor_of_all_columns_is_a_frame_too(v2):
    cells = ["2", "3"], ["50", "60"], ["flat"] * 2, ["2024-02-29"] * 2
    rows = [list(row) for row in zip(*cells, strict=True)]
    got = outputs(infer(v2, "prices", tensor("x", "BYTES", [2, 4], rows)))
    assert got["sum"] == ("FP64", [2], [52.0, 63.0])


def test_wrong_columns_are_named(v2):
    answer = infer(v2, "prices", *PRICE[1:])
    assert "missing 'kind'" in refused(answer, 400)
    assert answer.body["missing"] == ["kind"]
    wrong = tensor("built", "BYTES", [1], ["yesterday at noon, or so"])
    assert "'built'" in refused(infer(v2, "prices", *PRICE[:-1], wrong), 400)
    long = tensor("built", "BYTES", [2], ["2024-02-29"] * 2)
    assert "same length" in refused(infer(v2, "prices", *PRICE[:-1], long), 400)
    wide = tensor("built", "BYTES", [1, 2], ["2024-02-29"] * 2)
    assert "[n, 1]" in refused(infer(v2, "prices", *PRICE[:-1], wide), 400)


def test_what_learned_from_lists_gets_lists(v2):
    whole = tensor("x", "INT64", [2, 2], [1, 2, 3, 4])
    assert outputs(infer(v2, "rows", whole))["output"] == ("FP64", [2, 2], [1.5, 2.5, 3.5, 4.5])
    columns = tensor("a", "FP32", [2], [1, 3]), tensor("b", "FP32", [2], [2, 4])
    assert outputs(infer(v2, "rows", *columns))["output"][2] == [1.5, 2.5, 3.5, 4.5]


def test_without_a_schema_it_is_an_array_or_a_dict_of_them(v2):
    got = outputs(infer(v2, "what", tensor("x", "FP32", [1, 2], [1, 2])))
    assert got["type"] == ("BYTES", [1], ["numpy.ndarray"])
    got = outputs(infer(v2, "echo", tensor("x", "FP16", [1, 2], [[1, 2]])))
    assert got["output"] == ("FP16", [1, 2], [1.0, 2.0])
    two = tensor("a", "INT8", [2], [1, 2]), tensor("b", "UINT16", [3], [1, 2, 3])
    assert outputs(infer(v2, "added", *two))["output"][1:] == ([2], [7, 8])


def test_a_pipeline_without_input(v2):
    assert outputs(infer(v2, "number"))["output"] == ("INT64", [1], [5])
    assert "takes no input" in refused(infer(v2, "number", PRICE[0]), 400)
    assert "needs an input" in refused(infer(v2, "echo"), 400)


@pytest.mark.parametrize(
    ("which", "wanted"),
    [
        ("frame", {"a": ("INT64", [2], [1, 2]), "b": ("BYTES", [2], ["x", ""])}),
        (
            "dict",
            {"probability": ("FP64", [1, 2], [0.25, 0.75]), "label": ("BYTES", [1], ["é"])},
        ),
        ("records", {"a": ("INT64", [2], [1, 2]), "b": ("BOOL", [2], [True, False])}),
        ("scalar", {"output": ("INT64", [1], [3])}),
        ("text", {"output": ("BYTES", [1], ["é"])}),
        ("nan", {"output": ("FP64", [2], [1.5, None])}),
        ("missing", {"output": ("FP64", [2], [1.0, None])}),
        ("nullable", {"output": ("FP64", [2], [1.0, None])}),
        ("dates", {"output": ("BYTES", [1], ["2024-02-29"])}),
        ("ragged", {"output": ("BYTES", [1], ["[[1],[2,3]]"])}),
        ("nested", {"a": ("BYTES", [1], ['{"b":1}'])}),
        ("big", {"output": ("BYTES", [1], [f"[{2**70}]"])}),
        ("empty", {"output": ("FP64", [0], [])}),
        ("nothing", {}),
    ],
)
def test_outputs(v2, which, wanted):
    assert outputs(infer(v2, "gives", tensor("x", "BYTES", [1], [which]))) == wanted


def test_id_version_and_the_outputs_that_are_wanted(v2):
    x = tensor("x", "BYTES", [1], ["frame"])
    answer = infer(v2, "gives", x, id="42", outputs=[{"name": "b"}], parameters={"priority": 1})
    assert list(outputs(answer)) == ["b"]
    version = v2("GET", "/models/gives").body["versions"]
    assert (answer.body["model_name"], answer.body["id"]) == ("gives", "42")
    assert [answer.body["model_version"]] == version
    assert json.loads(answer.headers["Chariots-Versions"]).keys() == {"outputs"}
    assert "'a', 'b'" in refused(infer(v2, "gives", x, outputs=[{"name": "c"}]), 400)


@pytest.mark.parametrize(
    "body",
    [
        b"", b"{", b"[]", b"null", b"\xff", b"[" * 100_000, b'{"inputs": NaN}',
        {"inputs": {}}, {"inputs": [1]}, {"inputs": [{"name": "x"}]}, {"id": 1},
        {"parameters": []}, {"outputs": {}}, {"outputs": [1]}, {"outputs": [{"name": 1}]},
        {"outputs": [{"name": "x", "parameters": []}]},
        {"outputs": [{"name": "x", "parameters": {"classification": 2}}]},
        {"outputs": [{"name": "x", "parameters": {"shared_memory_region": "r"}}]},
        {"inputs": [{"name": "x", "shape": [1], "datatype": "FP32",
                     "parameters": {"shared_memory_region": "r"}}]},
    ],
)  # fmt: skip
def test_what_is_no_request(v2, body):
    refused(v2("POST", "/models/echo/infer", body), 400)


def test_binary_tensors(v2, server):
    array = np.array([[1.5, np.nan], [np.inf, -0.0]], dtype="f4")
    head = {
        "inputs": [
            {
                "name": "x",
                "shape": [2, 2],
                "datatype": "FP32",
                "parameters": {"binary_data_size": 16},
            }
        ]
    }
    for more, binary in (
        ({}, False),
        ({"parameters": {"binary_data_output": True}}, True),
        ({"outputs": [{"name": "output", "parameters": {"binary_data": True}}]}, True),
    ):
        said = json.dumps({**head, **more}).encode()
        headers = {"Inference-Header-Content-Length": str(len(said))}
        answer = v2("POST", "/models/echo/infer", said + array.tobytes(), headers=headers)
        assert answer.status == 200
        if not binary:
            assert answer.headers["Content-Type"].startswith("application/json")
            assert "Inference-Header-Content-Length" not in answer.headers
            assert answer.body["outputs"][0]["data"] == [1.5, None, None, 0.0]
            continue
        assert answer.headers["Content-Type"] == "application/octet-stream"
    refused(v2("POST", "/models/echo/infer", said, headers=headers), 400)  # no bytes follow
    for length in ("-1", "1e3", "٣", "9" * 30, str(len(said) + 1), "3"):
        headers = {"Inference-Header-Content-Length": length.encode().decode("latin-1")}
        refused(v2("POST", "/models/echo/infer", said, headers=headers), 400)
    answer = v2("POST", "/models/echo/infer", said, headers={"Content-Encoding": "gzip"})
    assert "uncompressed" in refused(answer, 415)


def test_an_op_that_raises(v2):
    answer = infer(v2, "gives", tensor("x", "BYTES", [1], ["unheard of"]))
    assert "KeyError" in refused(answer, 500)
    assert answer.body["code"] == "node_failed"


def test_a_run_that_changes_state_leaves_a_candidate(v2, server):
    x = tensor("x", "FP64", [1, 2], [1.0, 2.0])
    answer = infer(v2, "learn_rows", x)
    assert outputs(answer) == {}
    assert "model_version" not in answer.body
    assert answer.headers["Chariots-Run-Id"]
    assert v2("GET", "/models/learn_rows").body["versions"] == []
    assert refused(v2("POST", "/models/learn_rows/versions/1/infer", {"inputs": [x]}), 404)
    assert "changes state" in refused(v2("POST", "/repository/models/learn_rows/unload"), 409)


def test_only_the_version_that_is_served(v2):
    (version,) = v2("GET", "/models/rows").body["versions"]
    own, other = f"/models/rows/versions/{version}", "/models/rows/versions/0123456789ab"
    x = {"inputs": [tensor("x", "FP64", [1, 2], [1.0, 2.0])]}
    assert v2("GET", own).body == v2("GET", "/models/rows").body
    assert v2("GET", f"{own}/ready").body == {"name": "rows", "ready": True}
    assert v2("POST", f"{own}/infer", x).status == 200
    for answer in (
        v2("GET", other),
        v2("GET", f"{other}/ready"),
        v2("POST", f"{other}/infer", x),
    ):
        assert version in refused(answer, 404)


def test_another_state_is_another_version_and_the_same_one_the_same(v2, server):
    def load(**body):
        assert server.post("pipelines/rows/load", body).status == 200
        (version,) = v2("GET", "/models/rows").body["versions"]
        return version

    first = load()
    numbers = server.get("pipelines/rows").body["served"]["versions"]
    server.post("pipelines/learn_rows/main", {"pipeline_input": [[1.0, 2.0, 3.0]]})
    assert server.post("pipelines/learn_rows/save").status == 200
    assert load() != first
    assert load(versions={"rows": numbers["rows"]["number"]}) == first
    server.post("pipelines/learn_rows/main", {"pipeline_input": [[1.0, 2.0]]})
    assert server.post("pipelines/learn_rows/save").status == 200
    assert load() == first  # as other tests expect it


def test_load_and_unload(v2, server):
    x = tensor("x", "FP64", [1, 2], [1.0, 2.0])
    (version,) = v2("GET", "/models/rows").body["versions"]
    unload, load = "/repository/models/rows/unload", "/repository/models/rows/load"
    for body in (b"", {"parameters": {"unload_dependents": False}}):  # the second time too
        assert v2("POST", unload, body).body == {}
        assert "unloaded it" in refused(infer(v2, "rows", x), 419)
        assert server.post("pipelines/rows/main", {"pipeline_input": [[1]]}).status == 419
        ready = v2("GET", "/models/rows/ready")
        assert (ready.status, ready.body["ready"]) == (503, False)
        assert "unloaded it" in ready.body["error"]
        assert "rows" in v2("GET", "/health/ready").body["error"]
        assert v2("GET", "/models/rows").body["versions"] == []
        assert server.get("pipelines/rows").body["replicas"]["alive"] == 0
    index = {model["name"]: model for model in v2("POST", "/repository/index").body}
    assert index["rows"]["state"] == "UNAVAILABLE"
    assert "unloaded it" in index["rows"]["reason"]
    assert index["prices"] == {
        "name": "prices",
        "state": "READY",
        "reason": "",
        "version": v2("GET", "/models/prices").body["versions"][0],
    }
    ready = v2("POST", "/repository/index", {"ready": True}).body
    assert {model["name"] for model in ready} == set(index) - {"rows"}
    assert v2("POST", load, {}).body == {}
    assert v2("GET", "/models/rows").body["versions"] == [version]
    assert infer(v2, "rows", x).status == 200


def test_a_load_takes_no_configuration(v2):
    answer = v2("POST", "/repository/models/rows/load", {"parameters": {"config": "{}"}})
    assert "config" in refused(answer, 400)


def test_unknown_routes_and_verbs_have_the_error_of_the_protocol(v2, server):
    for method, path in (
        ("GET", "v2/models/rows/config"),
        ("GET", "v2/models/stats"),
        ("POST", "v2/health/live"),
        ("GET", "v2/repository/index"),
        ("GET", "v2/models/rows/infer"),
    ):
        answer = server.request(method, path, b"" if method == "POST" else None)
        assert answer.status in (404, 405)
        assert answer.body["error"].startswith(answer.body["message"])
    answer = server.get("v2/models/rows", token="wrong")
    assert answer.status == 401
    assert answer.body["error"]


class ReadOnly(Authorizer):
    """Lets nobody run or change anything."""

    def is_authorized(self, handler, user, action, resource):
        return action == "read" and resource == "jupyter_chariots:pipelines"


class RunOnly(Authorizer):
    """Lets nobody change anything."""

    def is_authorized(self, handler, user, action, resource):
        return action in ("read", "execute")


class TestAuthorizer:
    @pytest.fixture(params=[ReadOnly, RunOnly])
    def authorizer(self, request):
        return request.param

    @pytest.fixture
    def jp_server_config(self, jp_server_config, authorizer):
        jp_server_config["ServerApp"]["authorizer_class"] = authorizer
        return jp_server_config

    async def test_who_may_do_what(self, fetch, authorizer):
        for method, path in (
            ("GET", ""),
            ("GET", "/health/live"),
            ("GET", "/models/doubled"),
            ("GET", "/models/doubled/ready"),
            ("POST", "/repository/index"),
        ):
            assert (await fetch(method, f"v2{path}")).status == 200
        number = {"inputs": [tensor("x", "INT64", [1], [2])]}
        called = await fetch("POST", "v2/models/doubled/infer", number)
        assert called.status == (200 if authorizer is RunOnly else 403)
        assert authorizer is RunOnly or called.body["error"]
        for verb in ("load", "unload"):
            answer = await fetch("POST", f"v2/repository/models/doubled/{verb}")
            assert answer.status == 403
            assert answer.body["error"]
