"""Which processes there are, for tests that count what is left."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple


class Process(NamedTuple):
    """A process; the time of its start tells it from a later one of the same id."""

    pid: int
    started: str

    @property
    def alive(self) -> bool:
        """Whether it runs; one that merely nobody has waited for does not."""
        fields = _stat(self.pid)
        return bool(fields) and fields[0] not in "ZX" and fields[19] == self.started

    @property
    def command(self) -> str:
        """Its command line."""
        try:
            return Path(f"/proc/{self.pid}/cmdline").read_text().replace("\0", " ").strip()
        except OSError:
            return ""


def _stat(pid: int) -> list[str]:
    try:
        return Path(f"/proc/{pid}/stat").read_text(errors="replace").rpartition(")")[2].split()
    except OSError:
        return []


def descendants(pid: int) -> set[Process]:
    """The processes that this one has started and that run, and theirs, and so on."""
    table = {int(path.name): _stat(int(path.name)) for path in Path("/proc").glob("[0-9]*")}
    found: set[int] = set()
    left = [pid]
    while left:
        parent = str(left.pop())
        children = {
            child
            for child, fields in table.items()
            if fields and fields[0] not in "ZX" and fields[1] == parent
        }
        left += children - found
        found |= children
    return {Process(child, table[child][19]) for child in found}
