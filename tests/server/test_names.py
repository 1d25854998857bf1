"""Names through every door: the routes, the client, the command line."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from jupyter_chariots import Node, Pipeline, PipelinesClient
from jupyter_chariots.cli import main
from jupyter_chariots.errors import (
    ChariotsError,
    InvalidName,
    OpNotFound,
    PipelineNotFound,
)
from jupyter_chariots.versioning.names import check_name

from ..live import LiveServer
from ..made_up import made_up, refusal
from .odd_names import NAMES

INPUT = "__pipeline_input__"
NODE = "a node . of -- spaces"
ANY = st.text(st.characters(), min_size=1, max_size=12) | st.text("./\\ ~%?#&;:\0\r\n-", min_size=1)
HARD = [
    "..",
    "../../etc/passwd",
    "a/b",
    "%2e%2e",
    "a%2Fb",
    " ",
    "\0",
    "\r\nX: y",
    "\ud800",
    "é",
    "a?b=c",
]


@pytest.fixture(scope="module")
def server(tmp_path_factory) -> Iterator[LiveServer]:
    folder = tmp_path_factory.mktemp("names")
    modules = ["tests.server.odd_names"]
    with LiveServer(folder / "root", folder / "home", app_pipelines=modules) as server:
        yield server


@pytest.fixture(scope="module")
def client(server: LiveServer) -> Iterator[PipelinesClient]:
    client = PipelinesClient(server.url, server.token)
    yield client
    client.close()


def shell(server, monkeypatch, capsys, *arguments):
    """Exit code, output and errors of ``jupyter chariots …``."""
    monkeypatch.setenv("CHARIOTS_URL", server.url)
    monkeypatch.setenv("CHARIOTS_TOKEN", server.token)
    capsys.readouterr()
    try:
        code = main([*arguments])
    except SystemExit as ended:
        code = ended.code
    return code, *capsys.readouterr()


@pytest.mark.parametrize("name", NAMES)
def test_every_name_that_is_allowed_is_called(server, client, monkeypatch, capsys, name):
    answer = client.call_pipeline(name)
    assert answer.value == name
    assert list(answer.versions) == [NODE]
    assert server.get(f"pipelines/{name}").body["name"] == name
    assert client.pipeline_versions(name) == answer.versions
    assert client.is_pipeline_loaded(name)
    code, out, err = shell(server, monkeypatch, capsys, "call", "--json", "--", name)
    assert code == 0, err
    assert json.loads(out)["pipeline_output"] == name
    code, out, err = shell(server, monkeypatch, capsys, "versions", "--", name)
    assert (code, NODE in out) == (0, True), err


@made_up(60)
@given(ANY)
@example("..")
@example("../../etc/passwd")
@example("a%2Fb")
@example("\ud800")
@example("\r\nX: y")
@example("x" * 5000)
def test_any_other_name_is_unknown_to_the_client(client, name):
    if name in NAMES:
        return
    for act in (
        client.call_pipeline,
        client.load_pipeline,
        client.pipeline_versions,
        client.unserve,
    ):
        refused = refusal(act, name)
        assert isinstance(refused, (PipelineNotFound, InvalidName)), (act, refused)
        assert len(str(refused)) < 1000
    refused = refusal(client.history, name)
    assert isinstance(refused, (OpNotFound, InvalidName)), refused
    refused = refusal(client.diff, "none", name, name)
    assert isinstance(refused, ChariotsError), refused
    refused = refusal(client.fetch_job, name)
    assert isinstance(refused, ChariotsError), refused


@pytest.mark.parametrize("name", HARD)
def test_any_other_name_is_unknown_to_the_command_line(server, monkeypatch, capsys, name):
    for command in ("call", "load", "versions"):
        code, out, err = shell(server, monkeypatch, capsys, command, "--", name)
        assert code in (2, 4), (command, err)
        assert out == ""
        assert "Traceback" not in err


@made_up(150)
@given(ANY)
def test_a_thing_bears_its_name_or_none(name):
    """What is allowed can stand in a path, and as one word of a log."""
    for kind in ("pipeline", "op", "node"):
        refused = refusal(check_name, kind, name)
        assert refused is None or isinstance(refused, InvalidName)
        if refused is None:
            assert name.isascii()
            assert name.isprintable()
            assert not {*name} & {*"/\\%?#\0"}
            assert not name.startswith((".", " "))
    node = refusal(lambda: Node(len, ["x"], "y", name=name))
    pipeline = refusal(lambda: Pipeline([Node(len, [INPUT], name="n")], name))
    assert node is None or isinstance(node, InvalidName)
    assert pipeline is None or isinstance(pipeline, InvalidName)


@pytest.mark.parametrize(
    "path", ["pipelines/../health_check", "pipelines//main", "pipelines/%2E%2E/main"]
)
def test_a_path_leads_nowhere_else(server, path):
    answer = server.request("POST", path, b"{}")
    assert answer.status in (404, 405)
    assert answer.body["code"] in ("not_found", "pipeline_not_found", "bad_request")


def test_the_logs_of_all_of_them_lie_in_one_folder(server, client):
    folder = server.root / ".chariots" / "logs"
    for name in NAMES:
        client.call_pipeline(name)
    assert {path.parent for path in folder.rglob("*")} == {folder}
    assert len({path.name.lower() for path in folder.iterdir()}) >= len(NAMES)
