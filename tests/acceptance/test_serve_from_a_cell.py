"""Pipelines that notebooks define: served, changed, kept through restarts."""

from __future__ import annotations

import pytest

from jupyter_chariots import OpStore

from ..kernels import CellFailed, Notebook
from ..live import wait_for

DEFINE = """
from jupyter_chariots import BaseMLOp, MLMode, Node, Pipeline, PipelinesClient, ReservedNodes
from jupyter_chariots import SequentialRunner, VersionedField, op

class Mean:
    def fit(self, numbers):
        self.mean = sum(numbers) / len(numbers)
    def distance(self, x):
        return x - self.mean

class Centre(BaseMLOp):
    def _init_model(self):
        return Mean()
    def fit(self, numbers):
        self._model.fit(numbers)
    def predict(self, numbers):
        assert isinstance(self._model, Mean)  # the class of this very code
        return [self._model.distance(x) for x in numbers]

@op
def numbers():
    return [1, 2, 3]

train = Pipeline(
    [Node(numbers, output_nodes="X"), Node(Centre(MLMode.FIT), input_nodes=["X"])], "train"
)
pred = Pipeline(
    [
        Node(
            Centre(MLMode.PREDICT),
            input_nodes=[ReservedNodes.pipeline_input],
            output_nodes=ReservedNodes.pipeline_output,
        )
    ],
    "pred",
)
client = PipelinesClient()
"""
TRAIN = "client.call_pipeline(train); client.save_pipeline(train); client.load_pipeline(pred)"
CALL = "print(client.call_pipeline(pred, [5, 6]).value)"
CHANGES = "print([one.change for one in client.serve(train, pred)])"


@pytest.fixture
def server(live_server):
    return live_server()


@pytest.fixture
def notebook(server):
    with Notebook(server) as notebook:
        yield notebook


def predict(server, *numbers):
    return server.post("pipelines/pred/main", {"pipeline_input": list(numbers)})


def versions(server):
    return server.get("pipelines/pred/versions").body


def written(server):
    """The number of the latest news in the op store; the server itself hears of it later."""
    path = server.root / ".chariots" / "op_store.db"
    with OpStore(path, secret=b"of somebody who opens nothing in it") as store:
        return store.sequence()


def test_the_whole_story(server, notebook):
    notebook.run(DEFINE)
    shown = notebook.run("client.serve(train, pred)")
    assert "<Pipeline train>" in shown  # the graph
    assert f"{server.url}/pipelines/pred/main" in shown
    assert "$JUPYTER_TOKEN" in shown
    assert server.token not in shown
    assert 'client.call_pipeline("train"); client.save_pipeline("train")' in shown
    notebook.run(TRAIN)
    assert notebook.run(CALL) == "[3.0, 4.0]\n"
    before = versions(server)

    notebook.run(DEFINE.replace("x - self.mean", "(x - self.mean) * 10"))
    assert notebook.run("print(client.serve(pred).change)") == "replaced\n"
    assert notebook.run(CALL) == "[30.0, 40.0]\n"  # the state is kept, the code is new
    assert versions(server) != before

    answer = predict(server, 5, 6)
    notebook.shut_down()
    server.restart(kill=True)
    assert predict(server, 5, 6).body == answer.body
    assert server.post("pipelines/train/main").status == 200  # and it can be trained again


def test_running_all_again_changes_nothing(server, notebook):
    notebook.run(DEFINE)
    assert "served" in notebook.run(CHANGES)
    notebook.run(TRAIN)
    notebook.run(CALL)
    before = written(server)
    process = server.get("pipelines/pred").body["replicas"]

    notebook.restart_kernel()
    notebook.run("# a comment, and other lines\n\n" + DEFINE)
    assert notebook.run(CHANGES) == "['unchanged', 'unchanged']\n"

    assert written(server) == before
    assert server.get("pipelines/pred").body["replicas"] == process
    assert notebook.run(CALL) == "[3.0, 4.0]\n"


def test_data_that_the_code_names_counts(server, notebook):
    notebook.run(DEFINE)
    notebook.run("import pandas as pd\ntable = pd.DataFrame({'x': [1]})")
    notebook.run(
        """
        @op
        def first():
            return int(table.x[0])
        look = lambda: Pipeline(
            [Node(first, output_nodes=ReservedNodes.pipeline_output)], "look"
        )
        show = lambda: print(client.serve(look()).change, client.call_pipeline("look").value)
        """
    )
    assert notebook.run("show()") == "served 1\n"
    assert notebook.run("show()") == "unchanged 1\n"
    assert notebook.run("table = pd.DataFrame({'x': [2]}); show()") == "replaced 2\n"


