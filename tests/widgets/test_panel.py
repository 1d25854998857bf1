"""The panel in the kernel of a notebook, seen by a front end without our extension."""

from __future__ import annotations

import re

import pytest

from jupyter_chariots.widgets.saved import MIME
from tests.kernels import CellFailed
from tests.live import FLOWERS, wait_for

from .front_end import VIEW

PANEL = "from jupyter_chariots import panel\npanel({})"
ROW = "[[5.1, 3.5, 1.4, 0.2]]"
THREADS = """
import threading
print(sum(thread.name == "chariots-panel" for thread in threading.enumerate()))
"""


def train(server):
    run = server.post("pipelines/train_iris/main").body["run_id"]
    assert server.post("pipelines/train_iris/save").status == 200
    return run


def row(front_end, root, name):
    return front_end.until(
        lambda: front_end.of_class(root, f"chariots-widget-pipeline-{name}"), f"the row of {name}"
    )


def button(front_end, root, kind, name):
    found = front_end.of_class(root, f"chariots-widget-{kind}-{name}")
    assert found, kind
    front_end.until(lambda: not front_end.models[found]["disabled"], f"{kind} to be possible")
    return found


def says(front_end, root, *texts):
    front_end.until(
        lambda: all(text in front_end.text(root) for text in texts), f"{texts} to be shown"
    )


def state(front_end, root, word):
    """Wait for the state of a row: the whole word, since "not loaded" has "loaded" in it."""
    says(front_end, root, f">{word}</span>")


def test_buttons_change_versions_and_the_state_follows_what_others_do(server, opened):
    notebook, front_end = opened()
    notebook.run(PANEL.format(""))
    root = front_end.display()
    assert "chariots-widget" in front_end.models[root]["_dom_classes"]
    iris, training = (row(front_end, root, name) for name in ("pred_iris", "train_iris"))
    state(front_end, iris, "not loaded")
    says(front_end, iris, "no saved version")
    save = front_end.of_class(root, "chariots-widget-save-train_iris")
    assert front_end.models[save]["disabled"]
    assert front_end.models[save]["tooltip"] == "Nothing to save"

    front_end.click(button(front_end, root, "run", "train_iris"))
    state(front_end, training, "not saved")
    says(front_end, training, "+ changes")
    assert server.get("snapshot").body["pipelines"][1]["unsaved_ops"]
    front_end.click(button(front_end, root, "save", "train_iris"))
    state(front_end, training, "loaded")
    says(front_end, training, "saved", "logisticop 1.0.0")
    wait_for(lambda: server.get("ops/pcaop/versions").body["items"][0]["number"], "the save")
    front_end.click(button(front_end, root, "load", "pred_iris"))
    state(front_end, iris, "loaded")
    says(front_end, iris, "logisticop 1.0.0")
    assert server.get("health_check").body["pred_iris"] is True

    (field,) = front_end.kind(iris, "Text")
    front_end.set(field, value=ROW)
    front_end.click(button(front_end, root, "run", "pred_iris"))
    says(front_end, iris, "<code>[0]</code>", "pcaop 1.0.0, logisticop 1.0.0")

    # what curl does
    server.post("pipelines/train_iris/main")
    server.post("pipelines/train_pca/main", {"pipeline_input": 7})
    server.post("pipelines/train_pca/save")
    state(front_end, iris, "newer in store")
    says(front_end, iris, "pcaop 2.0.0", "does not fit")
    front_end.click(button(front_end, root, "load", "pred_iris"))
    says(front_end, iris, "VersionError", "Hint: ", "client.call_pipeline")
    assert server.get("health_check").body["pred_iris"] is True
    run = server.post("pipelines/train_iris/main").body["run_id"]
    server.post("pipelines/train_iris/save", {"run_id": run, "force": True})
    front_end.until(lambda: "does not fit" not in front_end.text(iris), "the newest to fit again")


