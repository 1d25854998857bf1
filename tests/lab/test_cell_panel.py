"""``panel()`` in the output of a cell, beside the side panel: one truth behind both."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import nbformat
import pytest

from ..live import wait_for
from ..server.conftest import Asker
from ..server.jobs import Jobs
from .browser import LONG_MS, Lab, lab_server

SAMPLES = "tests.server.samples"
MIME = "application/vnd.jupyter-chariots.panel+json"
DEFINE = """
import pathlib, time
from jupyter_chariots import LoadableOp, Node, Pipeline, PipelinesClient, op, panel

class Visits(LoadableOp):
    count = 0

    def execute(self):
        self.count += 1
        return self.count

    def serialize(self):
        return str(self.count).encode()

    def load(self, serialized_object):
        self.count = int(bytes(serialized_object))

@op
def wait(order):
    while not pathlib.Path(order["until"]).exists():
        time.sleep(0.01)

visits = Pipeline([Node(Visits(), output_nodes="__pipeline_output__")], "visits")
patient = Pipeline([Node(wait, input_nodes="__pipeline_input__")], "patient")
client = PipelinesClient()
client.serve(visits, patient)
"""
HOLD = """
import pathlib, time
pathlib.Path("busy").touch()
while not pathlib.Path("go").exists():
    time.sleep(0.01)
