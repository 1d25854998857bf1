"""``%chariots`` in the kernel of a notebook, against the server that it belongs to."""

from __future__ import annotations

import json

import pytest

from jupyter_chariots.client.arguments import COMMANDS, HelpWanted, pin, read
from jupyter_chariots.errors import BadRequest
from tests.kernels import CellFailed, Notebook
from tests.live import FLOWERS, IRIS, LiveServer

ROW = "[[5.1, 3.5, 1.4, 0.2]]"


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    folder = tmp_path_factory.mktemp("magics")
    with LiveServer(folder / "root", folder / "home", app_pipelines=[IRIS]) as server:
        server.post("pipelines/train_iris/main")
        server.post("pipelines/train_iris/save")
        server.post("pipelines/pred_iris/load")
        yield server


@pytest.fixture(scope="module")
def notebook(server):
    with Notebook(server) as notebook:
        notebook.run("%load_ext jupyter_chariots")
        yield notebook


def completed(notebook, line):
    """What the Tab key offers at the end of a line."""
    # the kernel answers one request at a time, so a cell may ask for it as the front end does
    code = f"""
        import json
        matches = get_ipython().Completer.complete(line_buffer={line!r})[1]
        print(json.dumps(list(matches)))
    """
    return json.loads(notebook.run(code))


def test_the_life_of_a_model(live_server):
    server = live_server(app_pipelines=[FLOWERS])
    with Notebook(server) as notebook:
        notebook.run("%load_ext jupyter_chariots")
        assert "PipelineResponse done" in notebook.run("%chariots call train_iris")
        assert "not saved" in notebook.run("%chariots list")
        saved = notebook.run("%chariots save train_iris")
        assert saved == "train_iris is saved: pcaop 1.0.0, logisticop 1.0.0\n"
        with pytest.raises(CellFailed) as failed:
            notebook.run("%chariots load pred_iris pcaop=9.9.9")
        assert failed.value.name == "VersionNotFound"
        loaded = notebook.run("%chariots load pred_iris")
        assert loaded == "pred_iris serves pcaop 1.0.0, logisticop 1.0.0\n"
        assert "value: [0]" in notebook.run(f"%chariots call pred_iris {ROW}")
        assert server.get("health_check").body["pred_iris"] is True

        notebook.run("%chariots call train_pca 1")
        notebook.run("%chariots save train_pca --force")
        with pytest.raises(CellFailed) as failed:
            notebook.run("%chariots load pred_iris")
        assert failed.value.name == "VersionError"
        assert 'client.call_pipeline("train_iris")' in failed.value.said
        assert "pcaop 1.0.0" in notebook.run("%chariots load pred_iris logisticop=1.0.0")


def test_what_is_shown_is_the_value(notebook):
    shown = notebook.run("""
        import numpy as np
        X = np.array([[5.1, 3.5, 1.4, 0.2], [6.7, 3.0, 5.2, 2.3]])
        answer = %chariots call pred_iris X
        answer.value.tolist()
    """)
    assert shown == "[0, 2]\n"
    shown = notebook.run("answer = %chariots call pred_iris X[:1].tolist()\nanswer.value")
    assert shown == "[0]\n"
    shown = notebook.run("history = %chariots history pcaop\nhistory[0]['number']")
    assert shown == "'1.0.0'\n"


def test_a_variable_that_holds_a_pipeline_names_it(notebook):
    notebook.run("from jupyter_chariots.examples.iris import pred_iris as mine")
    assert "value: [0]" in notebook.run(f"%chariots call mine {ROW}")
    assert "logisticop" in notebook.run("%chariots versions mine")


def test_braces_are_json_and_no_expansions(notebook):
    notebook.run("""
        from jupyter_chariots import Node, Pipeline, PipelinesClient, op
        x = 5

        @op
        def same(value):
            return value

        echo = Pipeline([Node(same, "__pipeline_input__", "__pipeline_output__")], "echo")
        _ = PipelinesClient().serve(echo)
    """)
    shown = notebook.run('answer = %chariots call echo {"a":1,"$x":2}\nanswer.value')
    assert shown == "{'a': 1, '$x': 2}\n"
    notebook.run("PipelinesClient().unserve(echo)")


