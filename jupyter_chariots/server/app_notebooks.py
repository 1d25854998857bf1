"""Notebooks as apps: what their tagged cells define is served, as if the cells had served it.

Cells run only if this user has trusted them, in a child, once: from then on the definitions are in
the op store, and as long as nothing changes they are served from there.
"""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from logging import Logger
from pathlib import Path
from typing import Any
from weakref import WeakValueDictionary

from ..errors import (
    ChariotsError,
    ConfigurationError,
    InvalidNotebook,
    NotFound,
    TimedOut,
    Unavailable,
    WorkerLost,
)
from ..notebooks import AppNotebook, read_app
from ..op_store.notebook_trust import check_notebook
from ..pipelines.bundle import Bundle
from ..workers.cells import digests
from ..workers.launcher import Launcher
from ..workers.tasks import Tasks
from .bundles import read_bundle
from .interpreters import FindSpec, Interpreter, interpreter_of
from .notebooks import Notebooks
from .serving import ServedPipeline
from .threads import StoreThreads

__all__ = ["AppNotebooks", "AppSettings"]


@dataclass(frozen=True)
class AppSettings:
    """What the configuration says of notebooks.

    Attributes:
        paths: of the notebooks to serve, from the server's root.
        root: the server's root.
        find_spec: gives the kernelspec of a name.
        timeout: seconds that the cells of a notebook may run.
    """

    paths: Sequence[str]
    root: Path
    find_spec: FindSpec
    timeout: float


