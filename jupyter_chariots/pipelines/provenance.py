"""Where a state came to be: machine, Python, code repository."""

from __future__ import annotations

import os
import platform
import subprocess
import time
from typing import Any

__all__ = ["surroundings"]

_GIT_SECONDS = 30.0  # how long what git said stays good: asking takes longer than a small fit
_git: tuple[str, float, dict[str, Any] | None] | None = None


def surroundings() -> dict[str, Any]:
    """Host, Python and git commit of this process, as JSON values."""
    facts: dict[str, Any] = {"host": platform.node(), "python": platform.python_version()}
    notebook = os.environ.get("JPY_SESSION_NAME")
    if notebook:
        facts["notebook"] = notebook
    git = _git_facts(os.getcwd())
    if git is not None:
        facts["git"] = git
    return facts


def _git_facts(folder: str) -> dict[str, Any] | None:
    """Commit of the folder's repository and whether files of it were changed since."""
    global _git
    if _git is not None and _git[0] == folder and time.monotonic() - _git[1] < _GIT_SECONDS:
        return _git[2]
    facts: dict[str, Any] | None = None
    commit = _ask_git(folder, "rev-parse", "HEAD")
    if commit is not None:
        changes = _ask_git(folder, "status", "--porcelain", "--untracked-files=no")
        facts = {"commit": commit, "dirty": None if changes is None else bool(changes)}
    _git = folder, time.monotonic(), facts
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
