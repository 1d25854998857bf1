"""How the children of a server are started: interpreter, folder, store, configuration."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from ..errors import ConfigurationError, NotTrusted
from ..op_store.records import Definition
from .frames import PROTOCOL
from .guard_process import GuardProcess
from .logs import log_of
from .process import Child

__all__ = ["Launcher"]

_PACKAGE_PARENT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True)
class Launcher:
    """Starts children.

    Attributes:
        store_path: the database of the op store.
        cwd: the folder that children run in, and import from first.
        logs: the folder of their logs, one file per pipeline.
        python: their interpreter.
        path: further folders that they import from.
        env: environment variables that they have beyond those of this process.
        store_options: further arguments of ``OpStore``, as JSON values.
        runner: dotted path of the runner's class; ``SequentialRunner`` if not given.
        callbacks: dotted paths of the classes of ``default_pipeline_callbacks``.
        start_timeout: seconds that imports and loading may take.
        call_timeout: seconds that a run that changes nothing may take.
        memory_limit: bytes that each process may allocate.
        niceness: how much workers give way to other processes, 0 to 19.
        guard: ends the children when the server is gone. Without one, they end themselves, but not
            while C code keeps them from it, and not all that they have started.
    """

    store_path: Path
    cwd: Path
    logs: Path
    python: str = sys.executable
    path: tuple[str, ...] = ()
    env: Mapping[str, str] = field(default_factory=dict)
    store_options: Mapping[str, Any] = field(default_factory=dict)
    runner: str | None = None
    callbacks: tuple[str, ...] = ()
    start_timeout: float = 300.0
    call_timeout: float | None = 60.0
    memory_limit: int | None = None
    niceness: int = 0
    guard: GuardProcess | None = None

    async def start(self, label: str, *, works: bool = False) -> Child:
        """A new child that has been told the settings.

        Args:
            label: what it is for: the name of a pipeline; also that of its log.
            works: whether it is a worker, which gives way to others.

        Raises:
            ChariotsError: it cannot be started; nothing is left of it.
        """
        log = log_of(self.logs, label)
        child = await Child.start(
            python=self.python,
            cwd=self.cwd,
            log=log,
            label=label,
            env=self._environment(),
            guard=self.guard,
        )
        setup = {
            "do": "setup",
            "path": self.path,
            "log": str(log),
            "store": str(self.store_path),
            "store_options": self.store_options,
            "runner": self.runner,
            "callbacks": self.callbacks,
            "memory_limit": self.memory_limit,
            "niceness": self.niceness if works else 0,
        }
        try:
            info, _ = await child.request(setup, timeout=self.start_timeout)
            if info.get("protocol") != PROTOCOL:
                raise ConfigurationError(
                    f"{self.python} has a release of jupyter_chariots that does not go with the "
                    "server's.",
                    hint="Install the same release in both environments.",
                )
        except BaseException:
            await child.dispose()
            raise
        return child

    async def host(self, definition: Definition, *, works: bool = False) -> Child:
        """A new child that has imported a pipeline, or opened its definition by value.

        Args:
            definition: the pipeline, as registered.
            works: whether it is a worker, which gives way to others.

        Raises:
            NotTrusted: this user did not sign the definition.
            Conflict: its code is not the code that was registered.
            ChariotsError: it cannot be imported, or not in time; nothing is left of the child.
        """
        if not definition.trusted:
            raise NotTrusted(
                f"The definition of pipeline {definition.name!r} was not signed by this user, or "
                "was changed since; it is not run.",
                hint="Serve the pipeline again.",
                pipeline=definition.name,
            )
        launcher = self
        if definition.source["kind"] == "pickle":
            launcher = self._as_notebook(definition.source["header"])
        child = await launcher.start(definition.name, works=works)
        header = {
            "do": "define",
            "source": definition.source,
            "spec": definition.spec.to_json(),
        }
        try:
            await child.request(header, timeout=self.start_timeout)
        except BaseException:
            await child.dispose()
            raise
        return child

    def _as_notebook(self, header: Mapping[str, Any]) -> Launcher:
        """A launcher for a definition from a notebook: interpreter, folder and all as there."""
        env = {**self.env, **header["env"]}
        if header["notebook"]:
            env["JPY_SESSION_NAME"] = header["notebook"]  # for the provenance of what is learned
        return replace(
            self,
            python=header["executable"],
            cwd=Path(header["folder"]),
            path=(*self.path, *header["path"]),
            env=env,
        )

    def _environment(self) -> dict[str, str]:
        environment = {**os.environ, **self.env}
        if _PACKAGE_PARENT.name not in ("site-packages", "dist-packages"):
            # a checkout: the child runs in another folder, but must find the same package
            paths = [*environment.get("PYTHONPATH", "").split(os.pathsep), str(_PACKAGE_PARENT)]
            environment["PYTHONPATH"] = os.pathsep.join(filter(None, dict.fromkeys(paths)))
        return environment