class AppNotebooks:
    """Serves notebooks. All methods belong to the event loop.

    Args:
        settings: of the configuration.
        store: of the server.
        launcher: how the child that runs the cells is started.
        notebooks: serves the definitions.
        pipelines: what the server serves, by name.
        log: of the extension.

    Attributes:
        failures: why notebooks are not served as they are now, by path.
    """

    def __init__(
        self,
        settings: AppSettings,
        store: StoreThreads,
        launcher: Launcher,
        notebooks: Notebooks,
        pipelines: Mapping[str, ServedPipeline],
        log: Logger,
    ) -> None:
        self.failures: dict[str, ChariotsError] = {}
        self._settings, self._store, self._launcher = settings, store, launcher
        self._notebooks, self._pipelines, self._log = notebooks, pipelines, log
        self._turns: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()
        self._loading: dict[str, asyncio.Task[None]] = {}
        self._tasks = Tasks()

    def start(self) -> None:
        """Begin to serve the notebooks of the configuration, each for itself."""
        for path in self._settings.paths:
            if path not in self._loading or self._loading[path].done():
                self._loading[path] = self._tasks.start(self._load(path))

    async def stop(self) -> None:
        """End the processes that run cells."""
        await self._tasks.cancel()

    async def wait_for(self, pipeline: str, timeout: float) -> None:
        """Wait until a pipeline is known, or all notebooks are served or have failed.

        Raises:
            Unavailable: it takes too long; the request may be repeated.
        """
        loop = asyncio.get_running_loop()
        until = loop.time() + timeout
        while pipeline not in self._pipelines:
            pending = {path: task for path, task in self._loading.items() if not task.done()}
            if not pending:
                return
            left = max(0.0, until - loop.time())
            first = asyncio.FIRST_COMPLETED
            done, _ = await asyncio.wait(pending.values(), timeout=left, return_when=first)
            if not done:
                raise Unavailable(
                    f"The server is still running the cells of {', '.join(pending)}.",
                    hint="Repeat the request in a moment.",
                    retry_after=2,
                )

    async def _load(self, path: str) -> None:
        try:
            await self.serve(path, None)
        except ChariotsError:
            pass  # is noted, and told to those who ask
        except Exception:
            self._log.exception("Notebook %s is not served", path)

    async def serve(
        self, given: str, who: str | None, *, replace_names: bool = False
    ) -> list[dict[str, Any]]:
        """Serve what the tagged cells of a notebook define; they run only where that is needed.

        What they defined before and no longer do is not served any more.

        Args:
            given: the path of the notebook, from the server's root.
            who: the user, if it is not the configuration.
            replace_names: take names of pipelines over from other notebooks.

        Returns:
            for each pipeline what was done, as the answer of ``POST /pipelines`` has it.

        Raises:
            NotFound, InvalidNotebook: there is no such notebook.
            NotTrusted: this user has not trusted its cells as they are now; they were not run.
            ConfigurationError: a cell failed, or the notebook cannot be run here.
            NameTaken: a name belongs to another notebook or module.
        """
        path = self._path(given)
        async with self._turns.setdefault(path, asyncio.Lock()):
            try:
                answers = await self._serve(path, who, replace_names)
            except ChariotsError as error:
                self._note(path, error)
                raise
            self.failures.pop(path, None)
            for entry in self._entries(path):
                entry.note(None)
            return answers

    async def _serve(self, path: str, who: str | None, replace_names: bool) -> list[dict[str, Any]]:
        app = await self._store.run(read_app, Path(path))
        await self._store.run(check_notebook, app.path, app.digest)
        find_spec = self._settings.find_spec
        interpreter = await self._store.run(interpreter_of, app.kernel, find_spec)
        facts = {
            "digest": app.digest,
            "python": [interpreter.python, interpreter.real],
            "env": interpreter.env,
        }
        known = self._entries(path)
        if not await self._store.run(_is_the_same, [_made_of(one) for one in known], facts):
            bundle = await self._run(app, interpreter, facts)
            bundle = replace(bundle, replace=replace_names)
            answers = await self._notebooks.serve(bundle, path, who)
            kept = {sent.spec.name for sent in bundle.pipelines}
            for entry in known:
                if entry.name not in kept and self._pipelines.get(entry.name) is entry:
                    self._log.warning("%s defines pipeline %r no more.", path, entry.name)
                    await self._notebooks.unserve(entry.name, who)
            return answers
        await asyncio.wait([entry.loading.restoring for entry in known])
        return await self._notebooks.serve_again([entry.definition for entry in known], who)

    async def _run(
        self, app: AppNotebook, interpreter: Interpreter, facts: Mapping[str, Any]
    ) -> Bundle:
        """Run the cells in a child; what they define, with what it was made of."""
        path = str(app.path)
        launcher = replace(
            self._launcher,
            python=interpreter.python,
            # not that of a link, whose folder may have other modules for the same cells
            cwd=app.path.parent,
            env={**self._launcher.env, **interpreter.env, "JPY_SESSION_NAME": path},
            start_timeout=self._settings.timeout,
        )
        cells = [[cell.number, cell.source] for cell in app.cells]
        request = {"do": "cells", "notebook": path, "env": sorted(interpreter.env)}
        self._log.info("Running the tagged cells of %s with %s", path, interpreter.python)
        child = None
        try:
            child = await launcher.start(app.path.name)
            answer, body = await child.request(
                request, json.dumps(cells).encode(), timeout=launcher.start_timeout
            )
        except (WorkerLost, TimedOut) as error:
            log = launcher.logs / f"{app.path.name}.log"
            raise ConfigurationError(
                f"The cells of {path} cannot be run: {error.message}",
                hint=f"{interpreter.python} has to have jupyter_chariots and ipykernel, and the "
                f"cells have to come to an end. Log: {log}.",
                notebook=path,
            ) from error
        finally:
            if child:
                await child.dispose()
        bundle = await self._store.run(read_bundle, bytes(body))
        names = [sent.spec.name for sent in bundle.pipelines]
        made_of = {**facts, "files": answer["files"], "pipelines": names}
        return replace(bundle, header={**bundle.header, "app": made_of})

    def _entries(self, path: str) -> list[ServedPipeline]:
        """What is served of a notebook because it is an app."""
        entries = [one for one in self._pipelines.values() if one.definition.owner == path]
        return [entry for entry in entries if _made_of(entry)]

    def _path(self, given: str) -> str:
        return os.path.abspath(os.path.join(self._settings.root, os.path.expanduser(given)))

    def _note(self, path: str, error: ChariotsError) -> None:
        """Remember and tell what is wrong; what was served before is served still."""
        self._log.error("%s is not served as it is now: %s\n%s", path, error, error.traceback or "")
        error.details.setdefault("notebook", path)
        entries = self._entries(path)
        configured = path in map(self._path, self._settings.paths)
        if isinstance(error, NotFound | InvalidNotebook) and not (entries or configured):
            return  # a slip of the one who asked is no news for the others
        self.failures[path] = error
        for entry in entries:
            entry.note(f"It is served as it was before, for the notebook cannot be: {error}")


def _made_of(entry: ServedPipeline) -> dict[str, Any]:
    """What a definition of an app was made of; empty for other definitions."""
    header = entry.definition.source.get("header") or {}
    return dict(header.get("app") or {})


def _is_the_same(known: Sequence[Mapping[str, Any]], facts: Mapping[str, Any]) -> bool:
    """Whether to run the cells again would give what is there: all of it, from the same things."""
    if not known:
        return False
    one = known[0]
    return (
        len(known) == len(one["pipelines"])
        and all(other == one for other in known)
        and all(one[name] == value for name, value in facts.items())
        and digests(one["files"]) == one["files"]
    )
