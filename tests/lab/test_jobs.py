"""Jobs in the side panel, whoever has started them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from ..server.conftest import Asker
from ..server.jobs import Jobs
from .browser import Lab, lab_server

MODULE = "tests.server.job_samples"
SETTINGS = ["--PipelinesServer.worker_pool_options={'n_workers': 1}"]


@pytest.fixture(scope="module")
def lab(chrome, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    """JupyterLab whose server runs one job at a time, and the panel shown."""
    folder = tmp_path_factory.mktemp("jobs")
    with lab_server(folder, app_pipelines=[MODULE], arguments=SETTINGS) as server:
        page = Lab(chrome, server).open().show()
        yield page
        assert not page.errors
        page.close()


@pytest.fixture
def jobs(lab: Lab, tmp_path: Path) -> Jobs:
    """Asks by HTTP, as a script would."""
    return Jobs(Asker(lab.server), tmp_path)


def status(lab: Lab, job: str, expected: str) -> None:
    """Wait until a job's row is in this state."""
    lab.page.locator(f'[data-job="{job}"][data-status="{expected}"]').wait_for()


def test_a_job_started_elsewhere_runs_waits_and_is_done(lab: Lab, jobs: Jobs):
    first, _, go = jobs.held("train")
    status(lab, first, "running")
    second, _, other = jobs.held("train", after=[first])
    status(lab, second, "deferred")
    other.touch()
    assert "waits for" in lab.hook(f"chariots-job-{second}").inner_text()
    lab.hook("chariots-status").get_by_text("1 running").wait_for()
    lab.picture("jobs")
    go.touch()
    status(lab, second, "done")
    status(lab, first, "done")
    lab.state("train", "loaded")  # a job saves what it has learned
    assert lab.hook("chariots-versions-train").text_content() != "–"


def test_cancel_asks_only_when_the_job_runs(lab: Lab, jobs: Jobs):
    running, _, go = jobs.held("do")
    status(lab, running, "running")
    queued, _, other = jobs.held("do")
    status(lab, queued, "queued")
    other.touch()
    lab.page.hover(f'[data-job="{queued}"]')
    lab.click(f"chariots-cancel-{queued}")
    status(lab, queued, "cancelled")

    lab.page.hover(f'[data-job="{running}"]')
    lab.click(f"chariots-cancel-{running}")
    dialog = lab.page.locator(".jp-Dialog")
    dialog.get_by_role("button", name="Keep running").click()
    dialog.wait_for(state="detached")
    status(lab, running, "running")
    lab.click(f"chariots-cancel-{running}")
    dialog.get_by_role("button", name="Cancel job").click()
    status(lab, running, "cancelled")
    go.touch()


def test_a_failed_job_says_why_and_keeps_its_log(lab: Lab, jobs: Jobs):
    order = {"print": ["one <b>line</b>", "two"], "fail": "no <i>luck</i>"}
    job = jobs.submit("do", order)
    status(lab, job, "failed")
    row = lab.page.locator(f'[data-job="{job}"]')
    row.get_by_text("no <i>luck</i>").wait_for()
    row.hover()
    lab.click(f"chariots-log-{job}")
    lab.hook("chariots-log").get_by_text("one <b>line</b>").wait_for()
    lab.picture("log")
    lab.click("chariots-filter-failed")
    row.wait_for()
    assert lab.page.locator('[data-job]:not([data-status="failed"])').count() == 0
    lab.click("chariots-filter-all")


def test_retraining_from_the_panel_is_a_job(lab: Lab, jobs: Jobs):
    """The tab "Call" submits one; it is in the list, and its log is a click away."""
    lab.command("chariots:open", name="do", tab="call")
    view = lab.hook("chariots-view-do")
    view.get_by_test_id("chariots-input").fill('{"print": ["hello"], "value": 3}')
    view.get_by_label("as a job").check()
    view.get_by_test_id("chariots-call-run").click()
    view.get_by_test_id("chariots-output").get_by_text("Show log").wait_for()
    lab.page.locator('[data-job][data-status="done"]').first.wait_for()
