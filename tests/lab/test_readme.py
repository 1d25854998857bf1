"""Both panels as the README shows them: its pictures are copies of those that this test makes."""

from __future__ import annotations

from collections.abc import Iterator

import nbformat
import pytest

from ..live import IRIS, REPOSITORY
from .browser import Lab, lab_server

CELLS = ["from jupyter_chariots import panel\npanel()"]


@pytest.fixture(scope="module")
def lab(chrome, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    """JupyterLab with the pipelines of the README, and a notebook that shows the panel."""
    server = lab_server(tmp_path_factory.mktemp("readme"), app_pipelines=[IRIS])
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(one) for one in CELLS])
    notebook.metadata["kernelspec"] = {"name": "python3", "display_name": "Python 3"}
    nbformat.write(notebook, server.root / "iris.ipynb")
    with server:
        page = Lab(chrome, server, viewport={"width": 1200, "height": 820})
        page.open("lab/tree/iris.ipynb").show().idle()
        yield page
        assert not page.errors
        page.close()


@pytest.mark.timeout(900)
def test_both_panels(lab: Lab):
    """Trained and loaded, one job done, something newer that does not fit."""
    server = lab.server
    lab.command("notebook:run-all-cells")
    lab.in_cell("pipeline-pred_iris").wait_for()
    row = [[5.1, 3.5, 1.4, 0.2]]
    # the first of each kind imports scikit-learn: that takes its time on a busy machine
    patient = {"timeout": 300.0}
    server.post("pipelines/train_iris/main", **patient)
    job = server.post("pipelines/train_iris/main", {"use_worker": True}).body["job_id"]
    lab.page.locator(f'.chariots-widget [data-job="{job}"][data-status="done"]').wait_for()
    server.post("pipelines/pred_iris/load", **patient)
    for _ in range(3):
        server.post("pipelines/pred_iris/main", {"pipeline_input": row}, **patient)
    server.post("pipelines/train_pca/main", {"pipeline_input": 7}, **patient)
    server.post("pipelines/train_pca/save", **patient)
    lab.state("pred_iris", "newer")
    lab.page.get_by_text("Why?").first.wait_for()
    lab.in_cell("run-pred_iris").click()
    lab.in_cell("input").fill(str(row))
    lab.in_cell("call-run").click()
    lab.in_cell("output").get_by_text("[0]").wait_for()
    lab.page.locator(".jp-CodeCell .cm-content").first.click()
    lab.page.mouse.move(0, 0)
    lab.picture("panels")

    lab.page.get_by_text("Why?").first.click()
    view = lab.hook("chariots-view-pred_iris")
    view.get_by_test_id("chariots-why").wait_for()
    view.get_by_test_id("chariots-broken-link").first.wait_for()
    lab.picture("view")


@pytest.mark.parametrize("name", ["panels.png", "view.png"])
def test_pictures_are_small(name: str):
    """They are in the repository for good."""
    assert (REPOSITORY / "docs" / "pictures" / name).stat().st_size < 150_000
