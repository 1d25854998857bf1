"""Imported by each Python that has this folder on its path: a process notes which named points it
passes, and ends itself at the one that is asked for.

``$FAULTS_FOLDER`` holds ``passed``, with a line for each point (``role point``), and ``cut``, with
the line at whose Nth pass a process ends. There is nothing to do until ``passed`` is there.
With ``$FAULTS_SHARED`` all files seem to be on a file system that several hosts share.
"""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path

ROLES = {
    "jupyter_chariots.workers.child": "child",
    "tests.faults.kernel": "kernel",
    "jupyter_chariots.cli": "shell",
}


def install(folder: Path) -> None:
    """Have the points of this process noted."""
    from jupyter_chariots import faults

    words = " ".join(sys.orig_argv)
    role = next((role for name, role in ROLES.items() if name in words), "server")
    passed, cut = folder / "passed", folder / "cut"

    def reached(point: faults.Point) -> None:
        line = f"{role} {point}"
        try:
            with open(os.open(passed, os.O_WRONLY | os.O_APPEND), "w") as file:
                file.write(f"{line}\n")
        except FileNotFoundError:
            return
        try:
            wanted, _, times = cut.read_text().rpartition(" ")
        except FileNotFoundError:
            return
        if wanted == line and passed.read_text().splitlines().count(line) >= int(times):
            cut.rename(folder / "was_cut")  # nobody else does
            os.kill(os.getpid(), signal.SIGKILL)

    faults.reached = reached


def share() -> None:
    """Have all files be on a file system that several hosts share, and that so has no WAL."""
    from jupyter_chariots.op_store import filesystems

    filesystems.mounts = lambda: "host:/ / nfs4 rw 0 0"


if "FAULTS_SHARED" in os.environ:
    share()
if "FAULTS_FOLDER" in os.environ:
    install(Path(os.environ["FAULTS_FOLDER"]))
