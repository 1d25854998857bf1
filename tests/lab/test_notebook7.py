"""The same panel in Notebook 7."""

from __future__ import annotations

import nbformat
import pytest

from ..live import LiveServer
from .browser import Lab, equip

SAMPLES = "tests.server.samples"
CELL = "from jupyter_chariots import panel\npanel('count')"
KERNEL = "[...window.jupyterapp.shell.widgets('main')][0].sessionContext.session?.kernel"


@pytest.fixture
def lab(chrome, tmp_path):
    """A notebook in Notebook 7, and the panel shown beside it."""
    exposed = ["--JupyterNotebookApp.expose_app_in_browser=True"]
    server = LiveServer(
        tmp_path / "root",
        tmp_path / "home",
        app="notebook",
        app_pipelines=[SAMPLES],
        arguments=exposed,
    )
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(CELL)])
    notebook.metadata["kernelspec"] = {"name": "python3", "display_name": "Python 3"}
    nbformat.write(notebook, server.root / "x.ipynb")
    with equip(server):
        page = Lab(chrome, server)
        page.page.goto(f"{server.server_url}notebooks/x.ipynb?token={server.token}")
        page.page.wait_for_function("window.jupyterapp?.commands.hasCommand('chariots:show-panel')")
        page.page.evaluate("window.jupyterapp.restored.then(() => null)")
        page.show()
        yield page
        page.close()


def test_panel_and_view_are_there(lab: Lab):
    lab.page.wait_for_function(f"{KERNEL}?.status === 'idle'")
    lab.command("notebook:run-all-cells")
    lab.in_cell("run-count").click()
    lab.state("count", "not-saved")
    lab.in_cell("save-count").click()
    lab.state("count", "loaded")
    assert lab.in_cell("pipeline-doubled").count() == 0  # it is the panel of one
    lab.command("chariots:open", name="doubled", tab="call")
    lab.hook("chariots-input").fill("21")  # in the area below the notebook
    lab.page.keyboard.press("Control+Enter")
    lab.hook("chariots-output").get_by_text("42", exact=True).wait_for()
    assert lab.hook("chariots-view-doubled").bounding_box()["height"] > 200
    lab.picture("notebook7")
    lab.forgive("(reading 'schema')")  # Notebook 7.6 says it of itself, without any extension
    assert not lab.errors
