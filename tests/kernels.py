"""Notebooks whose kernels belong to a running Jupyter server, cell by cell."""

from __future__ import annotations

import contextlib
import json
import textwrap
import time
import urllib.request
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Any

import nbformat
from jupyter_client.blocking.client import BlockingKernelClient

from .live import LiveServer


class CellFailed(Exception):
    """A cell raised; ``name`` is the class of what it raised, ``said`` its message."""

    def __init__(self, name: str, said: str, traceback: list[str]) -> None:
        super().__init__("\n".join(traceback))
        self.name, self.said = name, said


class Notebook:
    """A notebook that is open in a server; it is closed, kernel and all, at the end of ``with``.

    Args:
        server: the server.
        path: of the notebook below the server's root; it is made if it is not there.
    """

    def __init__(self, server: LiveServer, path: str = "notebook.ipynb") -> None:
        self.server, self.path = server, path
        self.file = Path(server.root) / path
        if not self.file.exists():
            self.file.parent.mkdir(parents=True, exist_ok=True)
            nbformat.write(nbformat.v4.new_notebook(), self.file)
        body = {"path": path, "name": self.file.name, "type": "notebook"}
        session = self._api("POST", "sessions", {**body, "kernel": {"name": "python3"}})
        self.id, self.kernel_id = session["id"], session["kernel"]["id"]
        self._connect()

    def _connect(self) -> None:
        file = self.server.runtime_dir / f"kernel-{self.kernel_id}.json"
        until = time.monotonic() + 120
        while True:
            self._client = BlockingKernelClient(connection_file=str(file))
            self._client.load_connection_file()
            # without heartbeats, which a busy machine delays for longer than the client waits
            self._client.start_channels(hb=False)
            try:
                return self._client.wait_for_ready(timeout=20)
            except RuntimeError:  # somebody else took its ports, and the server gave it others
                self._client.stop_channels()
                if time.monotonic() > until:
                    raise

    def run(
        self, source: str, timeout: float = 60.0, heard: Callable[[str], object] | None = None
    ) -> str:
        """Execute a cell; what it printed and showed, as text.

        ``heard`` gets each piece of that as it comes, and what takes the place of one.
        """
        shown: list[str] = []
        displays: dict[str, int] = {}  # by id, what of it may still change or vanish
        failures: list[CellFailed] = []

        def add(text: str) -> None:
            shown.append(text)
            if heard:
                heard(text)

        def note(message: dict[str, Any]) -> None:
            content = message["content"]
            if message["msg_type"] == "stream":
                add(content["text"])
            elif message["msg_type"] in ("display_data", "execute_result"):
                displays[content.get("transient", {}).get("display_id", "")] = len(shown)
                add(content["data"].get("text/plain", "") + "\n")
            elif message["msg_type"] == "update_display_data":
                text = content["data"].get("text/plain", "")
                shown[displays[content["transient"]["display_id"]]] = text and text + "\n"
                if heard and text:
                    heard(text + "\n")
            elif message["msg_type"] == "error":
                failed = content["ename"], content["evalue"], content["traceback"]
                failures.append(CellFailed(*failed))

        self._client.execute_interactive(
            textwrap.dedent(source),
            allow_stdin=False,
            stop_on_error=False,
            output_hook=note,
            timeout=timeout,
        )
        if failures:
            raise failures[0]
        return "".join(shown)

    def interrupt(self) -> None:
        """As the button with the square does."""
        self._api("POST", f"kernels/{self.kernel_id}/interrupt")

    def restart_kernel(self) -> None:
        """As "Restart" in the menu: the same notebook with a new kernel process."""
        self._client.stop_channels()
        self._api("POST", f"kernels/{self.kernel_id}/restart", {})
        self._connect()

    def shut_down(self) -> None:
        """End the kernel."""
        self._client.stop_channels()
        self._api("DELETE", f"sessions/{self.id}")

    def rename(self, path: str) -> None:
        """Give the notebook another name while its kernel goes on."""
        self.file = self.file.rename(self.server.root / path)
        self._api("PATCH", f"sessions/{self.id}", {"path": path, "name": self.file.name})

    def _api(self, method: str, path: str, body: Any = None) -> Any:
        request = urllib.request.Request(
            f"{self.server.server_url}api/{path}",
            None if body is None else json.dumps(body).encode(),
            {"Authorization": f"token {self.server.token}"},
            method=method,
        )
        with urllib.request.urlopen(request, timeout=60) as answer:
            text = answer.read()
        return json.loads(text) if text else None

    def __enter__(self) -> Notebook:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._client.stop_channels()
        if self.server.process is not None:
            with contextlib.suppress(OSError):  # shut down before, or of a server before this one
                self._api("DELETE", f"sessions/{self.id}")
