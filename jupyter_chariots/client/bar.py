"""Progress as text and as HTML."""

from __future__ import annotations

import html
from collections.abc import Mapping
from typing import Any

__all__ = ["as_html", "as_text", "said"]

_WIDTH = 24

# Colours of JupyterLab's theme, of VS Code's, or some that do in light and dark.
_TRACK = "var(--jp-layout-color3, rgba(128, 128, 128, 0.3))"
_COLOURS = {
    "": "var(--jp-brand-color1, var(--vscode-progressBar-background, #1e88e5))",
    "done": "var(--jp-success-color1, #43a047)",
    "failed": "var(--jp-error-color1, #e53935)",
    "cancelled": "var(--jp-warn-color1, #fb8c00)",
}


def said(progress: Mapping[str, Any] | None) -> str:
    """What is being done, in words: node, count and message."""
    if not progress:
        return ""
    parts = []
    done, total, node = progress.get("done"), progress.get("total"), progress.get("node")
    if node and total:
        place = f" ({min((done or 0) + 1, total)} of {total})" if total > 1 else ""
        parts.append(f"{node}{place}")
    i, n = progress.get("i"), progress.get("n")
    if i is not None:
        parts.append(f"{i:g} of {n:g}" if n else f"{i:g}")
    if progress.get("message"):
        parts.append(str(progress["message"]))
    return ", ".join(parts)


def as_text(label: str, fraction: float | None, words: str) -> str:
    """One line, such as ``train  ███████░░░░░░░░░  45 %  pca (2 of 3), 3 of 10``."""
    parts = [label]
    if fraction is not None:
        full = round(fraction * _WIDTH)
        parts += ["█" * full + "░" * (_WIDTH - full), f"{int(fraction * 100):3d} %"]
    return "  ".join(filter(None, [*parts, words]))


def as_html(label: str, fraction: float | None, words: str, state: str = "") -> str:
    """A bar in the colours of the page that it is on.

    Args:
        label: what goes on.
        fraction: how much of it is done, from 0 to 1; ``None`` if that is not known.
        words: what is being done.
        state: ``done``, ``failed`` or ``cancelled`` when it has ended.
    """
    colour = _COLOURS.get(state, _COLOURS[""])
    share = 0 if fraction is None else int(fraction * 100)
    now = "" if fraction is None else f' aria-valuenow="{share}"'
    percent = "" if fraction is None else f"{share} %"
    return (
        '<div class="jp-chariots-progress" style="display: flex; align-items: center; gap: 0.8em; '
        "font-family: var(--jp-ui-font-family, sans-serif); "
        f'font-size: var(--jp-ui-font-size1, 13px)"><span>{html.escape(label)}</span>'
        f'<div role="progressbar" aria-label="{html.escape(label)}" aria-valuemin="0" '
        f'aria-valuemax="100"{now} style="flex: 0 0 14em; height: 0.6em; border-radius: 0.3em; '
        f'overflow: hidden; background: {_TRACK}">'
        f'<div style="width: {share}%; height: 100%; background: {colour}"></div></div>'
        f'<span style="font-variant-numeric: tabular-nums">{percent}</span>'
        f"<span>{html.escape(words)}</span></div>"
    )
