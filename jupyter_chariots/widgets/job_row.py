"""A job in the panel: how far it is, its log, and its end."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from ipywidgets import HTML, Accordion, Button, FloatProgress, HBox, Layout, VBox

from ..errors import ChariotsError
from . import shown
from .background import Background
from .door import Door
from .tree import close_all, patch

__all__ = ["JobRow"]

_ACTIVE = ("queued", "deferred", "running")
_STYLES = {"done": "success", "failed": "danger"}
_LINES = 200
_SURE_S = 4.0
_WAIT_S = 20  # for more of a log that is open
_PAUSE_S = 0.25  # between two pieces of it

View = Mapping[str, Any]


class JobRow:
    """The widgets of one job, made once and patched from then on.

    Args:
        job: its id.
        door: to the server.
        background: where buttons do what they do.
    """

    def __init__(self, job: str, door: Door, background: Background) -> None:
        self.id = job
        self._door, self._background = door, background
        self._view: View = {}
        self._sure = self._busy = self._reading = False
        self._printed = ""
        wide = Layout(width="auto")
        self._head = HTML(layout=Layout(width="220px"))
        self._bar = FloatProgress(min=0.0, max=1.0, layout=Layout(width="150px"))
        self._line = HTML(layout=Layout(flex="1 1 200px"))
        self._open = Button(description="Log", icon="align-left", layout=wide)
        self._end = Button(description="Cancel", icon="times", layout=wide)
        self._text, self._answer = HTML(), HTML()
        self._log = Accordion(layout=Layout(display="none"))
        self._open.on_click(lambda _: self.toggle_log())
        self._end.on_click(lambda _: self.end())
        self._end.add_class(f"chariots-widget-cancel-{job}")
        buttons = [self._open, self._end]
        line = HBox(
            [self._head, self._bar, self._line, *buttons], layout=Layout(flex_flow="row wrap")
        )
        self.box = VBox([line, self._answer, self._log])
        self.box.add_class(f"chariots-widget-job-{job}")

    @property
    def _active(self) -> bool:
        return self._view.get("status") in _ACTIVE

    def update(self, job: View, now: datetime, *, repeatable: bool, usable: bool) -> None:
        """Show this state.

        Args:
            job: as the server says it.
            now: for "9m ago".
            repeatable: its pipeline takes no input, so that it can be run again from here.
            usable: whether buttons may be pressed at all.
        """
        self._view = job
        patch(self._head, value=shown.job_head(job))
        patch(self._line, value=shown.job_line(job, now))
        fraction = (job.get("progress") or {}).get("fraction")
        share = 1.0 if job["status"] == "done" else float(fraction or 0.0)
        patch(self._bar, value=share, bar_style=_STYLES.get(job["status"], ""))
        free = usable and not self._busy
        if self._active:
            word, icon, tooltip = "Cancel", "times", f"Cancel this job of {job['pipeline']}"
            free = free and not job.get("cancelling")
        else:
            word, icon, tooltip = "Again", "repeat", f"Run {job['pipeline']} again"
            free = free and repeatable
            if not repeatable:
                tooltip = "Its input is not kept here: run it under Pipelines"
            self._sure = False
        asked = {} if self._sure else {"description": word, "icon": icon, "button_style": ""}
        patch(self._end, disabled=not free, tooltip=tooltip, **asked)
        patch(self._open, disabled=not usable)

    def close(self) -> None:
        """Take it away."""
        close_all([self.box, self._text])

    def end(self) -> None:
        """Cancel the job, once more asked where it runs; or run it again."""
        if not self._active:
            pipeline = str(self._view["pipeline"])
            self._do(lambda: self._door.run(pipeline, None, True), "runs again")
        elif self._view["status"] == "running" and not self._sure:
            self._sure = True
            patch(self._end, description="Sure?", icon="", button_style="danger")
            self._background.later(_SURE_S, self._unsure)
        else:
            self._unsure()
            self._do(lambda: self._door.cancel(self.id), "")

    def _unsure(self) -> None:
        if self._sure:
            self._sure = False
            patch(self._end, description="Cancel", icon="times", button_style="")

    def _do(self, work: Any, said: str) -> None:
        self._busy = True
        patch(self._end, disabled=True)

        def then(result: Any) -> None:
            self._busy = False
            error = isinstance(result, ChariotsError)
            text = shown.failure(result) if error else (said and shown.done(said))
            patch(self._answer, value=text)
            if error or not self._active:
                patch(self._end, disabled=False)

        self._background.do(work, then)

    def toggle_log(self) -> None:
        """Show what the job has printed and prints, or hide it."""
        if self._shown:
            patch(self._log.layout, display="none")
            return
        if not self._log.children:
            self._log.children = [self._text]
            self._log.set_title(0, "Log")
            self._log.selected_index = 0
        patch(self._log.layout, display=None)
        if not self._reading:
            self._read_log(None)

    @property
    def _shown(self) -> bool:
        """Whether the log is open."""
        return self._log.comm is not None and self._log.layout.display != "none"

    def _read_log(self, offset: str | None) -> None:
        """Read the log's end, or what was written since; go on as long as there can be more."""
        self._reading = True

        def then(result: Any) -> None:
            self._reading = False
            if isinstance(result, ChariotsError):
                patch(self._text, value=shown.failure(result))
                return
            known = self._printed if offset is not None else ""
            lines = (known + result["text"]).splitlines(keepends=True)
            self._printed = "".join(lines[-_LINES:])
            patch(self._text, value=shown.log(self._printed))
            if not result["ended"] and self._shown:
                self._reading = True
                self._background.later(_PAUSE_S, lambda: self._read_log(result["offset"]))

        self._background.do(lambda: self._door.job_log(self.id, _LINES, offset, _WAIT_S), then)
