"""``panel()`` in a real JupyterLab that has not our extension: standard widgets, and they work."""

from __future__ import annotations

import json
from pathlib import Path

import nbformat
import pytest

from ..live import FLOWERS
from .browser import LONG_MS, PICTURES, lab_server

CELLS = [
    "from jupyter_chariots import panel\npanel()",
    "%load_ext jupyter_chariots\n%chariots lineage logisticop",
]


@pytest.fixture
def server(tmp_path):
    server = lab_server(tmp_path, app_pipelines=[FLOWERS])
    config = Path(server.environment["JUPYTER_CONFIG_DIR"]) / "labconfig" / "page_config.json"
    config.write_text(json.dumps({"disabledExtensions": {"jupyter-chariots": True}}))
    cells = [nbformat.v4.new_code_cell(source) for source in CELLS]
    kernel = {"kernelspec": {"name": "python3", "display_name": "Python 3"}}
    notebook = nbformat.v4.new_notebook(cells=cells, metadata=kernel)
    nbformat.write(notebook, server.root / "panel.ipynb")
    with server:
        server.post("pipelines/train_iris/main")
        server.post("pipelines/train_iris/save")
        yield server


@pytest.fixture
def page(chrome, server):
    from playwright.sync_api import expect

    page = chrome.new_context(viewport={"width": 1280, "height": 800}).new_page()
    page.set_default_timeout(LONG_MS)
    errors: list[str] = []
    page.on("console", lambda said: errors.append(said.text) if said.type == "error" else None)
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.goto(f"{server.server_url}lab/tree/panel.ipynb?token={server.token}&reset")
    page.wait_for_selector("#jupyterlab-splash", state="detached")
    expect(page.locator("#jp-main-statusbar")).to_contain_text("| Idle", timeout=60_000)
    assert not page.evaluate("window.jupyterapp.commands.hasCommand('chariots:show-panel')")
    page.evaluate("window.jupyterapp.commands.execute('notebook:run-all-cells')")
    yield page
    page.context.close()
    assert not errors


def test_its_buttons_work_and_it_follows(page, server):
    from playwright.sync_api import expect

    iris = page.locator(".chariots-widget .chariots-widget-pipeline-pred_iris")
    expect(iris).to_contain_text("not loaded", timeout=60_000)
    iris.locator(".chariots-widget-load-pred_iris").click()
    expect(iris).to_contain_text("logisticop 1.0.0", timeout=LONG_MS)
    assert server.get("health_check").body["pred_iris"] is True
    iris.locator("input").fill("[[5.1, 3.5, 1.4, 0.2]]")
    iris.locator("input").press("Tab")
    iris.locator(".chariots-widget-run-pred_iris").click()
    expect(iris.locator("code")).to_have_text("[0]", timeout=LONG_MS)

    training = page.locator(".chariots-widget-pipeline-train_iris")
    save = training.locator(".chariots-widget-save-train_iris")
    expect(save).to_be_disabled()
    server.post("pipelines/train_iris/main")
    expect(training).to_contain_text("not saved", timeout=LONG_MS)
    save.click()
    expect(training).not_to_contain_text("not saved", timeout=LONG_MS)
    PICTURES.mkdir(parents=True, exist_ok=True)
    page.screenshot(path=PICTURES / "widget-without-extension.png")

    job = server.post("pipelines/train_iris/main", {"use_worker": True}).body["job_id"]
    page.locator(".lm-TabBar-tabLabel", has_text="Jobs (").click()
    expect(page.locator(f".chariots-widget-job-{job}")).to_contain_text("done", timeout=LONG_MS)
    expect(page.locator(".jp-RenderedMermaid img")).to_be_visible(timeout=LONG_MS)
