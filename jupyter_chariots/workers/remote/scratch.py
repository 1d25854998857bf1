"""The store that a worker elsewhere runs a job on, and the processes that run it."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import shutil
import sys
import tempfile
import threading
from collections import OrderedDict
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from ...formats import Received
from ...op_store import Beginning, OpStore
from ...op_store.records import Definition
from ...versioning.spec import PipelineSpec, RunRecord
from ..guard_process import GuardProcess
from ..launcher import Launcher
from ..trainers import Trainers

try:
    import fcntl
except ImportError:  # Windows: what a killed worker leaves is for the system to remove
    fcntl = None  # type: ignore[assignment]

__all__ = ["Scratch"]

_KEEP = 2 << 30  # bytes of states that stay for later jobs
_PREFIX = "chariots-worker-"
_LOCK = "lock"
_WARM = 4  # pipelines whose processes stay

Fetch = Callable[[Mapping[str, str]], Received]


class Scratch:
    """A temporary folder with an op store in it, and warm processes that see no other store.

    One job at a time. Its methods block, but for those that are coroutines.
    """

    def __init__(self) -> None:
        _remove_left()
        self.folder = Path(tempfile.mkdtemp(prefix=_PREFIX))
        self._lock = _locked(self.folder)
        self.store = OpStore(self.folder / "op_store.db", candidate_ttl=None)
        self._guard = GuardProcess() if os.name == "posix" else None
        self._trainers: tuple[str, Trainers] | None = None
        self._warm: OrderedDict[str, Definition] = OrderedDict()
        self._preparing = threading.Lock()  # one that was given up may still wait for bytes

    def prepare(self, given: Mapping[str, Any], fetch: Fetch) -> Definition:
        """Take on what a run starts from.

        Args:
            given: what the server said to ``start``.
            fetch: brings the bytes that are not here yet.

        Raises:
            ChariotsError: they cannot be had, or the disk is full.
        """
        begun = given["beginning"]
        beginning = Beginning(begun["started"], tuple(begun["versions"]))
        with self._preparing:
            if self.store.wipe() > _KEEP:
                self.store.gc()
            definition = self._define(given["definition"], fetch)
            for ref in beginning.states:
                if not self.store.has_blob(ref.blob):
                    what = {"what": "state", "op": ref.op, "version": str(ref.version)}
                    self.store.keep_blob(ref.blob, fetch(what))
            self.store.begin_with(definition.spec, beginning)
        return definition

    def _define(self, given: Mapping[str, Any], fetch: Fetch) -> Definition:
        spec = PipelineSpec.from_json(given["spec"])
        source = given["source"]
        if source["kind"] != "pickle":
            return self.store.register(spec, owner="worker", source=source, replace=True)
        if self.store.has_blob(source["blob"]):
            data = self.store.blob(source["blob"])
        else:
            data = bytes(fetch({"what": "definition"}))
            self.store.keep_blob(source["blob"], data)
        header = _here(source["header"])
        (definition,) = self.store.register_by_value(
            [spec], [data], [header], owner="worker", replace=True
        )
        return definition

    def left_by(self, definition: Definition, run_id: str) -> RunRecord:
        """What a run left."""
        return self.store.left_by(definition.name, run_id)

    async def trainers(self, definition: Definition, settings: Mapping[str, Any]) -> Trainers:
        """The processes, for what the server's configuration says; they stay while it says so.

        Args:
            definition: what they shall run; those end that ran the one that was not run for the
                longest time.
            settings: ``runner`` and ``callbacks`` as in :class:`Launcher`.
        """
        trainers = await self._trainers_for(settings)
        self._warm[definition.name] = definition
        self._warm.move_to_end(definition.name)
        if len(self._warm) > _WARM:
            await trainers.forget(self._warm.popitem(last=False)[1])
        return trainers

    async def _trainers_for(self, settings: Mapping[str, Any]) -> Trainers:
        key = json.dumps(settings, sort_keys=True)
        if self._trainers is not None and self._trainers[0] == key:
            return self._trainers[1]
        if self._trainers is not None:
            await self._trainers[1].stop()
        launcher = Launcher(
            store_path=self.store.path,
            cwd=Path.cwd(),
            logs=self.folder / "logs",
            runner=settings["runner"],
            callbacks=tuple(settings["callbacks"]),
            guard=self._guard,
        )
        self._trainers = key, Trainers(launcher, self._call)
        return self._trainers[1]

    async def _call(self, method: Callable[..., Any], *args: Any) -> Any:
        return await asyncio.to_thread(method, self.store, *args)

    async def close(self) -> None:
        """End the processes and remove the folder."""
        if self._trainers is not None:
            await self._trainers[1].stop()
        if self._guard is not None:
            await asyncio.to_thread(self._guard.close)
        self.store.close()
        await asyncio.to_thread(shutil.rmtree, self.folder, ignore_errors=True)
        if self._lock is not None:
            os.close(self._lock)


def _here(header: Mapping[str, Any]) -> dict[str, Any]:
    """The header of a definition from another machine: interpreter and folder as there are here."""
    folder = header["folder"] if os.path.isdir(header["folder"]) else os.getcwd()
    return {**header, "executable": sys.executable, "folder": folder}


def _locked(folder: Path) -> int | None:
    """Lock a folder for as long as this process lives; never seen without its lock being held."""
    if fcntl is None:
        return None
    draft = folder / f".{_LOCK}"
    descriptor = os.open(draft, os.O_RDWR | os.O_CREAT, 0o600)
    fcntl.flock(descriptor, fcntl.LOCK_EX)
    draft.rename(folder / _LOCK)
    return descriptor


def _remove_left() -> None:
    """Remove the folders of this user's workers that were killed."""
    for folder in Path(tempfile.gettempdir()).glob(f"{_PREFIX}*"):
        with contextlib.suppress(OSError):  # another worker was quicker, or it lives
            if fcntl is None or folder.is_symlink() or folder.stat().st_uid != os.getuid():
                continue
            descriptor = os.open(folder / _LOCK, os.O_RDWR)
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                shutil.rmtree(folder, ignore_errors=True)
            finally:
                os.close(descriptor)
