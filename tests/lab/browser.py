"""JupyterLab with the prebuilt extension, and a page of it in Chromium."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from ..live import REPOSITORY, LiveServer

PREBUILT = REPOSITORY / "labextension" / "prebuilt"
AXE = REPOSITORY / "labextension" / "node_modules" / "axe-core" / "axe.min.js"
PICTURES = Path(os.environ.get("CHARIOTS_PICTURES") or REPOSITORY / "build" / "pictures")
LONG_MS = 60_000

FLAGS = [
    "--no-sandbox",  # root has none
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
_QUIET = {
    "@jupyterlab/apputils-extension:notification": {
        "fetchNews": "false",
        "checkForUpdates": False,
    }
}


def chromium() -> str:
    """Where Chromium is; without one the test is skipped."""
    pytest.importorskip("playwright", reason="pip install playwright: it drives the browser")
    for name in ("chromium", "chromium-browser", "google-chrome"):
        found = shutil.which(name)
        if found:
            return found
    pytest.skip("there is no Chromium (Debian: apt-get install chromium)")


def equip(server: LiveServer, settings: dict[str, Any] | None = None) -> LiveServer:
    """Let this server's JupyterLab find the extension, and be quiet about news."""
    extensions = Path(server.environment["JUPYTER_DATA_DIR"]) / "labextensions"
    extensions.mkdir(parents=True, exist_ok=True)
    link = extensions / "jupyter-chariots"
    if not link.exists():
        link.symlink_to(PREBUILT)
    folder = Path(server.environment["JUPYTER_CONFIG_DIR"]) / "labconfig"
    folder.mkdir(parents=True, exist_ok=True)
    # in a virtual environment that of the last install would come first
    server.environment["JUPYTER_PREFER_ENV_PATH"] = "0"
    overrides = json.dumps({**_QUIET, **(settings or {})})
    (folder / "default_setting_overrides.json").write_text(overrides)
    return server


def lab_server(folder: Path, settings: dict[str, Any] | None = None, **options: Any) -> LiveServer:
    """A JupyterLab of its own, not started yet."""
    arguments = ["--LabApp.expose_app_in_browser=True", *options.pop("arguments", ())]
    server = LiveServer(folder / "root", folder / "home", app="lab", arguments=arguments, **options)
    return equip(server, settings)


@contextmanager
def browser() -> Iterator[Any]:
    """A browser; while it is open, this thread cannot run another event loop."""
    path = chromium()
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=path, args=FLAGS)
        try:
            yield opened
        finally:
            opened.close()


