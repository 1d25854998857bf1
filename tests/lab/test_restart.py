"""The server goes and comes back while the page is open; and it may live under a prefix."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from .browser import Lab, lab_server

SAMPLES = "tests.server.samples"


@pytest.fixture(scope="module")
def lab(chrome, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    """JupyterLab behind a prefix, as under JupyterHub."""
    folder = tmp_path_factory.mktemp("restart")
    with lab_server(folder, app_pipelines=[SAMPLES], base_url="/user/x/") as server:
        page = Lab(chrome, server).open().show()
        yield page
        page.close()


def count(lab: Lab) -> str:
    """Run and save by clicks; gives the number of what was saved."""
    lab.click("chariots-run-count")
    lab.state("count", "not-saved")
    lab.click("chariots-save-count")
    lab.state("count", "loaded")
    return lab.hook("chariots-versions-count").text_content()


def test_under_a_prefix_all_goes_there(lab: Lab):
    count(lab)
    lab.command("chariots:open", name="count", tab="history")
    lab.hook("chariots-history").wait_for()
    assert lab.asked
    assert all("/user/x/chariots/" in line for line in lab.asked)


def test_the_panel_comes_back_by_itself(lab: Lab):
    """Killed with the page open: the page says so, keeps what it knew, and goes on after."""
    number = count(lab)
    lab.server.kill()
    banner = lab.hook("chariots-banner").first
    banner.get_by_text("No connection to the server.").wait_for()
    lab.text("chariots-versions-count", number)
    assert lab.hook("chariots-run-count").get_attribute("aria-disabled") == "true"
    lab.server.start()
    banner.wait_for(state="detached", timeout=60_000)
    lab.state("count", "loaded")
    lost = lab.page.locator(".jp-Dialog")  # JupyterLab's own: kernels and contents are gone too
    if lost.count():
        lab.page.keyboard.press("Escape")
    assert count(lab) != number