def test_looking(notebook):
    lines = notebook.run("%chariots list").splitlines()
    assert lines[0].split()[:3] == ["pipeline", "loaded", "serves"]
    assert any("pcaop 1.0.0, logisticop 1.0.0" in line for line in lines)
    assert notebook.run("%chariots versions pred_iris").split()[:3] == [
        "node",
        "number",
        "version",
    ]
    assert notebook.run("%chariots history pcaop --limit 1").splitlines()[1].startswith("1.0.0")
    assert notebook.run("%chariots diff pcaop 1.0.0 1.0.0") == "pcaop: no difference\n"
    assert notebook.run("%chariots lineage logisticop") == notebook.run(
        "%chariots lineage logisticop 1.0.0"
    )
    assert notebook.run("%chariots jobs --limit 5").startswith(("[]", "job"))


def test_a_cell_that_fails_shows_the_line_and_no_frame_of_ours(notebook):
    with pytest.raises(CellFailed) as failed:
        notebook.run("%chariots call nobody")
    assert failed.value.name == "PipelineNotFound"
    assert "magics.py" not in str(failed.value)


def test_help(notebook):
    overview = notebook.run("%chariots")
    for name in COMMANDS:
        assert f"%chariots {name}" in overview
    assert "usage: %chariots load" in notebook.run("%chariots load --help")


WRONG = {
    "lod pred_iris": "Did you mean 'load'?",
    "load": "arguments are required: PIPELINE",
    "load pred_iris 1.0.2": "Write op=1.0.2.",
    "history pcaop --limit many": "invalid int value",
    "save a b": "unrecognized arguments: b",
    "call pred_iris no_such_name": "NameError",
    "call pred_iris [1,": "SyntaxError",
    "call --wrker pred_iris": "unrecognized arguments: --wrker",
}


@pytest.mark.parametrize("line", WRONG)
def test_what_is_wrong_with_a_line(notebook, line):
    with pytest.raises(CellFailed) as failed:
        notebook.run(f"%chariots {line}")
    assert failed.value.name == "BadRequest"
    assert WRONG[line] in failed.value.said


def test_completion(notebook):
    notebook.run("from jupyter_chariots.examples.iris import pred_iris as held")
    assert completed(notebook, "%chariots ") == list(COMMANDS)
    assert completed(notebook, "%chariots hi") == ["history"]
    assert completed(notebook, "%chariots call p") == ["pred_iris"]
    assert {"train_iris", "held"} <= set(completed(notebook, "%chariots save "))
    assert completed(notebook, "%chariots history l") == ["logisticop"]
    assert completed(notebook, "%chariots diff pcaop 1") == ["1.0.0"]
    assert completed(notebook, "%chariots load pred_iris pc") == ["pcaop="]
    assert completed(notebook, "%chariots load pred_iris pcaop=1.") == ["1.0.0"]
    assert completed(notebook, "%chariots save train_iris --f") == ["--force"]
    assert completed(notebook, "%chariots jobs --pipeline pred") == ["pred_iris"]


def test_completion_without_a_server_offers_what_is_known():
    from jupyter_chariots.client.completing import completions
    from jupyter_chariots.errors import ServerNotFound

    def ask(path, **query):
        raise ServerNotFound("gone")

    assert "call" in completions("%chariots c", ask)
    assert completions("%chariots call ", ask) == []
    assert completions("%chariots nothing ", ask) == []


def test_lines():
    given = read('call --worker p  [1,  "two  words"] ')
    assert (given.command, given.pipeline, given.worker) == ("call", "p", True)
    assert given.input == '[1,  "two  words"]'
    assert read("call p -1").input == "-1"
    assert read("call p").input is None
    assert read("call p").worker is None
    assert pin("a=1.0.2") == ("a", "1.0.2")
    with pytest.raises(BadRequest, match="usage: %chariots diff"):
        read("diff a 1.0.0")
    for line in ("", "help", "--help", "panel -h"):
        with pytest.raises(HelpWanted):
            read(line)
