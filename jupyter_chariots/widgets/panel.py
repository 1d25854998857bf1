"""``panel()``: pipelines and jobs of the server in the output of a cell, with buttons."""

from __future__ import annotations

import asyncio
from datetime import datetime, timezone
from typing import Any

from ipywidgets import HTML, Button, Layout, VBox

from ..errors import BadRequest, ChariotsError
from . import shown
from .background import Background
from .door import Door
from .feed import Feed, Seen
from .lists import Lists, contents
from .saved import MIME, kept
from .tree import close_all
from .words import View

__all__ = ["Panel", "panel"]

_PATIENCE_S = 10.0
_feed = Feed()


class Panel(VBox):  # type: ignore[misc]
    """The pipelines of the server, their versions and jobs, with buttons.

    It is a widget of widgets that every front end has. In JupyterLab and Notebook 7 the extension
    draws it instead, by the media type that comes with it (see ``saved.py``): it is the front end
    that knows what it has, a kernel cannot; and a model of our own would send those without the
    extension to look for code of its name on public hosts.

    The buttons are made, and the server is followed, only once it is on a screen as widgets: the
    front end says so by counting views. Where it does not, a button is there for it.

    Args:
        pipeline: name of the only pipeline to show; ``None`` for all.
    """

    def __init__(self, pipeline: str | None = None) -> None:
        super().__init__(_view_count=0)
        self.add_class("chariots-widget")
        self._pipeline = pipeline
        self._seen = _look()
        self._scheduled = self._following = False
        self._lists: Lists | None = None
        self._summary = HTML()
        self._begin_button = Button(
            description="Show buttons", icon="refresh", layout=Layout(width="auto")
        )
        self._begin_button.on_click(lambda _: self._begin())
        self._background = _kernel()
        begin = [self._begin_button] if self._background else []
        self.children = [self._summary, *begin]
        self._summarise()
        self.observe(self._viewed, "_view_count")

    def close(self) -> None:
        """Take it away, and follow the server no more."""
        self._rest()
        if self._lists is not None:
            self._lists.close()
        close_all([self._summary, self._begin_button, self.layout])
        super().close()

    def __repr__(self) -> str:
        pipelines, jobs = self._contents()
        text = shown.as_text(pipelines, jobs, self._seen.at)
        return f"{text}\n  {self._seen.trouble}" if self._seen.trouble else text

    def _repr_mimebundle_(self, **kwargs: Any) -> dict[str, Any]:
        if not self._following:
            self._seen = _look()
        pipelines, jobs = self._contents()
        bundle = dict(super()._repr_mimebundle_(**kwargs) or {})
        bundle["text/plain"] = repr(self)
        bundle["text/html"] = self._as_html()
        bundle[MIME] = kept(self._pipeline, pipelines, jobs, self._seen.at)
        return bundle

    def _contents(self) -> tuple[list[View], list[View]]:
        return contents(self._seen.snapshot, self._pipeline)

    def _as_html(self) -> str:
        pipelines, jobs = self._contents()
        html = shown.as_html(pipelines, jobs, self._seen.at)
        return html + (shown.failure(self._seen.trouble) if self._seen.trouble else "")

    def _summarise(self) -> None:
        self._summary.value = self._as_html()

    def _viewed(self, change: Any) -> None:
        if change["new"]:
            self._begin()
        else:  # the last view is gone; the next one begins anew
            self._rest()

    def _begin(self) -> None:
        """Make the buttons, and follow the server from now on."""
        if self._background is None:
            return
        if self._lists is None:
            self._lists = Lists(self._pipeline, Door(), self._background)
            self._update()
            self.children = self._lists.boxes
        self._following = True
        _feed.listen(self._hear)

    def _rest(self) -> None:
        """Follow the server no more."""
        self._following = False
        _feed.leave(self._hear)

    def _hear(self, seen: Seen) -> None:
        """Take what the feed's thread says to the kernel's loop; of many only the last counts."""
        self._seen = seen
        if self._scheduled or self._background is None:
            return
        self._scheduled = True
        if not self._background.on_loop(self._update):
            self._rest()

    def _update(self) -> None:
        self._scheduled = False
        if self._lists is not None and self.comm is not None:
            self._lists.update(self._seen, datetime.now(timezone.utc))


def _look() -> Seen:
    try:
        return Seen(Door(timeout=_PATIENCE_S).snapshot())
    except ChariotsError as error:
        return Seen(trouble=error)


def _kernel() -> Background | None:
    """The loop of the kernel that this runs in; without one nobody could press a button."""
    try:
        return Background(asyncio.get_running_loop())
    except RuntimeError:
        return None


def panel(pipeline: Any = None) -> Panel:
    """A panel of the server's pipelines and jobs; it follows what happens there, whoever does it.

    Args:
        pipeline: the only one to show, or its name; by default those of this notebook, with a
            button for all.

    Raises:
        BadRequest: it is neither a pipeline nor a name.
    """
    name = pipeline if pipeline is None or isinstance(pipeline, str) else _name(pipeline)
    return Panel(name)


def _name(pipeline: Any) -> str:
    name = getattr(pipeline, "name", None)
    if not isinstance(name, str):
        raise BadRequest(
            f"{type(pipeline).__name__} is no pipeline.", hint="Give a pipeline or its name."
        )
    return name
