"""What a version that a notebook has made knows of its origin, and what two of them differ in."""

from __future__ import annotations

import contextlib
import itertools
import json

import pytest

from ..kernels import Notebook
from ..live import LiveServer

DEFINE = """
# this cell defines the op
import numpy as np
from jupyter_chariots import BaseMLOp, MLMode, Node, OpStore, Pipeline, PipelinesClient
from jupyter_chariots import SequentialRunner, VersionedField, op

class Model:
    pass

class Centre(BaseMLOp):
    power = VersionedField(1)
    def _init_model(self):
        return Model()
    def fit(self, numbers):
        self._model.mean = np.mean(scaled(numbers)) * FACTOR
        self.report(mean=float(self._model.mean))
    def predict(self, numbers):
        return [x - self._model.mean for x in numbers]
"""
HELPER = """
def scaled(numbers):
    return np.array(numbers) / 1
"""
NUMBERS = """
FACTOR = 1
@op
def numbers():
    return [1, 2, LAST]
"""
PIPELINES = """
train = Pipeline(
    [Node(numbers, output_nodes="X"), Node(Centre(MLMode.FIT), input_nodes=["X"])], "train"
)
client = PipelinesClient()
"""
SERVE = "client.serve(train); client.call_pipeline(train); client.save_pipeline(train)"
CELLS = {"define": DEFINE, "helper": HELPER, "numbers": NUMBERS, "pipelines": PIPELINES}


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    folder = tmp_path_factory.mktemp("provenance")
    with LiveServer(folder / "root", folder / "home") as server:
        yield server


@pytest.fixture
def notebook(server, request):
    with Notebook(server, f"{request.node.name}.ipynb") as notebook:
        yield notebook
        # the next test defines ops of the same names
        with contextlib.suppress(OSError):
            notebook.file.unlink()


LAST = itertools.count(3, 3)  # equal trainings would be one version, with the facts of the first


def define(notebook, **changed):
    for name, source in {**CELLS, **changed}.items():
        last = next(LAST) if name == "numbers" else 0
        notebook.run(source.replace("LAST", str(last)))


def versions(server):
    return server.get("ops/centre/versions").body["items"]


def run_with_id(notebook, source, cell_id):
    """Execute a cell as JupyterLab does: with the id of the cell."""
    client = notebook._client
    content = {"code": source, "silent": False, "store_history": True, "allow_stdin": False}
    message = client.session.msg("execute_request", content, metadata={"cellId": cell_id})
    client.shell_channel.send(message)
    while True:
        reply = client.get_shell_msg(timeout=60)
        if reply["parent_header"].get("msg_id") == message["header"]["msg_id"]:
            assert reply["content"]["status"] == "ok", reply
            return


def known_of(server, notebook):
    """The facts of the latest version, after what every version from this notebook has."""
    facts = versions(server)[0]["facts"]
    assert facts["notebook"] == facts["origin"] == str(notebook.file)
    assert facts["kernel"]["id"] == notebook.kernel_id
    assert facts["kernel"]["name"] == "python3"
    assert facts["kernel"]["display_name"].startswith("Python 3")
    assert facts["kernel"]["python"] == facts["python"]
    assert facts["source"].startswith("class Centre(BaseMLOp):")
    assert facts["packages"]["numpy"]
    return facts


def test_ops_that_a_child_fits(server, notebook):
    run_with_id(notebook, DEFINE.lstrip(), "cell-1")
    define(notebook, define="")
    notebook.run(SERVE)
    facts = known_of(server, notebook)
    assert facts["cell"]["source"].startswith("# this cell defines the op\nimport numpy")
    assert facts["cell"]["id"] == "cell-1"
    assert facts["cell"]["execution_count"] >= 1
    assert facts["helpers"].keys() == {"scaled"}
    assert facts["values"].keys() == {"FACTOR"}
    (found,) = [one for one in versions(server)[0]["trained_on"] if one["op"] == "numbers"]
    assert not found["stateful"]


def test_ops_that_the_kernel_fits(server, notebook):
    define(notebook)
    notebook.run("SequentialRunner().run(train); client.serve(train)")
    facts = known_of(server, notebook)
    assert "class Centre(BaseMLOp):" in facts["cell"]["source"]
    assert facts["metrics"]["mean"] > 1