class Lab:
    """One page of JupyterLab.

    Attributes:
        page: Playwright's page.
        errors: what the page's console said in anger.
        asked: method and address of each request to the extension.
    """

    def __init__(self, opened: Any, server: LiveServer, **options: Any) -> None:
        self.server = server
        self.errors: list[str] = []
        self.asked: list[str] = []
        options.setdefault("viewport", {"width": 1280, "height": 800})
        self.context = opened.new_context(**options)
        self.page = self.context.new_page()
        self.page.set_default_timeout(LONG_MS)
        self.page.on("console", self._console)
        self.page.on("pageerror", lambda error: self.errors.append(str(error)))
        self.page.on("request", self._request)

    def _console(self, message: Any) -> None:
        if message.type == "error":
            self.errors.append(f"{message.text} ({message.location.get('url')})")

    def _request(self, request: Any) -> None:
        if "/chariots/" in request.url:
            self.asked.append(f"{request.method} {request.url}")

    def open(self, path: str = "lab") -> Lab:
        """Load the page and wait until the panel can be shown."""
        mark = "&" if "?" in path else "?"
        self.page.goto(f"{self.server.server_url}{path}{mark}token={self.server.token}&reset")
        self.page.wait_for_selector("#jupyterlab-splash", state="detached")
        self.page.wait_for_function("window.jupyterapp?.commands.hasCommand('chariots:show-panel')")
        self.page.evaluate("window.jupyterapp.restored.then(() => null)")
        return self

    def show(self) -> Lab:
        """Show the side panel, and wait until it has its width."""
        from playwright.sync_api import TimeoutError

        wide = "document.querySelector('[data-testid=chariots-panel]')?.clientWidth > 200"
        for _ in range(LONG_MS // 5000):
            self.command("chariots:show-panel")
            with contextlib.suppress(TimeoutError):
                self.page.wait_for_function(wide, polling=100, timeout=5000)
                return self
            # on a busy machine JupyterLab may lay its side area out before it has its styles
            self.width(250)
        self.picture("failed-show")  # no test runs yet that would leave one
        raise AssertionError("The side panel does not come.")

    def width(self, pixels: int) -> None:
        """Make the side panel so wide."""
        self.page.evaluate(
            """width => {
                const {shell} = window.jupyterapp;
                const stack = document.getElementById('jp-left-stack');
                stack.style.minWidth = width < 250 ? '0' : '';
                shell._leftHandler.stackedPanel.fit();
                shell._hsplitPanel.fit();
                requestAnimationFrame(() => {
                    const rest = shell._hsplitPanel.node.clientWidth - width;
                    shell._hsplitPanel.setRelativeSizes([width, rest, 0]);
                });
            }""",
            pixels,
        )

    def idle(self) -> Lab:
        """Wait until the notebook has a kernel that has nothing to do."""
        self.page.locator("#jp-main-statusbar").get_by_text("| Idle").wait_for(timeout=60_000)
        return self

    def command(self, name: str, /, **arguments: Any) -> None:
        """Execute a command of JupyterLab, and do not wait for its end."""
        self.page.evaluate(
            "([name, args]) => { window.jupyterapp.commands.execute(name, args); }",
            [name, arguments],
        )

    def hook(self, name: str) -> Any:
        """The element with this ``data-testid``."""
        return self.page.locator(f'[data-testid="{name}"]')

    def cell_panel(self) -> Any:
        """The panel in the output of a cell."""
        return self.page.locator(".chariots-widget")

    def in_cell(self, name: str) -> Any:
        """What has this hook in the panel in the output of a cell; there it is a class."""
        return self.cell_panel().locator(f".chariots-widget-{name}")

    def click(self, name: str) -> None:
        """Click on the element with this ``data-testid``."""
        self.hook(name).click()

    def text(self, name: str, expected: str) -> None:
        """Wait until the element shows this text."""
        from playwright.sync_api import expect

        expect(self.hook(name)).to_have_text(expected, timeout=LONG_MS)

    def state(self, pipeline: str, expected: str) -> None:
        """Wait until a pipeline's row is in this state."""
        from playwright.sync_api import expect

        row = self.hook(f"chariots-pipeline-{pipeline}")
        expect(row).to_have_attribute("data-state", expected, timeout=LONG_MS)

    def forgive(self, address: str) -> None:
        """The browser tells of answers of 4xx and 5xx, which is no fault of the page."""
        self.errors[:] = [error for error in self.errors if address not in error]

    def unfold(self, pipeline: str) -> None:
        """Show the lines under a pipeline's row."""
        row = self.hook(f"chariots-pipeline-{pipeline}")
        if row.get_attribute("aria-expanded") == "false":
            row.focus()
            self.page.keyboard.press("ArrowRight")

    def picture(self, name: str, **options: Any) -> None:
        """Keep a picture of the page."""
        PICTURES.mkdir(parents=True, exist_ok=True)
        self.page.screenshot(path=PICTURES / f"{name}.png", **options)

    def theme(self, name: str) -> None:
        """Switch to ``JupyterLab Dark`` or ``JupyterLab Light``."""
        light = str("Light" in name).lower()
        self.command("apputils:change-theme", theme=name)
        self.page.wait_for_selector(f'body[data-jp-theme-light="{light}"]', state="attached")

    def violations(self, selector: str) -> list[str]:
        """What axe finds wrong with this part of the page; skips where axe is not installed."""
        if not AXE.exists():
            pytest.skip("axe-core is not installed (make labextension)")
        if not self.page.evaluate("Boolean(window.axe)"):
            self.page.evaluate(AXE.read_text(encoding="utf-8"))
        # of what is installed beside us, only our own part is looked at
        found = self.page.evaluate(
            "selector => axe.run(selector, {resultTypes: ['violations'],"
            " runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa']})",
            selector,
        )
        return [
            f"{one['id']}: {node['html'][:200]} {node['failureSummary'][:300]}"
            for one in found["violations"]
            for node in one["nodes"]
        ]

    def close(self) -> None:
        """Leave the page."""
        self.context.close()
