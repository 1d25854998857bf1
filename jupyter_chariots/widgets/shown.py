"""Markup of the panel. Every text goes through ``html.escape``; the colours are JupyterLab's."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from datetime import datetime, timezone
from html import escape
from typing import Any

from ..errors import ChariotsError
from .words import State, digest, job_state, job_words, remarks, state_of, version_of, versions_of

__all__ = [
    "answer",
    "as_html",
    "as_text",
    "done",
    "failure",
    "job_head",
    "job_line",
    "log",
    "paragraph",
    "pipeline_head",
    "pipeline_remarks",
    "title",
    "warned",
]

_COLOURS = {
    "error": "var(--jp-error-color1)",
    "warn": "var(--jp-warn-color0)",
    "brand": "var(--jp-brand-color1)",
    "success": "var(--jp-success-color1)",
}
_LONGEST = 400
_DIM = 'style="color: var(--jp-ui-font-color2)"'
_LINES = "line-height: 1.4; white-space: normal; overflow-wrap: anywhere"

_WHEEL = (
    '<svg width="16" height="16" viewBox="0 0 16 16" aria-hidden="true" fill="none" '
    'stroke="currentColor" stroke-width="1.5" stroke-linecap="round" '
    'style="vertical-align: -3px"><circle cx="8" cy="8" r="5.7"/><circle cx="8" cy="8" r="1.3"/>'
    '<path d="M8 2.3v4.4M8 9.3v4.4M3.1 5.1l3.8 2.2M9.1 8.7l3.8 2.2M12.9 5.1 9.1 7.3M6.9 8.7l-3.8 '
    '2.2"/></svg>'
)

View = Mapping[str, Any]


def _icon(state: State) -> str:
    colour = f' style="color: {_COLOURS[state.tone]}"' if state.tone in _COLOURS else ""
    return f'<span aria-hidden="true"{colour}>{escape(state.icon)}</span>'


def pipeline_head(view: View, now: datetime) -> str:
    """State, name and version of a pipeline."""
    state = state_of(view)
    title = escape("\n".join(_all_versions(view)), quote=True)
    return (
        f'<div style="{_LINES}">{_icon(state)} <b>{escape(str(view["name"]))}</b> '
        f"<span {_DIM}>{escape(state.word)}</span><br>"
        f'<span {_DIM} title="{title}">{escape(versions_of(view, now))}</span></div>'
    )


def _all_versions(view: View) -> Iterable[str]:
    for op in view.get("ops") or ():
        version = version_of(view, op)
        if version is None:
            yield f"{op} –"
        else:
            yield f"{op} {version['number'] or '–'} {digest(version['version'])}"


def pipeline_remarks(view: View) -> str:
    """What else there is to say of a pipeline; empty if nothing."""
    said = "<br>".join(_lines(text) for text in remarks(view))
    return f'<div {_DIM[:-1]}; {_LINES}">{said}</div>' if said else ""


def answer(value: Any, took: str, versions: Iterable[str]) -> str:
    """What a call gave."""
    text = json.dumps(value, ensure_ascii=False)
    shown = text if len(text) <= _LONGEST else f"{text[: _LONGEST - 1]}…"
    more = " · ".join(filter(None, [took, ", ".join(versions)]))
    icon = _icon(State("✓", "", "success"))
    return (
        f'<div style="{_LINES}">{icon} <code>{escape(shown)}</code> '
        f"<span {_DIM}>{escape(more)}</span></div>"
    )


def done(text: str) -> str:
    """That something was done."""
    return f'<div style="{_LINES}">{_icon(State("✓", "", "success"))} {escape(text)}</div>'


def warned(warnings: Iterable[str]) -> str:
    """What is worth knowing of what was done."""
    return "".join(f'<div style="{_LINES}">{_lines(str(one))}</div>' for one in warnings)


def failure(error: ChariotsError) -> str:
    """An error in words: message, what to do, traceback."""
    said = f"<b>{escape(type(error).__name__)}</b>: {_lines(error.message)}"
    if error.hint:
        said += f"<br>Hint: {_lines(error.hint)}"
    if error.traceback:
        text = error.traceback.rstrip()
        count = len(text.splitlines())
        said += (
            f"<details><summary>Traceback ({count} lines)</summary>"
            f'<pre style="line-height: 1.3">{escape(text)}</pre></details>'
        )
    return (
        f'<div role="alert" style="{_LINES}; padding: 4px 8px; '
        "background: var(--jp-error-color3); border-left: 3px solid "
        f'var(--jp-error-color1)"><span aria-hidden="true">!</span> {said}</div>'
    )


def title(said: Iterable[str]) -> str:
    """The line at the top."""
    more = escape(" · ".join(said))
    return f'<div style="{_LINES}">{_WHEEL} <b>Chariots</b> <span {_DIM}>{more}</span></div>'


def paragraph(bold: str, text: str) -> str:
    """What stands where there is nothing to show."""
    return f'<div style="{_LINES}"><b>{escape(bold)}</b><br>{_lines(text)}</div>'


def _lines(text: str) -> str:
    return escape(text).replace("\n", "<br>")


def job_head(job: View) -> str:
    """State, pipeline and short id of a job."""
    name, short = escape(str(job["pipeline"])), escape(str(job["id"])[:4])
    full = escape(str(job["id"]), quote=True)
    return (
        f'<div style="{_LINES}">{_icon(job_state(job))} <b>{name}</b> '
        f'<code title="{full}">{short}</code></div>'
    )


def job_line(job: View, now: datetime) -> str:
    """How a job stands."""
    return f'<div style="{_LINES}">{escape(job_words(job, now))}</div>'


def log(text: str) -> str:
    """What a job has printed."""
    style = "line-height: 1.3; max-height: 300px; overflow: auto"
    return f'<pre style="{style}">{escape(text) or "Nothing was printed yet."}</pre>'


def as_text(pipelines: Iterable[View], jobs: Iterable[View], at: datetime) -> str:
    """All of it, where there is no markup."""
    now = at.astimezone(timezone.utc)
    lines = [f"Chariots, as of {_day(at)}"]
    for view in pipelines:
        state = state_of(view)
        lines.append(f"  {state.icon} {view['name']}: {state.word}, {versions_of(view, now)}")
    for job in jobs:
        lines.append(
            f"  {job_state(job).icon} job {str(job['id'])[:4]} of {job['pipeline']}: "
            f"{job_words(job, now)}"
        )
    return "\n".join(lines)


def as_html(pipelines: Iterable[View], jobs: Iterable[View], at: datetime) -> str:
    """All of it as it stood, for a notebook that is opened without a kernel."""
    now = at.astimezone(timezone.utc)
    rows = [[pipeline_head(view, now), pipeline_remarks(view)] for view in pipelines]
    rows += [[job_head(job), job_line(job, now)] for job in jobs]
    cells = "".join(f"<tr>{''.join(map(_left, row))}</tr>" for row in rows)
    table = f"<table><tbody>{cells}</tbody></table>" if rows else "<p>No pipelines are served.</p>"
    return f"<p><b>Chariots</b> as of {escape(_day(at))}</p>{table}"


def _left(cell: str) -> str:
    return f'<td style="text-align: left">{cell}</td>'


def _day(at: datetime) -> str:
    return f"{at.day} {at:%b %Y %H:%M}"
