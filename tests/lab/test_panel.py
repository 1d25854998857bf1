"""The side panel and the view of a pipeline in JupyterLab, by mouse and by keys."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

import pytest

from ..live import wait_for
from .browser import LONG_MS, Lab, lab_server

SAMPLES = "tests.server.samples"  # light, so that what takes time is the page
FOLDED = '"open":[true,false]'  # pipelines are unfolded and jobs are not, in a saved layout


@pytest.fixture(scope="module")
def lab(chrome, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    """JupyterLab with pipelines that learn, and the panel shown."""
    server = lab_server(tmp_path_factory.mktemp("panel"), app_pipelines=[SAMPLES])
    with server:
        page = Lab(chrome, server).open().show()
        yield page
        assert not page.errors  # in the whole run
        page.close()


def post(lab: Lab, path: str, body: object = None) -> None:
    """Do it by HTTP, as somebody else would."""
    answer = lab.server.post(f"pipelines/{path}", body)
    assert answer.status == 200, answer


def learned(lab: Lab, numbers: Sequence[float], pipeline: str = "learn") -> None:
    """Have something learned from these numbers, and saved."""
    post(lab, f"{pipeline}/main", {"pipeline_input": list(numbers)})
    post(lab, f"{pipeline}/save")


def loaded(lab: Lab) -> None:
    """Have ``apply`` serve the newest; different numbers each time are another version."""
    learned(lab, [1, 2, 3])
    post(lab, "apply/load")
    lab.state("apply", "loaded")


def unfit(lab: Lab) -> None:
    """Have a newer ``mean`` in the store that the served ``scale`` was not trained on."""
    loaded(lab)
    learned(lab, [5, 6], "learn_mean")
    lab.state("apply", "newer")


def run_by_hand(lab: Lab, numbers: Sequence[float]) -> None:
    """Have the page run ``learn``: it takes an input, so its view asks for that."""
    lab.command("chariots:run", name="learn")
    view = lab.hook("chariots-view-learn")
    view.get_by_test_id("chariots-input").fill(str(list(numbers)))
    with lab.page.expect_response("**/pipelines/learn/main"):  # the view may show an older output
        view.get_by_test_id("chariots-call-run").click()
    view.get_by_test_id("chariots-output").wait_for()


def number(lab: Lab, op: str = "scale") -> str:
    """The number of what ``apply`` serves."""
    return lab.server.get("pipelines/apply").body["served"]["versions"][op]["number"]


def test_the_life_of_a_model_by_clicks(lab: Lab):
    """Run, save, load; versions and states follow."""
    from playwright.sync_api import expect

    lab.hook("chariots-pipeline-failing").wait_for()
    lab.click("chariots-run-learn")  # it takes an input: the view asks for it
    view = lab.hook("chariots-view-learn")
    view.get_by_test_id("chariots-input").fill("[4, 5, 9]")
    view.get_by_test_id("chariots-call-run").click()
    lab.state("learn", "not-saved")
    lab.click("chariots-save-learn")
    lab.state("learn", "loaded")
    save = lab.hook("chariots-save-learn")  # under way until the page has its answer
    expect(save).to_have_attribute("title", "Nothing to save", timeout=LONG_MS)

    lab.click("chariots-load-apply")
    lab.state("apply", "loaded")
    lab.text("chariots-versions-apply", number(lab))
    title = lab.hook("chariots-versions-apply").get_attribute("title")
    assert [line.split()[:2] for line in title.splitlines()] == [
        ["mean", number(lab, "mean")],
        ["scale", number(lab)],
    ]
    lab.click("chariots-run-count")  # without input it runs at once
    lab.state("count", "not-saved")
    lab.click("chariots-save-count")
    lab.state("count", "loaded")


def test_a_call_and_its_error(lab: Lab):
    """The call's output is shown; what an op raised as well, with its traceback."""
    lab.command("chariots:open", name="doubled", tab="call")
    view = lab.hook("chariots-view-doubled")
    box = view.get_by_test_id("chariots-input")
    box.fill("21")
    lab.page.keyboard.press("Control+Enter")
    view.get_by_test_id("chariots-output").get_by_text("42", exact=True).wait_for()
    box.fill("not JSON")
    assert view.get_by_test_id("chariots-call-run").get_attribute("aria-disabled") == "true"

    lab.command("chariots:open", name="failing", tab="call")
    view = lab.hook("chariots-view-failing")
    view.get_by_test_id("chariots-input").fill('"<b>stones</b>"')
    view.get_by_test_id("chariots-call-run").click()
    error = view.get_by_test_id("chariots-call-error")
    error.get_by_text("cannot digest <b>stones</b>").first.wait_for()
    error.locator("summary").click()
    assert "samples.py" in error.inner_text()
    lab.forgive("/pipelines/failing/main")
    lab.unfold("failing")
    details = lab.page.locator('[data-row="d failing note"]')
    details.get_by_text("cannot digest").wait_for()


