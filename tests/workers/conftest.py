"""Real children, a real store, and user modules in a folder of their own."""

from __future__ import annotations

import asyncio
import contextlib
import textwrap
import uuid
from collections.abc import Awaitable, Callable, Coroutine
from pathlib import Path
from typing import Any

import pytest

from jupyter_chariots.op_store import OpStore
from jupyter_chariots.op_store.records import Definition
from jupyter_chariots.workers.describe import describe
from jupyter_chariots.workers.launcher import Launcher

DEADLINE = 60.0
WHOLE = 4 * DEADLINE
"""Seconds that a condition, and that a test may take; they only keep it from hanging."""


class Workshop:
    """A folder with user modules, a store and the launcher of a server that works there."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.store_path = folder / ".chariots" / "op_store.db"
        self.store_path.parent.mkdir()
        self.launcher = self.launch()
        self.store = OpStore(self.store_path)

    def launch(self, **options: Any) -> Launcher:
        """A launcher with other options."""
        logs = self.store_path.parent / "logs"
        return Launcher(self.store_path, cwd=self.folder, logs=logs, **options)

    def module(self, source: str, name: str | None = None) -> str:
        """Write a user module; returns its name."""
        name = name or f"user_{uuid.uuid4().hex}"
        (self.folder / f"{name}.py").write_text(textwrap.dedent(source))
        return name

    async def define(self, source: str) -> dict[str, Definition]:
        """Write a module and register its pipelines; by name."""
        name = self.module(source, "user_pipelines")
        described, errors = await describe([name], self.launcher)
        assert not errors, errors
        register = self.store.register
        return {
            spec.name: register(spec, owner=owner, source=dict(source))
            for spec, source, owner in described
        }

    async def in_thread(self, method: Callable[..., Any], *args: Any) -> Any:
        """Run a method of the store in a thread, as the server does."""
        return await asyncio.to_thread(method, self.store, *args)

    def mark(self, name: str) -> None:
        """Make the file that user code waits for."""
        (self.folder / name).touch()

    async def seen(self, name: str) -> None:
        """Wait for the file that user code makes."""
        await until((self.folder / name).exists)


async def until(condition: Callable[[], Any]) -> None:
    """Wait until the condition is true."""
    async with _Deadline():
        while not condition():
            await asyncio.sleep(0.005)


class _Deadline:
    """Fails what takes too long."""

    async def __aenter__(self) -> None:
        task = asyncio.current_task()
        assert task
        self._handle = asyncio.get_running_loop().call_later(DEADLINE, task.cancel)

    async def __aexit__(self, *_: object) -> None:
        self._handle.cancel()


def alive(pid: int) -> bool:
    """Whether a process runs; one that merely nobody has waited for does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except (FileNotFoundError, ProcessLookupError):
        return False


def children() -> set[int]:
    """Ids of the processes that this one has started and that run."""
    listed: list[str] = []
    for path in Path("/proc/self/task").glob("*/children"):
        with contextlib.suppress(OSError):  # a thread that has just ended
            listed += path.read_text().split()
    return {pid for pid in map(int, listed) if alive(pid)}


@pytest.fixture
def run() -> Callable[[Coroutine[Any, Any, Any]], Any]:
    """Runs a coroutine to its end, with a deadline."""

    def finish(work: Awaitable[Any]) -> Any:
        return asyncio.run(asyncio.wait_for(work, WHOLE))  # type: ignore[arg-type]

    return finish


@pytest.fixture
def workshop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """A place to work in, with Jupyter folders of its own."""
    monkeypatch.setenv("JUPYTER_DATA_DIR", str(tmp_path / "jupyter"))
    folder = tmp_path / "work"
    folder.mkdir()
    made = Workshop(folder)
    yield made
    made.store.close()


@pytest.fixture
def patient(monkeypatch):
    """However busy the machine is, nothing is killed for being slow to listen."""
    monkeypatch.setattr("jupyter_chariots.workers.outstanding.GRACE", 60.0)
