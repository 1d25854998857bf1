"""The panel in a real JupyterLab: how smooth it is with very much, how quick, how quiet.

Chromium draws without a graphics card and shares the cores with the server, so these figures are
the worst of what people see. The browser's own list of long tasks (those over 50 ms) tells of the
work that would hold up a click. Needs Chromium.
"""

from __future__ import annotations

import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from tests.lab.browser import Lab, browser, lab_server
from tests.lab.pretended import Pretended, many, snapshot
from tests.live import wait_for

from .measure import Result

SAMPLES = "tests.server.samples"
ROUNDS, NEWS, IDLE_S = 5, 20, 120

WATCH = """() => {
    window.tasks = [];
    window.observer?.disconnect();
    window.observer = new PerformanceObserver(list =>
        window.tasks.push(...list.getEntries().map(entry => entry.duration)));
    window.observer.observe({entryTypes: ['longtask']});
}"""
FRAME = "() => new Promise(done => requestAnimationFrame(() => done(true)))"
SEEN = """state => {
    window.seen = null;
    const row = document.querySelector('[data-testid="chariots-pipeline-count"]');
    const look = () => {
        if (row.dataset.state === state) window.seen ??= Date.now();
    };
    new MutationObserver(look).observe(row, {attributes: true});
}"""


def run() -> list[Result]:
    """Start a server and a page, and measure."""
    with browser() as opened, tempfile.TemporaryDirectory() as folder:
        server = lab_server(Path(folder), app_pipelines=[SAMPLES])
        with server:
            lab = Lab(opened, server).open().show()
            lab.hook("chariots-pipeline-count").wait_for()
            results = [*_news(lab), *_idle(lab), *_many(lab)]
            lab.close()
            return results


def _many(lab: Lab) -> list[Result]:
    """The longest task while 100 pipelines and 1,000 jobs come, go on and are scrolled."""
    page = lab.page
    pretended = Pretended(page, snapshot())
    lab.command("chariots:refresh")

    def longest(act: Callable[[], None]) -> float:
        page.evaluate(WATCH)
        act()
        page.wait_for_timeout(100)  # the browser tells of a task some time after its end
        return float(page.evaluate("Math.max(0, ...window.tasks)")) / 1000

    def come() -> None:
        pretended.say(many())
        lab.hook("chariots-pipeline-pipeline-000").wait_for()

    def go_on() -> None:
        body: dict[str, Any] = many()
        for step in range(5):
            for job in body["jobs"][:20]:
                job["progress"] = {**job["progress"], "fraction": step / 5}
            pretended.say(body)
            page.get_by_text(f"{20 * step}%").first.wait_for()

    def scroll() -> None:
        for label in ("Jobs", "Pipelines"):
            box = page.locator(f'.jp-Chariots-list[aria-label="{label}"]')
            for top in (500, 5000, 20000, 0):
                box.evaluate("(node, top) => { node.scrollTop = top; }", top)
                page.evaluate(FRAME)

    acts = {"they come": come, "progress of 20 jobs": go_on, "scrolled": scroll}
    times: dict[str, list[float]] = {name: [] for name in acts}
    for _ in range(ROUNDS):
        pretended.say(snapshot())
        lab.hook("chariots-panel").get_by_text("No jobs yet").wait_for()
        for name, act in acts.items():
            times[name].append(longest(act))
    pretended.end()
    title = "panel, 100 pipelines, 1,000 jobs: longest task"
    return [
        Result(title, name, median, target="≤ 100 ms", met=median <= 0.1)
        for name, taken in times.items()
        for median in [statistics.median(taken)]
    ]


def _news(lab: Lab) -> list[Result]:
    """From the answer of a save that somebody asked for by HTTP to the row that shows it."""
    late: list[float] = []
    for _ in range(NEWS):
        lab.server.post("pipelines/count/main")
        lab.state("count", "not-saved")
        lab.page.evaluate(SEEN, "loaded")
        lab.server.post("pipelines/count/save")
        answered = time.time()
        lab.page.wait_for_function("window.seen !== null")
        late.append(max(0.0, lab.page.evaluate("window.seen") / 1000 - answered))
    late.sort()
    title = "panel: an event on the screen"
    median, most = statistics.median(late), late[int(0.9 * len(late))]
    return [
        Result(title, "median", median, target="≤ 200 ms", met=median <= 0.2),
        Result(title, "90th percentile", most, target="≤ 200 ms", met=most <= 0.2),
    ]


def _idle(lab: Lab) -> list[Result]:
    """How often a page asks while nothing happens."""
    # while calls come in their rate is asked for; a minute after the last one it is zero
    wait_for(lambda: not any(_rates(lab)), "the calls to be forgotten", deadline=180)
    lab.command("chariots:refresh")
    lab.page.wait_for_timeout(10_000)
    before = len(lab.asked)
    lab.page.wait_for_timeout(1000 * IDLE_S)
    apart = IDLE_S / max(1, len(lab.asked) - before)
    title = "panel: between two requests of an idle page"
    return [Result(title, "mean", apart, target="≥ 30 s", met=apart >= 30)]


def _rates(lab: Lab) -> Iterator[float]:
    for view in lab.server.get("snapshot").body["pipelines"]:
        yield view["calls"]["rate"]