def test_back_to_an_older_version(live_server, opened):
    server = live_server(app_pipelines=["tests.acceptance.samples"], name="other")
    for number in (1, 2):
        server.post("pipelines/waiting_learn/main", {"pipeline_input": number})
        server.post("pipelines/waiting_learn/save")
    server.post("pipelines/waiting/load", {"versions": {"waiting": "1.0.0"}})
    notebook, front_end = opened(of=server)
    notebook.run(PANEL.format("'waiting'"))
    root = front_end.display()
    row(front_end, root, "waiting")
    says(front_end, root, "waiting 1.0.0", "versions are pinned")
    front_end.click(button(front_end, root, "load", "waiting"))
    says(front_end, root, "waiting 2.0.0")
    (choice,) = front_end.kind(root, "Dropdown")
    labels = ["newest that fits", "2.0.0 · loaded", "1.0.0"]
    front_end.until(
        lambda: front_end.models[choice]["_options_labels"] == labels, "the versions to choose from"
    )
    front_end.set(choice, index=2)
    front_end.click(button(front_end, root, "load", "waiting"))
    says(front_end, root, "waiting 1.0.0")
    (view,) = [one for one in server.get("snapshot").body["pipelines"] if one["name"] == "waiting"]
    assert view["served"]["pins"] == {"waiting": "1.0.0"}


def test_errors_are_said_in_words(server, opened):
    train(server)
    server.post("pipelines/pred_iris/load")
    notebook, front_end = opened()
    notebook.run(PANEL.format("'pred_iris'"))
    root = front_end.display()
    iris = row(front_end, root, "pred_iris")
    assert not front_end.of_class(root, "chariots-widget-pipeline-train_iris")
    (field,) = front_end.kind(iris, "Text")
    front_end.set(field, value="[[1,")
    front_end.click(button(front_end, root, "run", "pred_iris"))
    says(front_end, iris, "The input is no JSON")
    front_end.set(field, value='[["<img src=x onerror=alert(1)>", 1, 1, 1]]')
    front_end.click(button(front_end, root, "run", "pred_iris"))
    says(front_end, iris, "<b>NodeFailed</b>", "<details><summary>Traceback (")
    assert "<img" not in front_end.text(root)


def test_the_server_goes_and_comes_back(live_server, opened):
    server = live_server(app_pipelines=[FLOWERS], name="served")
    notebook, front_end = opened()  # of a server that stays
    where = f"CHARIOTS_URL={server.url!r}, CHARIOTS_TOKEN={server.token!r}"
    notebook.run(f"import os; os.environ.update({where})")
    notebook.run(PANEL.format(""))
    root = front_end.display()
    row(front_end, root, "pred_iris")
    says(front_end, root, "connected")
    server.kill()
    says(front_end, root, "as of", "Next try in")
    server.start()
    says(front_end, root, "connected")


def test_nothing_is_asked_and_made_until_it_is_on_a_screen(server, opened):
    notebook, front_end = opened()
    notebook.run("from jupyter_chariots import panel\np = panel()\np")
    bundle = front_end.until(lambda: front_end.shown and front_end.shown[-1], "the output")
    assert list(bundle)[0:2] == ["text/plain", VIEW]
    front_end.take()
    assert len(front_end.models) < 20
    assert notebook.run(THREADS) == "0\n"

    root = front_end.display()
    row(front_end, root, "pred_iris")
    assert notebook.run(THREADS) == "1\n"
    notebook.run("q = panel()\nq")
    second = front_end.display()
    row(front_end, second, "pred_iris")
    assert notebook.run(THREADS) == "1\n", "one thread for all"

    front_end.set(root, _view_count=0)
    front_end.set(second, _view_count=0)
    wait_for(lambda: notebook.run(THREADS) == "0\n", "the thread to end", deadline=10)
    front_end.set(root, _view_count=1)
    wait_for(lambda: notebook.run(THREADS) == "1\n", "another one")
    notebook.run("p.close(); q.close()")
    wait_for(lambda: notebook.run(THREADS) == "0\n", "the thread to end", deadline=10)
    front_end.take()
    counted = (
        "from ipywidgets.widgets import widget\n"
        "old = not hasattr(widget, '_instances')\n"
        "print(len(widget.Widget._active_widgets if old else widget._instances))"
    )
    assert notebook.run(counted) == "0\n"


def test_a_front_end_that_counts_no_views_has_a_button(server, opened):
    notebook, front_end = opened()
    notebook.run(PANEL.format(""))
    bundle = front_end.until(lambda: front_end.shown and front_end.shown[-1], "the output")
    root = bundle[VIEW]["model_id"]
    (begin,) = front_end.kind(root, "Button")
    assert "train_iris" in front_end.text(root), "the state is there already"
    front_end.click(begin)
    row(front_end, root, "pred_iris")


