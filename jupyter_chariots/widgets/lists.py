"""The lists of the panel: its title, a row for each pipeline, a row for each job."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from ipywidgets import HTML, HBox, Layout, Tab, ToggleButton, VBox, Widget

from ..versioning.cells import notebook
from ..versioning.names import did_you_mean
from . import shown
from .background import Background
from .door import PROTOCOL, Door
from .feed import Seen
from .job_row import JobRow
from .pipeline_row import PipelineRow
from .tree import close_all, patch
from .words import View, jobs_in_order

__all__ = ["Lists", "contents"]

_MOST_PIPELINES = 30
_MOST_JOBS = 20


def contents(snapshot: Mapping[str, Any], only: str | None) -> tuple[list[View], list[View]]:
    """Pipelines and jobs of a snapshot, as many as are shown, of one pipeline or of all."""
    pipelines = [one for one in snapshot.get("pipelines", ()) if only in (None, one["name"])]
    jobs = [one for one in snapshot.get("jobs", ()) if only in (None, one["pipeline"])]
    return pipelines, jobs_in_order(jobs)[:_MOST_JOBS]


class Lists:
    """Widgets made once and patched from then on.

    Args:
        only: name of the only pipeline to show; ``None`` for all.
        door: to the server.
        background: where buttons do what they do.
    """

    def __init__(self, only: str | None, door: Door, background: Background) -> None:
        self._only, self._door, self._background = only, door, background
        self._seen: Seen | None = None
        self._now: datetime | None = None
        self._pipeline_rows: dict[str, PipelineRow] = {}
        self._job_rows: dict[str, JobRow] = {}
        self._title, self._trouble = HTML(layout=Layout(flex="1 1 auto")), HTML()
        self._all = ToggleButton(layout=Layout(width="auto", display="none"))
        self._all.observe(lambda _: self._again(), "value")
        self._pipelines, self._jobs = VBox(), VBox()
        self._no_pipelines, self._no_jobs, self._more_jobs = HTML(), HTML(), HTML()
        head = HBox([self._title, self._all], layout=Layout(flex_flow="row wrap"))
        if only is None:
            self._tab = Tab([self._pipelines, self._jobs])
            self.boxes: list[Widget] = [head, self._trouble, self._tab]
        else:
            self._tab = None
            self.boxes = [head, self._trouble, self._pipelines, self._jobs]

    def close(self) -> None:
        """Take them away."""
        rows = [row.box for row in self._pipeline_rows.values()]
        close_all([*self.boxes, *rows, self._no_pipelines, self._no_jobs, self._more_jobs])
        for row in self._job_rows.values():
            row.close()

    def update(self, seen: Seen, now: datetime) -> None:
        """Show what is seen."""
        self._seen, self._now = seen, now
        snapshot = seen.snapshot
        pipelines, jobs = contents(snapshot, self._only)
        same = snapshot.get("protocol", PROTOCOL) == PROTOCOL
        usable = same and bool(snapshot) and seen.trouble is None
        mine = [one for one in pipelines if _is_of_this_notebook(one)]
        some = bool(mine) and len(mine) < len(pipelines) and self._only is None
        chosen = mine if some and not self._all.value else pipelines
        self._say(seen, same, len(mine), len(pipelines) if some else 0)
        self._show_pipelines(chosen, now, usable)
        total = sum(self._only in (None, one["pipeline"]) for one in snapshot.get("jobs", ()))
        self._show_jobs(jobs, total, now, usable)
        if self._tab is not None:
            for place, text in enumerate((f"Pipelines ({len(chosen)})", f"Jobs ({total})")):
                if self._tab.get_title(place) != text:
                    self._tab.set_title(place, text)

    def _again(self) -> None:
        if self._seen and self._now:
            self.update(self._seen, self._now)

    def _say(self, seen: Seen, same: bool, mine: int, of: int) -> None:
        """The title, and what is wrong."""
        clock = f"{seen.at:%H:%M:%S}"
        said = [f"as of {clock}" if seen.trouble else f"connected · {clock}"]
        if of:
            said.append(f"{mine} of {of} pipelines are of this notebook")
        patch(self._title, value=shown.title(said))
        patch(
            self._all,
            description=f"Show only {mine}" if self._all.value else f"Show all {of}",
        )
        patch(self._all.layout, display=None if of else "none")
        wrong = ""
        if seen.trouble:
            wrong += shown.failure(seen.trouble)
            if seen.retry:
                text = f"Next try in {seen.retry} s. Jobs go on without this page."
                wrong += shown.warned([text])
        if not same:
            release = (seen.snapshot.get("server") or {}).get("release", "another release")
            text = "The server and this kernel have different releases of jupyter_chariots"
            wrong += shown.warned([f"{text} ({release} there): look only. Restart the older one."])
        if seen.snapshot.get("starting"):
            wrong += shown.warned(["The server is starting its pipelines."])
        for failure in seen.snapshot.get("failures", ()):
            wrong += shown.warned(filter(None, [failure.get("message"), failure.get("hint")]))
        patch(self._trouble, value=wrong)

    def _show_pipelines(self, views: Sequence[View], now: datetime, usable: bool) -> None:
        for view in views[:_MOST_PIPELINES]:
            name = view["name"]
            if name not in self._pipeline_rows:
                self._pipeline_rows[name] = PipelineRow(name, self._door, self._background)
            self._pipeline_rows[name].update(view, now, usable=usable)
        boxes: list[Widget] = [
            self._pipeline_rows[view["name"]].box for view in views[:_MOST_PIPELINES]
        ]
        note = ""
        if not views and self._seen and self._seen.snapshot:
            note = self._nothing(self._seen.snapshot)
        elif len(views) > _MOST_PIPELINES:
            more = len(views) - _MOST_PIPELINES
            note = shown.warned([f"and {more} more; panel(name) shows one"])
        patch(self._no_pipelines, value=note)
        patch(self._pipelines, children=(*boxes, *([self._no_pipelines] if note else [])))

    def _nothing(self, snapshot: Mapping[str, Any]) -> str:
        names = [one["name"] for one in snapshot["pipelines"]]
        if self._only is not None:
            bold = f"No pipeline {self._only!r} is served"
            return shown.paragraph(bold, did_you_mean(self._only, names))
        text = "Serve those that this notebook defines: PipelinesClient().serve(pipeline)"
        return shown.paragraph("No pipelines are served", text)

    def _show_jobs(self, jobs: Sequence[View], total: int, now: datetime, usable: bool) -> None:
        snapshot = self._seen.snapshot if self._seen else {}
        plain = {one["name"] for one in snapshot.get("pipelines", ()) if not one.get("takes_input")}
        rows = {}
        for job in jobs:
            row = self._job_rows.get(job["id"])
            rows[job["id"]] = row or JobRow(job["id"], self._door, self._background)
            rows[job["id"]].update(job, now, repeatable=job["pipeline"] in plain, usable=usable)
        gone = [row for name, row in self._job_rows.items() if name not in rows]
        self._job_rows = rows
        note = f"and {total - len(jobs)} more in the side panel" if total > len(jobs) else ""
        if not jobs and self._only is None:
            text = "A run that goes to a worker is a job. It is kept here, with its log."
            patch(self._no_jobs, value=shown.paragraph("No jobs yet", text))
        patch(self._more_jobs, value=shown.warned([note]) if note else "")
        last = [self._more_jobs] if note else []
        if not jobs and self._only is None:
            last = [self._no_jobs]
        patch(self._jobs, children=(*(row.box for row in rows.values()), *last))
        for row in gone:
            row.close()


def _is_of_this_notebook(view: Mapping[str, Any]) -> bool:
    """Whether the notebook of this kernel serves it; the server knows its path from its root."""
    path, owner = notebook(), view.get("owner")
    if not path or not owner or not owner.endswith(".ipynb"):
        return False
    return path.replace(os.sep, "/").endswith(f"/{owner}") or path == owner