def test_what_the_kernel_has_fitted_is_saved_and_served(server, notebook):
    notebook.run(DEFINE)
    shown = notebook.run("SequentialRunner().run(train); client.serve(train, pred)")
    assert "Saved what this kernel has learned: centre 1.0.0." in shown
    assert notebook.run(CALL) == "[3.0, 4.0]\n"
    assert notebook.run(CHANGES) == "['unchanged', 'unchanged']\n"
    assert notebook.run("print(train.last_run)") == "None\n"
    # equal training: that version is the newest already
    assert (
        notebook.run("SequentialRunner().run(train); " + CHANGES) == "['unchanged', 'unchanged']\n"
    )

    notebook.run("client.load_pipeline(pred, versions={'centre': '1.0.0'})")
    notebook.run(DEFINE.replace("[1, 2, 3]", "[5]"))
    shown = notebook.run("SequentialRunner().run(train); client.serve(train, pred)")
    assert "centre 2.0.0" in shown
    assert "pinned: load() to use" in shown
    assert notebook.run(CALL) == "[3.0, 4.0]\n"
    notebook.run("client.load_pipeline(pred)")
    assert notebook.run(CALL) == "[0.0, 1.0]\n"
    version = notebook.run("print(client.history('centre')[0]['facts']['notebook'])")
    assert version.strip() == str(notebook.file)


def test_a_changed_definition_that_does_not_fit_says_what_to_do(server, notebook):
    notebook.run(DEFINE)
    notebook.run("client.serve(train, pred)\n" + TRAIN)
    major = DEFINE.replace(
        "class Centre(BaseMLOp):", "class Centre(BaseMLOp):\n    size = VersionedField(2)"
    )
    notebook.run(major)
    shown = notebook.run("client.serve(train, pred)")
    assert "not loaded" in shown
    assert 'client.load_pipeline("pred")' in shown
    assert predict(server, 5).status == 419


def test_names_belong_to_notebooks(server, notebook):
    notebook.run(DEFINE)
    notebook.run("client.serve(train, pred)\n" + TRAIN)
    with Notebook(server, "other.ipynb") as other:
        other.run(DEFINE.replace("x - self.mean", "0"))
        with pytest.raises(CellFailed) as refused:
            other.run("client.serve(train, pred)")
        assert refused.value.name == "NameTaken"
        assert str(notebook.file) in refused.value.said
        assert predict(server, 5, 6).body["pipeline_output"] == [3.0, 4.0]
        with pytest.raises(CellFailed, match="share"):
            other.run("client.serve(pred, replace=True)")
        other.run("client.serve(pred, replace=True, share=['centre'])")
        assert predict(server, 5, 6).body["pipeline_output"] == [0, 0]
        assert server.get("pipelines/pred").body["owner"] == str(other.file)


def test_a_notebook_keeps_its_names_when_it_is_renamed(server, notebook):
    notebook.run(DEFINE)
    notebook.run("client.serve(train, pred)\n" + TRAIN)
    notebook.rename("better.ipynb")
    notebook.run(DEFINE.replace("x - self.mean", "0"))
    notebook.run("client.serve(train, pred)")
    assert server.get("pipelines/pred").body["owner"] == str(notebook.file)
    assert predict(server, 5, 6).body["pipeline_output"] == [0, 0]


def test_unserve_and_serve_again(server, notebook):
    notebook.run(DEFINE)
    notebook.run("client.serve(train, pred)\n" + TRAIN)
    notebook.run("client.unserve(pred)")
    assert predict(server, 5).status == 404
    assert "pred" not in server.get("available_pipelines").body
    with pytest.raises(CellFailed) as refused:
        notebook.run("client.unserve('pred')")
    assert refused.value.name == "PipelineNotFound"
    server.restart(kill=True)
    assert server.get("available_pipelines").body == ["train"]

    with Notebook(server) as again:
        again.run(DEFINE)
        assert again.run("print(client.serve(pred).change)") == "served\n"
        assert again.run(CALL) == "[3.0, 4.0]\n"


