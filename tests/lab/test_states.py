"""The panel in states that a server cannot be put into at will, and with very much to show."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest

from ..live import wait_for
from .browser import Lab, lab_server
from .pretended import Pretended, all_states, job, many

LIGHT, DARK = "JupyterLab Light", "JupyterLab Dark"


@pytest.fixture(scope="module")
def lab(chrome, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    """JupyterLab without pipelines, and the panel shown."""
    with lab_server(tmp_path_factory.mktemp("states")) as server:
        page = Lab(chrome, server).open().show()
        yield page
        assert not page.errors
        page.close()


@pytest.fixture
def pretended(lab: Lab) -> Iterator[Pretended]:
    """Answers in the server's place."""
    answers = Pretended(lab.page, all_states())
    lab.command("chariots:refresh")
    yield answers
    answers.end()
    lab.command("chariots:refresh")
    lab.hook("chariots-panel").get_by_text("No pipelines are served").wait_for(state="attached")


def clip(lab: Lab) -> dict[str, float]:
    return lab.hook("chariots-panel").bounding_box()


def test_nothing_served_says_what_to_do(lab: Lab):
    lab.hook("chariots-panel").get_by_text("No pipelines are served").wait_for()
    lab.hook("chariots-panel").get_by_text("No jobs yet").wait_for()
    assert lab.hook("chariots-status").count() == 0
    lab.picture("empty", clip=clip(lab))
    assert not lab.violations('[data-testid="chariots-panel"]')


@pytest.mark.parametrize("theme", [LIGHT, DARK])
@pytest.mark.parametrize("pixels", [300, 240])
def test_every_state_has_its_word(lab: Lab, pretended: Pretended, theme: str, pixels: int):
    """In light and dark, wide and narrow; and axe finds nothing wrong."""
    from playwright.sync_api import expect

    lab.theme(theme)
    lab.width(pixels)
    wait_for(lambda: abs(clip(lab)["width"] - pixels) <= 4, f"a width of {pixels} px")
    words = {
        "iris": ("newer", "newer in store", "newer"),
        "churn-score": ("loaded", "loaded", ""),
        "house-prices": ("not-saved", "not saved", "not saved"),
        "sentiment-of-reviews": ("restarting", "restarting", "restarting"),
        "fraud": ("failed", "failed", "failed"),
        "topics": ("not-loaded", "not loaded", "not loaded"),
    }
    for name, (state, wide, narrow) in words.items():
        lab.state(name, state)
        word = lab.hook(f"chariots-pipeline-{name}").locator(".ch-pill")
        expect(word).to_be_visible(visible=pixels >= 270 or narrow != "")
        if narrow or pixels >= 270:
            assert word.inner_text().strip() == (wide if pixels >= 270 else narrow), name
        assert wide in lab.hook(f"chariots-pipeline-{name}").get_attribute("aria-label")
        assert lab.hook(f"chariots-versions-{name}").count() == 1
    heights = lab.page.eval_on_selector_all(
        ".jp-Chariots [data-row]", "rows => rows.map(row => row.getBoundingClientRect().height)"
    )
    assert set(heights) <= {24, 48}
    box = clip(lab)
    spill = lab.page.eval_on_selector_all(
        ".jp-Chariots-list", "lists => lists.map(list => list.scrollWidth - list.clientWidth)"
    )
    assert set(spill) == {0}
    lab.picture(f"side-{pixels}-{'dark' if theme == DARK else 'light'}", clip=box)
    assert not lab.violations('[data-testid="chariots-panel"]')
    lab.hook("chariots-status").get_by_text("2 running · 35%").wait_for()
    lab.width(250)
    lab.theme(LIGHT)


def test_another_protocol_may_be_looked_at(lab: Lab, pretended: Pretended):
    other = {**all_states(), "protocol": 99, "server": {"release": "9.9.0", "pid": 1, "since": "x"}}
    pretended.say(other)
    banner = lab.hook("chariots-banner")
    banner.get_by_text("The server runs 9.9.0").wait_for()
    assert lab.hook("chariots-load-iris").get_attribute("aria-disabled") == "true"
    lab.picture("protocol", clip=clip(lab))
    assert not lab.violations('[data-testid="chariots-panel"]')


def test_a_server_that_is_away_is_told_and_waited_for(lab: Lab, pretended: Pretended):
    lab.state("iris", "newer")
    pretended.leave()
    banner = lab.hook("chariots-banner")
    banner.get_by_text("No connection to the server.").wait_for()
    banner.get_by_text("Next try in").wait_for()
    assert lab.hook("chariots-versions-iris").inner_text() == "2.0.3"
    lab.hook("chariots-status").get_by_text("offline").wait_for()
    lab.picture("away", clip=clip(lab))
    assert not lab.violations('[data-testid="chariots-panel"]')
    # by itself the page would try again some seconds later
    banner.get_by_text(re.compile(r"Next try in ([5-9]|\d\d) s")).wait_for()
    pretended.come_back()
    banner.get_by_text("Try now").click()
    banner.wait_for(state="detached")
    lab.forgive("/chariots/snapshot")


def test_a_job_that_fails_out_of_sight_is_told(lab: Lab, pretended: Pretended):
    """By a notification and in the status bar, until Jobs has been seen."""
    lab.state("iris", "newer")
    lab.command("application:toggle-left-area")
    lab.hook("chariots-panel").wait_for(state="hidden")
    body = all_states()
    failed = job("5555" + "0" * 28, "late", "failed", ended=0, error={"code": "x", "message": "no"})
    pretended.say({**body, "jobs": [failed]})
    lab.page.get_by_text("late failed: no").first.wait_for()
    lab.hook("chariots-status").get_by_text("1 failed").click()
    lab.hook("chariots-panel").wait_for()
    lab.hook("chariots-status").get_by_text("0 running").wait_for()


def test_of_many_only_what_is_seen_is_in_the_page(lab: Lab, pretended: Pretended):
    """100 pipelines, 1,000 jobs; ``benchmarks/panel.py`` measures how smooth that is."""
    page = lab.page
    pretended.say(many())
    lab.hook("chariots-pipeline-pipeline-000").wait_for()
    assert page.locator(".jp-Chariots [data-row]").count() < 150
    for label in ("Jobs", "Pipelines"):
        box = page.locator(f'.jp-Chariots-list[aria-label="{label}"]')
        box.evaluate("node => { node.scrollTop = 1000; }")
        first = f'.jp-Chariots-list[aria-label="{label}"] [data-row]'
        page.wait_for_function(
            "first => parseInt(document.querySelectorAll(first)[1].ariaRowIndex) > 10", arg=first
        )
        assert page.locator(".jp-Chariots [data-row]").count() < 150
        box.evaluate("node => { node.scrollTop = 0; }")
    lab.picture("many", clip=clip(lab))
    lab.hook("chariots-query").fill("pipeline-07")
    page.wait_for_function("document.querySelectorAll('[data-pipeline]').length === 10")
    lab.hook("chariots-query").fill("")
