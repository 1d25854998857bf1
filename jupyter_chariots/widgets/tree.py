"""Changing and closing widgets."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from ipywidgets import Widget

__all__ = ["close_all", "patch"]


def patch(widget: Widget, **values: Any) -> None:
    """Give a widget new values, in one message; what is as it was is not sent."""
    with widget.hold_sync():
        for name, value in values.items():
            if getattr(widget, name) != value:
                setattr(widget, name, value)


def close_all(widgets: Iterable[Widget]) -> None:
    """Close widgets with all that is in them; closing a box alone leaves its content behind."""
    left, seen = list(widgets), set[str]()
    while left:
        widget = left.pop()
        if widget is None or widget.comm is None or widget.model_id in seen:
            continue
        seen.add(widget.model_id)
        left += getattr(widget, "children", ())
        left += [getattr(widget, "layout", None), getattr(widget, "style", None)]
        widget.close()
