"""Log files of children: what user code prints, kept small."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path
from typing import BinaryIO

__all__ = ["LIMIT", "open_log", "rotate"]

LIMIT = 1 << 20
"""Size in bytes from which a log is set aside as ``<name>.1``, replacing the one before."""


def open_log(path: Path) -> BinaryIO:
    """Open a log for appending; make its folder if need be."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with contextlib.suppress(FileNotFoundError):  # there is none, or another process was quicker
        if path.stat().st_size > LIMIT:
            os.replace(path, _previous(path))
    return open(path, "ab", buffering=0, opener=_private)


def rotate(path: Path, *descriptors: int) -> None:
    """Point the descriptors, all open on the log at ``path``, at a new file if it got too large.

    Several processes may write to one log: if another one has set it aside already, this only
    follows.
    """
    written = os.fstat(descriptors[0])
    if written.st_size <= LIMIT:
        return
    with contextlib.suppress(FileNotFoundError):
        if path.stat().st_ino == written.st_ino:
            os.replace(path, _previous(path))
    with open_log(path) as new:
        for descriptor in descriptors:
            os.dup2(new.fileno(), descriptor)


def _previous(path: Path) -> Path:
    return path.with_name(path.name + ".1")


def _private(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)