def test_news_from_elsewhere_reach_the_page_quickly(lab: Lab):
    """What somebody does by HTTP is on the screen soon after: no reload, no polling."""
    script = """name => {
        window.__seen = null;
        const row = document.querySelector(`[data-testid="chariots-pipeline-${name}"]`);
        new MutationObserver(() => {
            if (row.dataset.state === 'not-saved') window.__seen ??= Date.now();
        }).observe(row, {attributes: true});
    }"""
    lab.hook("chariots-pipeline-count").wait_for()
    lab.page.evaluate(script, "count")
    post(lab, "count/main")
    lab.page.wait_for_function("window.__seen !== null")
    post(lab, "count/save")
    lab.state("count", "loaded")


def test_a_refused_load_says_why_and_is_mended_from_there(lab: Lab):
    """The newest versions do not fit: reason, greyed choice, retraining, then they are loaded."""
    run_by_hand(lab, [2, 4, 6])  # what is trained again is trained on the last input
    unfit(lab)
    lab.unfold("apply")
    row = lab.page.locator('[data-row="d apply newer"]')
    row.get_by_text("Why?").click()
    view = lab.hook("chariots-view-apply")
    why = view.get_by_test_id("chariots-why")
    why.wait_for()
    assert "was trained on mean" in why.inner_text()
    assert view.get_by_test_id("chariots-broken-link").count() == 1

    view.get_by_test_id("chariots-pick-mean").click()
    newest = view.locator(".ch-opt").first
    newest.wait_for()
    assert newest.get_attribute("aria-disabled") == "true"
    assert "was trained on" in newest.inner_text()
    lab.picture("graph")
    lab.page.keyboard.press("Escape")

    lab.click("chariots-load-apply")  # all or nothing
    refusal = view.get_by_test_id("chariots-refusal")
    refusal.wait_for()
    assert "was trained on" in refusal.inner_text()
    lab.forgive("/pipelines/apply/load")

    view.get_by_test_id("chariots-retrain-all").click()
    lab.state("apply", "loaded")
    refusal.wait_for(state="detached")


def test_roll_back_by_the_menu_of_versions_and_undo(lab: Lab):
    """An earlier version is chosen from the menu; the notification takes it back."""
    loaded(lab)
    learned(lab, [7, 8, 30])
    post(lab, "apply/load")
    now = number(lab)
    lab.text("chariots-versions-apply", now)
    lab.page.hover('[data-testid="chariots-pipeline-apply"]')
    lab.click("chariots-loadmenu-apply")
    menu = lab.hook("chariots-versionmenu-apply")
    other = menu.locator('[role=menuitemradio][aria-checked="false"]:not([aria-disabled])').first
    other.wait_for()
    then = other.locator(".ch-t").inner_text().split()[1]
    assert then != now
    lab.picture("version-menu", clip={"x": 0, "y": 0, "width": 420, "height": 520})
    other.click()
    lab.text("chariots-versions-apply", then)
    # other tests may have left theirs a moment ago
    said = re.compile(rf"scale {re.escape(then)} into apply \(was .*{re.escape(now)}\)")
    notice = lab.page.locator(".Toastify__toast").filter(has_text=said)
    notice.get_by_role("button", name="Undo").first.click()
    lab.text("chariots-versions-apply", now)


def test_history_compares_two_versions(lab: Lab):
    """A and B are what is served and its predecessor; each can be another."""
    loaded(lab)
    learned(lab, [1, 1, 40])
    post(lab, "apply/load")
    lab.command("chariots:open", name="apply", tab="history")
    view = lab.hook("chariots-view-apply")
    view.locator(".ch-oplist").get_by_text("scale").click()
    view.get_by_test_id("chariots-diff").wait_for()
    assert view.locator("button.ch-ab.on").count() == 2
    view.locator("tbody tr").nth(1).get_by_role("button", name="Compare").first.click()
    lab.picture("history")


def test_who_was_served_what(lab: Lab):
    """The table names each served set; the newest one lasts until now."""
    loaded(lab)
    lab.command("chariots:open", name="apply", tab="served")
    table = lab.hook("chariots-view-apply").locator("table")
    table.wait_for()
    first = table.locator("tbody tr").first
    first.get_by_text(f"scale {number(lab)}").first.wait_for()
    assert "now" in first.inner_text()
    lab.picture("served")


