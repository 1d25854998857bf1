"""Where a state came to be: machine, Python, notebook and kernel, code repository, packages."""

from __future__ import annotations

import functools
import json
import os
import platform
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ..versioning.cells import notebook
from ..versioning.packages import packages_of
from ..versioning.secrets import without_secrets
from .ops import LoadableOp

__all__ = ["came_from", "facts_of", "kernel", "network", "surroundings"]

_GIT_SECONDS = 30.0  # how long what git said stays good: asking takes longer than a small fit
_git: dict[str, tuple[float, dict[str, Any] | None]] = {}

_sent_by: dict[str, Any] = {}  # notebook and kernel that sent what this process runs


def came_from(header: Mapping[str, Any]) -> None:
    """Say that what this process runs came from a notebook, with this header of its definition."""
    known = {"notebook": header.get("notebook"), "kernel": header.get("kernel")}
    _sent_by.update({name: value for name, value in known.items() if value})


def surroundings() -> dict[str, Any]:
    """Host, Python, notebook, kernel and git commit of this process, as JSON values."""
    facts: dict[str, Any] = {"host": platform.node(), "python": platform.python_version()}
    known = {"notebook": notebook(), "kernel": kernel(), **_sent_by, "git": _git_facts(os.getcwd())}
    return {**facts, **{name: value for name, value in known.items() if value}}


def facts_of(op: LoadableOp) -> dict[str, Any]:
    """What is known of a state that an op has just learned: its code, packages, parameters.

    Packages are those that the code names and those whose objects the op holds.
    """
    code, own = op.code.facts(), op.facts()
    held = packages_of([vars(op), vars(op._op_state)])
    facts = {**code, "packages": {**held, **code["packages"]}, **own}
    if "parameters" in facts:
        facts["parameters"] = without_secrets(facts["parameters"])
    file = getattr(sys.modules.get(op.code.origin), "__file__", None)
    git = _git_facts(os.path.dirname(os.path.abspath(file))) if file else None
    return {**facts, "git": git} if git else facts


@functools.lru_cache(maxsize=1)
def kernel() -> dict[str, Any] | None:
    """The Jupyter kernel that this process is; ``None`` if it is none.

    Its ``id``, ``python`` and ``executable``, and the ``name`` and ``display_name`` of its
    specification where they can be found.
    """
    connect = sys.modules.get("ipykernel.connect")
    if connect is None:
        return None
    try:
        file = Path(connect.get_connection_file())
    except Exception:  # not in a kernel, or one that is embedded
        return None
    facts = {
        "id": file.stem.removeprefix("kernel-"),
        "python": platform.python_version(),
        "executable": sys.executable,
    }
    try:
        name = json.loads(file.read_text(encoding="utf-8")).get("kernel_name")
    except (OSError, ValueError, AttributeError):
        name = None
    return {**facts, "name": name, "display_name": _display_name(name)} if name else facts


def _display_name(name: str) -> str | None:
    try:
        from jupyter_client.kernelspec import KernelSpecManager

        found: str = KernelSpecManager().get_kernel_spec(name).display_name
    except Exception:  # the server may know kernels that this environment does not
        return None
    return found


@functools.lru_cache(1)
def network() -> str | None:
    """What the local addresses belong to: a running machine, or a container with a network of its
    own. ``None`` where that cannot be told.
    """
    try:
        with open("/proc/sys/kernel/random/boot_id", encoding="ascii") as file:
            return f"{file.read().strip()} {os.readlink('/proc/self/ns/net')}"
    except OSError:
        return None


def _git_facts(folder: str) -> dict[str, Any] | None:
    """Commit of the folder's repository and whether files of it were changed since."""
    asked, facts = _git.get(folder, (-_GIT_SECONDS, None))
    if time.monotonic() - asked < _GIT_SECONDS:
        return facts
    facts = None
    commit = _ask_git(folder, "rev-parse", "HEAD")
    if commit is not None:
        changes = _ask_git(folder, "status", "--porcelain", "--untracked-files=no")
        facts = {"commit": commit, "dirty": None if changes is None else bool(changes)}
    _git[folder] = time.monotonic(), facts
    return facts


def _ask_git(folder: str, *args: str) -> str | None:
    try:
        done = subprocess.run(
            ["git", "-C", folder, "--no-optional-locks", *args],
            capture_output=True,
            text=True,
            timeout=2,
            stdin=subprocess.DEVNULL,
            check=False,
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout.strip() if done.returncode == 0 else None