def test_a_fitted_estimator_needs_no_pipeline(server, notebook):
    notebook.run(
        """
        from sklearn.linear_model import LinearRegression
        from jupyter_chariots import PipelinesClient
        client = PipelinesClient()
        model = LinearRegression().fit([[1.0], [2.0]], [2, 4])
        """
    )
    shown = notebook.run("client.serve(model, name='double')")
    assert "double 1.0.0" in shown
    assert notebook.run("print(round(client.call_pipeline('double', [[7]]).value[0]))") == "14\n"
    assert notebook.run("print(client.serve(model, name='double').change)") == "unchanged\n"
    notebook.run("model.fit([[1.0], [2.0]], [3, 6])")
    assert notebook.run("print(client.serve(model, name='double').change)") == "loaded\n"
    assert notebook.run("print(round(client.call_pipeline('double', [[7]]).value[0]))") == "21\n"
    for line, said in [
        ("client.serve(model)", "needs a name"),
        ("client.serve(LinearRegression(), name='x')", "is not fitted"),
        ("client.serve(3)", "neither a pipeline nor"),
        ("client.serve([model])", "one by one"),
        ("client.serve()", "nothing to serve"),
    ]:
        with pytest.raises(CellFailed) as refused:
            notebook.run(line)
        assert refused.value.name == "DefinitionError"
        assert said in refused.value.said


WHERE = """
import os, sys
sys.path.append(os.path.abspath("lib"))
from jupyter_chariots import Node, Pipeline, PipelinesClient, ReservedNodes, op
import helper

@op
def where():
    import late
    return [os.getcwd(), os.environ.get("MY_KEY"), sys.executable, helper.help(), late.NAME]

look = Pipeline([Node(where, output_nodes=ReservedNodes.pipeline_output)], "look")
client = PipelinesClient()
"""


def test_it_runs_where_the_kernel_runs(server):
    folder = server.root / "project"
    (folder / "lib").mkdir(parents=True)
    (folder / "helper.py").write_text("def help():\n    return 'by value'\n")
    (folder / "lib" / "late.py").write_text("NAME = 'late'\n")
    with Notebook(server, "project/notebook.ipynb") as notebook:
        notebook.run(WHERE)
        with pytest.raises(CellFailed, match="MY_KEY"):
            notebook.run("client.serve(look, env=['MY_KEY'])")
        notebook.run("os.environ['MY_KEY'] = 'secret'; client.serve(look, env=['MY_KEY'])")
        python = notebook.run("print(sys.executable)").strip()
        (folder / "helper.py").write_text("def help():\n    return 'from disk'\n")
        said = notebook.run("print(client.call_pipeline(look).value)")
    assert said == f"{[str(folder), 'secret', python, 'by value', 'late']}\n"
    assert "secret" not in str(server.get("pipelines/look").body)


def test_what_cannot_travel_is_named_before_anything_is_sent(server, notebook):
    notebook.run(DEFINE)
    notebook.run(
        """
        import threading, warnings
        lock, big = threading.Lock(), bytes(3 << 20)
        def serve(function):
            node = Node(op(function), output_nodes=ReservedNodes.pipeline_output)
            return client.serve(Pipeline([node], "look"))
        def locked():
            return str(lock)
        def heavy():
            return len(big)
        """
    )
    with pytest.raises(CellFailed) as refused:
        notebook.run("serve(locked)")
    assert refused.value.name == "DefinitionError"
    assert "global 'lock' cannot travel" in refused.value.said
    assert server.get("available_pipelines").body == []

    said = notebook.run(
        """
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            serve(heavy)
        print(caught[0].message)
        """
    )
    assert "global 'big'" in said
    assert "3.0 MB" in said
    with pytest.raises(CellFailed) as refused:
        notebook.run("big = bytes(60 << 20); serve(heavy)")
    assert refused.value.name == "TooLarge"
    assert "global 'big' (60.0 MB)" in refused.value.said
    assert server.post("pipelines/look/main").body["pipeline_output"] == 3 << 20


def test_a_package_that_is_missing_in_the_child_is_named(server, notebook):
    (server.root / "site-packages").mkdir()
    package = server.root / "site-packages" / "rare_package.py"
    package.write_text("VALUE = 1\ndef value():\n    return 1\n")
    notebook.run(DEFINE)
    notebook.run(
        """
        import sys
        sys.path.append("site-packages")
        from rare_package import value
        node = Node(op(lambda: value()), output_nodes=ReservedNodes.pipeline_output)
        """
    )
    package.unlink()
    shown = notebook.run('client.serve(Pipeline([node], "look"))')
    named = "needs the package 'rare_package'"
    health = wait_for(lambda: server.get("pipelines/look/health_check").body.get("warnings"), named)
    assert named in shown or any(named in warning for warning in health)  # if it was in time
    answer = server.post("pipelines/look/main")
    assert answer.status == 500
    assert "needs the package 'rare_package'" in answer.body["message"]