def test_a_renamed_notebook(server, notebook):
    define(notebook)
    notebook.run(SERVE)
    old = notebook.file
    notebook.rename("renamed.ipynb")
    old.touch()  # another notebook, under the old name
    try:
        define(notebook, define=DEFINE.replace("x - self", "0 * x - self"))
        notebook.run("SequentialRunner().run(train); client.serve(train)")
        assert server.get("pipelines/train").body["owner"] == str(notebook.file)
        facts = versions(server)[0]["facts"]
        assert facts["notebook"] == str(notebook.file)
        # from now on the kernel knows its name
        define(notebook)
        notebook.run("SequentialRunner().run(train); train.save(OpStore())")
        assert versions(server)[0]["facts"]["origin"] == str(notebook.file)
        notebook.rename("again.ipynb")
        define(notebook, define=DEFINE.replace("x - self", "1 * x - self"))
        notebook.run("client.serve(train)")
        assert server.get("pipelines/train").body["owner"] == str(notebook.file)
    finally:
        old.unlink()


def newest(server):
    """The number of the version that the last save named."""
    return max(versions(server), key=lambda one: one["named"] or 0)["number"]


@pytest.mark.parametrize(
    ("cell", "old", "new", "keys", "facts", "said"),
    [
        # what the cell says, in the op and beside it
        ("define", "x - self", "x*1 - self", {"source"}, set(), "+        return [x*1 - "),
        # a field
        (
            "define",
            "VersionedField(1)",
            "VersionedField(2)",
            {"source", "facts"},
            {"parameters.power"},
            "+    power = VersionedField(2)",
        ),
        # a function in another cell
        ("helper", "/ 1", "/ 1.0", {"source"}, set(), "+    return np.array(numbers) / 1.0"),
        # data that the code names
        (
            "numbers",
            "FACTOR = 1",
            "FACTOR = 5",
            {"state", "facts"},
            {"metrics.mean", "values.FACTOR"},
            "",
        ),
        # what it was trained on
        (
            "numbers",
            "[1, 2,",
            "[1, 5,",
            {"state", "facts", "lineage"},
            {"metrics.mean"},
            "",
        ),
    ],
    ids=["code", "field", "helper", "data", "upstream"],
)
def test_a_difference_is_shown_and_nothing_else(
    server, notebook, cell, old, new, keys, facts, said
):
    cells = {**CELLS, "numbers": NUMBERS.replace("LAST", str(next(LAST)))}
    define(notebook, **cells)
    notebook.run(SERVE)
    a = newest(server)
    define(notebook, **{**cells, cell: cells[cell].replace(old, new)})
    notebook.run(SERVE)
    b = newest(server)
    found = server.get(f"ops/centre/diff?a={a}&b={b}").body
    assert found.keys() - {"levels"} == keys
    assert found.get("facts", {}).keys() == facts
    assert said in found.get("source", "")
    if not said:
        assert "source" not in found
    shown = notebook.run(f"client.diff('centre', '{a}', '{b}')")
    assert said in shown
    assert all(name in shown for name in facts)


def test_history_and_served_sets_show_themselves(server, notebook):
    define(notebook)
    notebook.run(SERVE)
    shown = notebook.run("client.history('centre')")
    assert f"{notebook.file.name} [1]" in shown
    assert "mean " in shown
    assert "Python 3" in shown


SECRET = "s3cret-Value-of-mine"


def test_secrets_are_nowhere(server, notebook):
    """Values of ``env`` and what a cell assigns to a name such as ``api_token``."""
    define(
        notebook,
        define=f"{DEFINE}\napi_token = '{SECRET}-cell'\n",
        numbers=f"""
            import os
            FACTOR = 1
            @op
            def numbers():
                assert os.environ["MY_CODE"].startswith("{SECRET[:8]}")
                return [1, 2, LAST]
            os.environ["MY_CODE"] = "".join(["{SECRET[:8]}", "{SECRET[8:]}-env"])
            """,
    )
    notebook.run(SERVE.replace("serve(train)", "serve(train, env=['MY_CODE'])"))
    facts = versions(server)[0]["facts"]
    assert "api_token = '***'" in facts["cell"]["source"]
    server.restart(kill=True)  # what was served is served again, with its environment
    assert server.post("pipelines/train/main").status == 200
    assert server.post("pipelines/train/main", {"pipeline_input": 3}).status == 400
    for path in ("snapshot", "pipelines", "pipelines/train", "ops/centre/versions"):
        assert SECRET not in json.dumps(server.get(path).body)
    files = [
        *(server.root / ".chariots").rglob("*"),
        *server.home.rglob("*.json"),
        *server.home.rglob("*.log"),
    ]
    for file in files:
        if file.is_file():
            content = file.read_bytes()
            assert f"{SECRET}-env".encode() not in content, file
            assert f"{SECRET}-cell".encode() not in content, file
