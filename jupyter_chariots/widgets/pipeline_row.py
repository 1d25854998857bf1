"""A pipeline in the panel: what it is, its buttons, and what came of the last one."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from ipywidgets import HTML, Button, Dropdown, HBox, Layout, Text, VBox

from ..errors import BadRequest, ChariotsError
from . import shown
from .background import Background
from .door import Door
from .tree import patch
from .words import duration, version_of

__all__ = ["PipelineRow"]

_NEWEST = ("newest that fits", "")

View = Mapping[str, Any]


class PipelineRow:
    """The widgets of one pipeline, made once and patched from then on.

    Args:
        name: of the pipeline.
        door: to the server.
        background: where buttons do what they do.
    """

    def __init__(self, name: str, door: Door, background: Background) -> None:
        self.name = name
        self._door, self._background = door, background
        self._view: View = {}
        self._busy = False
        self._choices_of: str | None = None
        self._offered: list[tuple[str, str]] = []
        wide = Layout(width="auto")
        # all in one line where there is room, wrapped below about 700 px
        self._head = HTML(layout=Layout(flex="1 1 180px", width="auto", max_width="250px"))
        self._input = Text(
            continuous_update=False,
            layout=Layout(flex="1 1 130px", width="auto", max_width="320px"),
        )
        self._run = Button(description="Run", icon="play", button_style="primary", layout=wide)
        self._save = Button(description="Save", icon="save", layout=wide)
        self._choice = Dropdown(options=[_NEWEST], layout=Layout(flex="0 1 150px", width="auto"))
        self._load = Button(description="Load", icon="download", layout=wide)
        self._remarks, self._answer = HTML(), HTML()
        for kind, button in (("run", self._run), ("save", self._save), ("load", self._load)):
            button.add_class(f"chariots-widget-{kind}-{name}")
        self._run.tooltip, self._load.tooltip = f"Run {name}", f"Load versions of {name}"
        self._run.on_click(lambda _: self.run())
        self._save.on_click(lambda _: self.save())
        self._load.on_click(lambda _: self.load())
        buttons = [self._input, self._run, self._save, self._choice, self._load]
        line = HBox([self._head, *buttons], layout=Layout(flex_flow="row wrap"))
        self.box = VBox([line, self._remarks, self._answer])
        self.box.add_class(f"chariots-widget-pipeline-{name}")

    def update(self, view: View, now: datetime, *, usable: bool) -> None:
        """Show this state; ``usable`` is whether buttons may be pressed at all."""
        self._view = view
        patch(self._head, value=shown.pipeline_head(view, now))
        patch(self._remarks, value=shown.pipeline_remarks(view))
        takes = view.get("takes_input", True)
        patch(
            self._input,
            disabled=not takes,
            placeholder="input, JSON" if takes else "takes no input",
        )
        free = usable and not self._busy
        unsaved = bool(view.get("unsaved"))
        patch(self._run, disabled=not free)
        tooltip = f"Save what {self.name} has learned" if unsaved else "Nothing to save"
        patch(self._save, disabled=not (free and unsaved), tooltip=tooltip)
        patch(self._load, disabled=not free)
        self._choose_from(view)

    def run(self) -> None:
        """Run the pipeline with the input that stands in its field."""
        text = self._input.value.strip()
        try:
            value = json.loads(text) if text else None
        except ValueError as error:
            problem = BadRequest(
                f"The input is no JSON: {error}.", hint='Write it as in [[5.1, 3.5]] or "text".'
            )
            patch(self._answer, value=shown.failure(problem))
            return
        start = time.perf_counter()

        def then(result: Any) -> str:
            took = duration(time.perf_counter() - start)
            if result.get("job_id"):
                return shown.done(f"job {result['job_id'][:4]} is {result['job_status']}")
            numbers = self._numbers(result.get("versions") or {})
            said = shown.answer(result.get("pipeline_output"), took, numbers)
            return said + shown.warned(result.get("warnings", ()))

        self._do(lambda: self._door.run(self.name, value), then)

    def save(self) -> None:
        """Save what the last run left, as it is shown."""
        run_id = self._view.get("unsaved")

        def then(result: Any) -> str:
            return shown.done("saved") + shown.warned(result.get("warnings", ()))

        self._do(lambda: self._door.save(self.name, run_id), then)

    def load(self) -> None:
        """Load the chosen version, or the newest ones that fit."""
        ops, number = self._view.get("ops") or (), self._choice.value
        versions = {ops[-1]: number} if ops and number else None

        def then(result: Any) -> str:
            return shown.done("loaded") + shown.warned(result.get("warnings", ()))

        self._do(lambda: self._door.load(self.name, versions), then)

    def _do(self, work: Callable[[], Any], then: Callable[[Any], str]) -> None:
        """Press the buttons, work, and show the answer or the error."""
        self._press(True)

        def end(result: Any) -> None:
            error = isinstance(result, ChariotsError)
            patch(self._answer, value=shown.failure(result) if error else then(result))
            self._press(False)

        self._background.do(work, end)

    def _press(self, busy: bool) -> None:
        self._busy = busy
        for button in (self._run, self._load):
            patch(button, disabled=busy)
        patch(self._save, disabled=busy or not self._view.get("unsaved"))

    def _numbers(self, versions: Mapping[str, str]) -> list[str]:
        """The versions in an answer that have a number here."""
        known = {}
        for op in self._view.get("ops") or ():
            found = version_of(self._view, op)
            if found and found["number"]:
                known[found["version"]] = found["number"]
        return [f"{node} {known[text]}" for node, text in versions.items() if text in known]

    def _choose_from(self, view: View) -> None:
        """Offer the versions that fit, asked for anew when another may."""
        ops = view.get("ops") or ()
        served = (view.get("served") or {}).get("seq")
        key = json.dumps([served, view.get("newer"), view.get("current"), view.get("definition")])
        if not ops or key == self._choices_of:
            return
        self._choices_of = key
        loaded = ((view.get("served") or {}).get("versions") or {}).get(ops[-1]) or {}

        def then(found: Any) -> None:
            if isinstance(found, ChariotsError):
                self._choices_of = None  # asked for again with the next news
                return
            options = [
                (f"{one} · loaded" if one == loaded.get("number") else one, one) for one in found
            ]
            if options != self._offered:
                chosen, self._offered = self._choice.value, options
                self._choice.options = [_NEWEST, *options]
                self._choice.value = chosen if chosen in found else ""

        self._background.do(lambda: self._door.fitting(self.name, ops[-1]), then)