def test_what_stays_in_the_notebook(server, opened):
    train(server)
    server.post("pipelines/pred_iris/load")
    server.post("pipelines/pred_iris/main", {"pipeline_input": "a secret of mine"})
    notebook, front_end = opened()
    notebook.run(PANEL.format("'pred_iris'"))
    bundle = front_end.until(lambda: front_end.shown and front_end.shown[-1], "the output")
    assert re.match(r"Chariots, as of \d+ \w+ \d{4} \d\d:\d\d\n", bundle["text/plain"])
    assert "✓ pred_iris: loaded, logisticop 1.0.0" in bundle["text/plain"]
    for text in ("<b>pred_iris</b>", "loaded", "logisticop 1.0.0", "as of"):
        assert text in bundle["text/html"]
    kept = bundle[MIME]
    assert (kept["protocol"], kept["pipeline"]) == (1, "pred_iris")
    assert [one["name"] for one in kept["pipelines"]] == ["pred_iris"]
    assert kept["pipelines"][0]["served"]["versions"]["pcaop"]["number"] == "1.0.0"
    everything = str(bundle)
    for word in (server.token, "a secret of mine", "Authorization"):
        assert word not in everything
    assert not re.search(rf"\b{server.port}\b", everything)  # in a digest it may be by chance


def test_those_of_the_notebook_first(server, opened):
    notebook, front_end = opened("folder/mine.ipynb")
    notebook.run("""
        from jupyter_chariots import Node, Pipeline, PipelinesClient, op

        @op
        def twice(x):
            return 2 * x

        mine = Pipeline([Node(twice, "__pipeline_input__", "__pipeline_output__")], "mine")
        _ = PipelinesClient().serve(mine)
    """)
    notebook.run(PANEL.format(""))
    root = front_end.display()
    row(front_end, root, "mine")
    says(front_end, root, "1 of 4 pipelines are of this notebook")
    assert not front_end.of_class(root, "chariots-widget-pipeline-pred_iris")
    (toggle,) = front_end.kind(root, "ToggleButton")
    assert front_end.models[toggle]["description"] == "Show all 4"
    front_end.set(toggle, value=True)
    row(front_end, root, "pred_iris")

    notebook.run("from jupyter_chariots import panel\nonly = panel(mine)\nonly")
    one = front_end.display()
    row(front_end, one, "mine")
    assert not front_end.kind(one, "Tab")


def test_the_kernel_stays_free_while_a_button_works(server, opened):
    notebook, front_end = opened()
    notebook.run("""
        import threading, time
        from pathlib import Path
        from jupyter_chariots import Node, Pipeline, PipelinesClient, op

        @op
        def wait():
            while not Path("go").exists():
                time.sleep(0.01)
            return "gone"

        waits = Pipeline([Node(wait, output_nodes="__pipeline_output__")], "waits")
        _ = PipelinesClient().serve(waits)
    """)
    notebook.run(PANEL.format("'waits'"))
    root = front_end.display()
    waits = row(front_end, root, "waits")
    run = button(front_end, root, "run", "waits")
    front_end.click(run)
    front_end.until(lambda: front_end.models[run]["disabled"], "the button to be pressed")
    assert notebook.run("1 + 1") == "2\n"
    (server.root / "go").touch()
    says(front_end, waits, "<code>&quot;gone&quot;</code>")
    front_end.until(lambda: not front_end.models[run]["disabled"], "the button to come up")


def test_no_server_and_no_such_pipeline_and_no_pipeline(server, opened):
    notebook, front_end = opened()
    notebook.run(PANEL.format("'pred_irs'"))
    root = front_end.display()
    says(front_end, root, "is served", "Did you mean", "pred_iris")
    with pytest.raises(CellFailed) as failed:
        notebook.run("panel(3)")
    assert failed.value.name == "BadRequest"
    notebook.run("import os; os.environ['CHARIOTS_URL'] = 'http://127.0.0.1:9/chariots'")
    assert "No server answers" in notebook.run("panel()")


def test_the_magic_gives_the_same(server, opened):
    notebook, front_end = opened()
    notebook.run("%load_ext jupyter_chariots")
    notebook.run("%chariots panel train_iris")
    root = front_end.display()
    row(front_end, root, "train_iris")
    assert not front_end.of_class(root, "chariots-widget-pipeline-pred_iris")
