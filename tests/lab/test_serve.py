"""Serving what a notebook defines, by the button in its toolbar."""

from __future__ import annotations

from collections.abc import Iterator

import nbformat
import pytest

from .browser import Lab, lab_server

CELL = """
from jupyter_chariots import Node, Pipeline, op

@op
def seven():
    return 7

lucky = Pipeline([Node(seven, output_nodes="__pipeline_output__")], "lucky")
"""


@pytest.fixture(scope="module")
def lab(chrome, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    """JupyterLab with a notebook open."""
    server = lab_server(tmp_path_factory.mktemp("serve"))
    notebook = nbformat.v4.new_notebook()
    notebook.metadata["kernelspec"] = {"name": "python3", "display_name": "Python 3"}
    notebook.cells = [nbformat.v4.new_code_cell(CELL)]
    nbformat.write(notebook, server.root / "lucky.ipynb")
    with server:
        page = Lab(chrome, server).open("lab/tree/lucky.ipynb").show()
        page.page.locator("#jp-main-statusbar").get_by_text("| Idle").wait_for()
        yield page
        page.close()


def test_serve_from_the_toolbar_call_and_stop(lab: Lab):
    button = lab.hook("chariots-serve-notebook")
    button.wait_for()
    button.click()  # nothing was run yet
    lab.page.get_by_text("No pipeline is defined in this notebook").first.wait_for()
    lab.command("notebook:run-all-cells")
    lab.page.locator(".jp-InputPrompt", has_text="[1]").wait_for()
    lab.page.locator("#jp-main-statusbar").get_by_text("| Idle").wait_for()
    button.click()
    lab.hook("chariots-pipeline-lucky").wait_for()
    lab.state("lucky", "loaded")
    lab.command("chariots:open", name="lucky", tab="call")
    lab.click("chariots-call-run")
    lab.hook("chariots-output").get_by_text("7", exact=True).wait_for()
    lab.picture("notebook")

    # to stop serving asks first
    lab.hook("chariots-pipeline-lucky").focus()
    lab.page.keyboard.press("Delete")
    dialog = lab.page.locator(".jp-Dialog")
    dialog.get_by_text("Stop serving lucky?").wait_for()
    focused = lab.page.evaluate("document.activeElement.textContent")
    assert "Cancel" in focused  # the safe one
    dialog.get_by_role("button", name="Stop serving").click()
    lab.hook("chariots-pipeline-lucky").wait_for(state="detached")
    lab.hook("chariots-panel").get_by_text("No pipelines are served").wait_for()
    assert not lab.errors