def test_keys_alone(lab: Lab):
    """Without a mouse: walk the rows, run, save, use the menu, open."""
    page = lab.page
    lab.command("chariots:open", name="apply")  # an empty main area is filled, and takes the focus
    lab.hook("chariots-view-apply").wait_for()
    lab.show()
    row = lab.hook("chariots-pipeline-count")
    row.focus()
    page.keyboard.press("ArrowRight" if row.get_attribute("aria-expanded") == "false" else "Home")
    row.focus()
    page.keyboard.press("ArrowLeft")
    page.wait_for_function(
        "document.querySelector('[data-testid=chariots-pipeline-count]').ariaExpanded === 'false'"
    )
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowRight")
    active = "document.activeElement.dataset"
    assert page.evaluate(f"{active}.testid") == "chariots-run-count"
    page.keyboard.press("Escape")
    page.keyboard.press("Control+Enter")  # runs what has the focus
    lab.state("count", "not-saved")
    page.wait_for_function(f"{active}.row === 'p count'")
    page.keyboard.press("Control+s")
    lab.state("count", "loaded")
    page.keyboard.press("Shift+F10")
    menu = page.locator(".lm-Menu.jp-Chariots-menu")
    menu.wait_for()
    lab.picture("context-menu", clip={"x": 0, "y": 0, "width": 520, "height": 640})
    page.keyboard.press("Escape")
    menu.wait_for(state="detached")
    row.focus()
    page.keyboard.press("d")
    page.wait_for_function(f"{active}.row === 'p doubled' || {active}.row === 'p dying'")
    page.keyboard.press("Enter")
    page.locator(".jp-ChariotsView").first.wait_for(state="attached")


def test_all_commands_are_in_the_palette(lab: Lab):
    """By their category."""
    shown = lab.page.evaluate(
        "window.jupyterapp.commands.listCommands().filter(id => id.startsWith('chariots:'))"
    )
    assert {"chariots:show-panel", "chariots:run", "chariots:save", "chariots:cancel-job"} <= {
        *shown
    }
    lab.command("apputils:activate-command-palette")
    box = lab.page.locator(".jp-ModalCommandPalette input")
    box.fill("chariots")
    items = lab.page.locator(".jp-ModalCommandPalette .lm-CommandPalette-item")
    items.nth(7).wait_for()
    lab.page.keyboard.press("Escape")
    lab.page.keyboard.press("Escape")


def test_the_log_of_a_pipeline(lab: Lab):
    """It opens as a tab below."""
    lab.command("chariots:log", name="learn")
    lab.hook("chariots-log").wait_for()
    lab.page.locator(".lm-TabBar-tab", has_text="Log of learn").wait_for()
    lab.command("application:close")
    lab.hook("chariots-log").wait_for(state="detached")


def test_nothing_shuts_out_those_who_cannot_see_it(lab: Lab):
    """axe finds nothing, in light and in dark, in the panel and in each tab."""
    loaded(lab)
    found: list[str] = []
    for theme in ("JupyterLab Dark", "JupyterLab Light"):
        lab.theme(theme)
        for tab in ("graph", "history", "served", "call"):
            lab.command("chariots:open", name="apply", tab=tab)
            view = lab.hook("chariots-view-apply")
            view.locator(f'[data-testid="chariots-tab-{tab}"][aria-selected=true]').wait_for()
            lab.page.wait_for_function(
                "!document.querySelector('.jp-ChariotsView .jp-Chariots-waiting')"
            )
            if theme == "JupyterLab Dark":
                lab.picture(f"{tab}-dark")
            found += lab.violations('[data-testid="chariots-view-apply"]')
        lab.command("chariots:show-panel")
        found += lab.violations('[data-testid="chariots-panel"]')
    assert not found, "\n".join(sorted(set(found)))


def test_layout_comes_back_after_a_reload(lab: Lab):
    """The view that was open is open again; what was folded stays folded."""
    from playwright.sync_api import expect

    lab.command("chariots:open", name="apply", tab="graph")
    lab.hook("chariots-view-apply").wait_for()
    row = lab.hook("chariots-pipeline-apply")
    if row.get_attribute("aria-expanded") == "true":
        row.click(position={"x": 60, "y": 12})
    title = lab.hook("chariots-panel").locator(".jp-AccordionPanel-title", has_text="Jobs")
    # JupyterLab saves its layout a while after a change
    with lab.page.expect_request(lambda sent: FOLDED in (sent.post_data or "")) as saving:
        title.click()
    saving.value.response()
    lab.page.goto(f"{lab.server.server_url}lab?token={lab.server.token}")
    lab.page.wait_for_selector("#jupyterlab-splash", state="detached")
    lab.hook("chariots-view-apply").wait_for(state="attached")
    lab.show()
    assert row.get_attribute("aria-expanded") == "false"
    expect(title).to_have_attribute("aria-expanded", "false")
    title.click()


def test_an_idle_page_is_quiet(lab: Lab):
    """A long poll and nothing else: at most two requests a minute."""

    def rests() -> bool:
        before = len(lab.asked)
        lab.page.wait_for_timeout(1000)  # that nothing happens can only be seen by waiting
        return len(lab.asked) == before

    wait_for(rests, "the end of what the test before this one began")
    before = len(lab.asked)
    lab.page.wait_for_timeout(4000)
    assert len(lab.asked) - before <= 1, lab.asked[before:]
