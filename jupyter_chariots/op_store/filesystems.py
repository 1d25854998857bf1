"""File systems: which ones several hosts share."""

from __future__ import annotations

from pathlib import Path

__all__ = ["is_shared", "mounts"]

_SHARED = ("nfs", "cifs", "smb", "9p", "afs", "lustre", "gpfs", "beegfs", "ceph", "fuse.sshfs")


def is_shared(path: Path, mount_table: str) -> bool:
    """Whether ``path`` is on a file system that several hosts share.

    Args:
        path: an absolute path.
        mount_table: in the format of Linux's ``/proc/self/mounts``.
    """
    best, kind = -1, ""
    for line in mount_table.splitlines():
        fields = line.split()
        if len(fields) < 3:
            continue
        point = Path(fields[1].replace("\\040", " "))
        if (path == point or point in path.parents) and len(point.parts) >= best:
            best, kind = len(point.parts), fields[2]
    return kind.startswith(_SHARED)


def mounts() -> str:
    """The mount table; empty where there is none."""
    try:
        return Path("/proc/self/mounts").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
