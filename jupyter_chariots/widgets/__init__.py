"""In a notebook: a panel that shows pipelines and jobs, with buttons."""

from .panel import Panel, panel

__all__ = ["Panel", "panel"]