"""


def write(path: Path, *cells: str, metadata: dict[str, Any] | None = None) -> None:
    """A notebook of these cells."""
    notebook = nbformat.v4.new_notebook()
    notebook.metadata["kernelspec"] = {"name": "python3", "display_name": "Python 3"}
    notebook.cells = [nbformat.v4.new_code_cell(source) for source in cells]
    nbformat.write(notebook, path)


@pytest.fixture(scope="module")
def lab(chrome, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    """A notebook that has served its pipeline, with the panel in a cell and at the side."""
    server = lab_server(tmp_path_factory.mktemp("cell"), app_pipelines=[SAMPLES])
    write(server.root / "work.ipynb", DEFINE, "panel()")
    with server:
        page = Lab(chrome, server).open("lab/tree/work.ipynb").show().idle()
        page.command("notebook:run-all-cells")
        page.in_cell("pipeline-visits").wait_for()
        page.hook("chariots-pipeline-visits").wait_for()
        yield page
        assert not page.errors
        page.close()


@pytest.fixture
def jobs(lab: Lab, tmp_path: Path) -> Jobs:
    """Asks by HTTP, as a script would."""
    return Jobs(Asker(lab.server), tmp_path)


def state(lab: Lab, pipeline: str, expected: str) -> None:
    """Wait until both panels say so."""
    from playwright.sync_api import expect

    lab.state(pipeline, expected)
    row = lab.in_cell(f"pipeline-{pipeline}")
    expect(row).to_have_attribute("data-state", expected, timeout=LONG_MS)


def show_all(lab: Lab) -> None:
    """Let the cell show more than what the notebook has served."""
    if lab.in_cell("all").get_attribute("aria-pressed") != "true":
        lab.in_cell("all").click()


def test_what_one_panel_does_the_other_shows(lab: Lab):
    """Served from a cell; run, saved and loaded by clicks in turn."""
    from playwright.sync_api import expect

    first = lab.hook("chariots-versions-visits").text_content()
    lab.click("chariots-run-visits")
    state(lab, "visits", "not-saved")
    lab.in_cell("save-visits").click()
    state(lab, "visits", "loaded")
    second = lab.in_cell("versions-visits").text_content()
    assert second != first
    lab.text("chariots-versions-visits", second)

    lab.in_cell("run-visits").click()
    state(lab, "visits", "not-saved")
    lab.click("chariots-save-visits")
    state(lab, "visits", "loaded")
    third = lab.hook("chariots-versions-visits").text_content()
    assert third != second
    assert lab.in_cell("versions-visits").text_content() == third

    lab.server.post("pipelines/visits/load", {"versions": {"visits": second}})
    for shown in (lab.in_cell("versions-visits"), lab.hook("chariots-versions-visits")):
        expect(shown).to_have_text(second, timeout=LONG_MS)
    lab.in_cell("load-visits").click()
    for shown in (lab.in_cell("versions-visits"), lab.hook("chariots-versions-visits")):
        expect(shown).to_have_text(third, timeout=LONG_MS)


def test_it_shows_what_the_notebook_has_served_or_all(lab: Lab):
    """Twice the same pipelines in the two panels would be twice the same test hooks."""
    rows = lab.cell_panel().locator("[data-state]")
    assert "are of this notebook" in lab.cell_panel().inner_text()
    if lab.in_cell("all").get_attribute("aria-pressed") == "true":
        lab.in_cell("all").click()
    lab.page.wait_for_function("document.querySelectorAll('.jp-Cell [data-state]').length === 2")
    lab.in_cell("all").click()
    lab.in_cell("pipeline-count").wait_for()
    assert rows.count() > 1
    assert lab.hook("chariots-pipeline-count").count() == 1


def test_an_answer_is_shown_in_the_cell(lab: Lab):
    """A pipeline with an input asks for it where the button is."""
    show_all(lab)
    lab.in_cell("run-doubled").click()
    box = lab.in_cell("input")
    box.fill("21")
    lab.page.keyboard.press("Control+Enter")
    lab.in_cell("output").get_by_text("42", exact=True).wait_for()
    box.fill("[")
    assert lab.in_cell("call-run").get_attribute("aria-disabled") == "true"


def test_its_buttons_work_while_a_cell_runs(lab: Lab):
    """Nothing of it goes through the kernel."""
    show_all(lab)
    lab.page.evaluate(
        """code => window.jupyterapp.shell.currentWidget.context.sessionContext.session.kernel
            .requestExecute({code}) && null""",
        HOLD,
    )
    wait_for((lab.server.root / "busy").exists, "the kernel to be busy")
    before = lab.in_cell("versions-count").text_content()
    lab.in_cell("run-count").click()
    state(lab, "count", "not-saved")
    lab.in_cell("save-count").click()
    state(lab, "count", "loaded")
    assert lab.in_cell("versions-count").text_content() != before
    lab.page.locator("#jp-main-statusbar").get_by_text("| Busy").wait_for()
    (lab.server.root / "go").touch()
    lab.idle()


def test_a_job_started_elsewhere_is_live_in_both(lab: Lab, jobs: Jobs):
    """Started and followed by HTTP, cancelled in the cell."""
    job, _, go = jobs.held("patient")
    for place in (lab.cell_panel(), lab.hook("chariots-panel")):
        place.locator(f'[data-job="{job}"][data-status="running"]').wait_for()
    assert lab.hook(f"chariots-job-{job}").count() == 1
    lab.in_cell(f"job-{job}").hover()
    lab.in_cell(f"cancel-{job}").click()
    lab.page.locator(".jp-Dialog").get_by_role("button", name="Cancel job").click()
    for place in (lab.cell_panel(), lab.hook("chariots-panel")):
        place.locator(f'[data-job="{job}"][data-status="cancelled"]').wait_for()
    go.touch()


def test_a_refused_load_says_why_in_the_cell(lab: Lab):
    """As in the side panel, and nothing is loaded."""
    show_all(lab)

    def learn(numbers: list[int], pipeline: str) -> None:
        lab.server.post(f"pipelines/{pipeline}/main", {"pipeline_input": numbers})
        lab.server.post(f"pipelines/{pipeline}/save")

    learn([1, 2, 3], "learn")
    lab.server.post("pipelines/apply/load")
    learn([5, 6], "learn_mean")
    state(lab, "apply", "newer")
    served = lab.in_cell("versions-apply").text_content()
    lab.in_cell("load-apply").click()
    row = lab.cell_panel().locator('[data-row="d apply note"]')
    if lab.in_cell("pipeline-apply").get_attribute("aria-expanded") == "false":
        lab.in_cell("pipeline-apply").click()
    row.get_by_text("was trained on").wait_for()
    assert lab.in_cell("versions-apply").text_content() == served
    lab.forgive("/pipelines/apply/load")
    learn([1, 2, 3], "learn")
    lab.in_cell("load-apply").click()
    state(lab, "apply", "loaded")


def test_keys_stay_in_the_panel(lab: Lab):
    """In a list of pipelines, "d d" jumps to names and deletes no cell."""
    show_all(lab)
    cells = lab.page.locator(".jp-Notebook .jp-CodeCell").count()
    row = lab.in_cell("pipeline-visits")
    lab.page.locator(".jp-Notebook.jp-mod-commandMode").wait_for()
    row.focus()
    for key in ("d", "d", "x", "ArrowDown", "a"):
        lab.page.keyboard.press(key)
    active = "document.activeElement.closest('.chariots-widget [data-row]') !== null"
    assert lab.page.evaluate(active)
    assert lab.page.locator(".jp-Notebook .jp-CodeCell").count() == cells
    row.focus()
    lab.page.keyboard.press("Control+Enter")  # runs the pipeline and not the cell
    state(lab, "visits", "not-saved")
    lab.page.keyboard.press("Control+s")
    state(lab, "visits", "loaded")


def test_axe_finds_nothing_wrong_in_the_cell(lab: Lab):
    """In light and in dark."""
    found = []
    for theme in ("JupyterLab Dark", "JupyterLab Light"):
        lab.theme(theme)
        lab.page.mouse.move(0, 0)
        lab.picture(f"widget-{'dark' if 'Dark' in theme else 'light'}")
        found += lab.violations(".chariots-widget")
    assert not found, "\n".join(sorted(set(found)))


def test_a_saved_notebook_shows_the_last_state(lab: Lab):
    """What was so when it was saved; without a kernel it says of when, with one it is live."""
    from playwright.sync_api import expect

    lab.click("chariots-run-visits")
    state(lab, "visits", "not-saved")
    lab.click("chariots-save-visits")
    state(lab, "visits", "loaded")
    number = lab.hook("chariots-versions-visits").text_content()
    newest = lab.server.get("pipelines/visits").body["current"]["visits"]["version"]
    lab.command("docmanager:save")

    def kept() -> dict[str, Any] | None:
        try:
            notebook = json.loads((lab.server.root / "work.ipynb").read_text())
        except ValueError:
            return None  # it is being written
        found = [
            output["data"][MIME]
            for cell in notebook["cells"]
            for output in cell["outputs"]
            if MIME in output.get("data", {})
        ]
        views = {view["name"]: view for view in found[0]["pipelines"]} if found else {}
        return found[0] if newest in str(views.get("visits", {}).get("current")) else None

    text = json.dumps(wait_for(kept, "the notebook to keep the last state"))
    assert lab.server.token not in text
    assert "last_error" not in text  # may quote data

    lab.command("kernelmenu:shutdown")
    panel = lab.cell_panel()
    expect(panel).to_contain_text("as of", timeout=LONG_MS)
    expect(lab.in_cell("versions-visits")).to_have_text(number, timeout=LONG_MS)
    assert lab.in_cell("run-visits").get_attribute("aria-disabled") == "true"
    lab.picture("widget-kept")

    lab.server.post("pipelines/visits/main")  # it is a document now; the side panel is not
    lab.state("visits", "not-saved")
    assert lab.in_cell("pipeline-visits").get_attribute("data-state") == "loaded"
    lab.server.post("pipelines/visits/save")

    lab.page.evaluate(
        """window.jupyterapp.shell.currentWidget.context.sessionContext
            .changeKernel({name: 'python3'}).then(() => null)"""
    )
    lab.idle()
    expect(panel).to_contain_text("connected", timeout=LONG_MS)
    state(lab, "visits", "loaded")
    lab.in_cell("run-visits").click()
    state(lab, "visits", "not-saved")
    lab.in_cell("save-visits").click()
    state(lab, "visits", "loaded")
