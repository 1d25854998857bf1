"""What a front end does with widgets: keeps their models, counts views, presses buttons.

It is connected to the kernel of a notebook beside the test's own client, as a second window is.
"""

from __future__ import annotations

import queue
import time
from collections.abc import Callable, Iterator
from typing import Any

from jupyter_client.blocking.client import BlockingKernelClient

from ..kernels import Notebook

VIEW = "application/vnd.jupyter.widget-view+json"
_REFERENCE = "IPY_MODEL_"


class FrontEnd:
    """The widgets of a kernel, as their messages say."""

    def __init__(self, notebook: Notebook) -> None:
        self.notebook = notebook
        file = notebook.server.runtime_dir / f"kernel-{notebook.kernel_id}.json"
        self._client = BlockingKernelClient(connection_file=str(file))
        self._client.load_connection_file()
        self._client.start_channels(hb=False)
        self._client.wait_for_ready(timeout=60)
        self.models: dict[str, dict[str, Any]] = {}
        self.shown: list[dict[str, Any]] = []
        self.updates = 0

    def close(self) -> None:
        self._client.stop_channels()

    def _hear(self, message: dict[str, Any]) -> None:
        kind, content = message["msg_type"], message["content"]
        if kind == "comm_open":
            self.models[content["comm_id"]] = dict(content["data"]["state"])
        elif kind == "comm_close":
            self.models.pop(content["comm_id"], None)
        elif kind == "comm_msg" and content["data"].get("method") in ("update", "echo_update"):
            self.updates += content["data"]["method"] == "update"
            self.models.setdefault(content["comm_id"], {}).update(content["data"]["state"])
        elif kind in ("display_data", "execute_result"):
            self.shown.append(content["data"])

    def until(self, condition: Callable[[], Any], what: str, deadline: float = 60.0) -> Any:
        """Take messages until the condition gives something true, and return that."""
        end = time.monotonic() + deadline
        while True:
            result = condition()
            if result:
                return result
            if time.monotonic() > end:
                raise AssertionError(f"waited {deadline} s for {what}; seen: {self.text()}")
            try:
                self._hear(self._client.get_iopub_msg(timeout=0.1))
            except queue.Empty:
                continue

    def take(self) -> None:
        """Take what has come."""
        while True:
            try:
                self._hear(self._client.get_iopub_msg(timeout=0.05))
            except queue.Empty:
                return

    def display(self) -> str:
        """The model of the widget that was displayed since; from now on it is on the screen."""
        self.until(lambda: self.shown and VIEW in self.shown[-1], "a widget")
        model = self.shown.pop()[VIEW]["model_id"]
        self.until(lambda: model in self.models, "its model")
        self.set(model, _view_count=1)
        return str(model)

    def set(self, model: str, **state: Any) -> None:
        """Change a model, as somebody who types does."""
        self.models[model].update(state)
        self._send(model, {"method": "update", "state": state, "buffer_paths": []})

    def click(self, model: str) -> None:
        """Press a button, if it can be pressed."""
        assert not self.models[model].get("disabled"), self.models[model]
        self._send(model, {"method": "custom", "content": {"event": "click"}})

    def _send(self, model: str, data: dict[str, Any]) -> None:
        session, channel = self._client.session, self._client.shell_channel
        channel.send(session.msg("comm_msg", {"comm_id": model, "data": data}))

    def inside(self, model: str) -> Iterator[str]:
        """A model and all that is in it."""
        yield model
        for child in self.models.get(model, {}).get("children", ()):
            yield from self.inside(child.removeprefix(_REFERENCE))

    def of_class(self, root: str, name: str) -> str | None:
        """The model inside of this one that has a class."""
        for one in self.inside(root):
            if name in self.models.get(one, {}).get("_dom_classes", ()):
                return one
        return None

    def kind(self, root: str, kind: str) -> list[str]:
        """The models of a kind inside of this one."""
        return [
            one
            for one in self.inside(root)
            if self.models.get(one, {}).get("_model_name") == f"{kind}Model"
        ]

    def text(self, root: str | None = None) -> str:
        """The markup inside of this one, or of all."""
        models = list(self.models) if root is None else list(self.inside(root))
        found = [self.models.get(one, {}) for one in models]
        return "\n".join(
            str(one["value"]) for one in found if one.get("_model_name") == "HTMLModel"
        )
