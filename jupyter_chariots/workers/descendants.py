"""All processes that a child has started, directly or not, and how they are ended.

Kept to a few modules of the standard library, for the guard imports it.
"""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import time
from collections.abc import Mapping
from typing import NamedTuple

__all__ = ["GRACE", "MARKER", "end"]

MARKER = "CHARIOTS_CHILD"
"""Environment variable that a child and all that it starts have in common."""

GRACE = 2.0
"""Seconds between a polite request to end and SIGKILL."""

_LAST = 3.0  # seconds after which what even SIGKILL does not end is left to the kernel


class _Process(NamedTuple):
    parent: int
    session: int
    started: str


def end(family: Mapping[int, str], *, at_once: bool = False, grace: float = GRACE) -> None:
    """End children and all their descendants: SIGTERM, SIGKILL for those that stay.

    SIGTERM comes first because what cleans up after others (the resource trackers of
    multiprocessing and loky, which remove shared memory) ignores it, and ends by itself as soon as
    the others have. Where there is ``/proc``, descendants are those of the same session, those
    that inherited the marker, and the children of any of these: starting a new session or
    clearing the environment is not enough to get away. Elsewhere it is the process group.

    Returns when all have ended. Never ends the process that calls it.

    Args:
        family: the marker of each child by its process id, which is also that of its session.
        at_once: end the children themselves by SIGKILL.
        grace: seconds until SIGKILL.
    """
    if sys.platform == "win32":  # no groups, no sessions
        for pid in family:
            with contextlib.suppress(OSError):
                os.kill(pid, signal.SIGTERM)
        return
    found: dict[int, str] = {}
    told: set[int] = set()
    kill_at = time.monotonic() + grace
    while (now := time.monotonic()) < kill_at + _LAST:
        members = _members(family, found)
        if not members:
            return
        for pid in members:
            if now >= kill_at or (at_once and abs(pid) in family):
                _send(pid, signal.SIGKILL)
            elif pid not in told:
                _send(pid, signal.SIGTERM)
        told |= members
        time.sleep(0.02)


def _send(pid: int, number: int) -> bool:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.kill(pid, number)
        return True
    return False


def _members(family: Mapping[int, str], found: dict[int, str]) -> set[int]:
    """Whom a signal reaches: process ids, or, without ``/proc``, those of groups as negatives.

    Args:
        family: as in :func:`end`.
        found: the start times of those seen before, who stay members when their parents are gone;
            new ones are added.
    """
    try:
        table = _processes()
    except FileNotFoundError:
        return {-leader for leader in family if _send(-leader, 0)}
    marks = [f"\0{MARKER}={marker}\0".encode() for marker in family.values()]
    children: dict[int, list[int]] = {}
    members = set()
    for pid, process in table.items():
        children.setdefault(process.parent, []).append(pid)
        if (
            pid in family
            or process.session in family
            or found.get(pid) == process.started
            or _marked(pid, marks)
        ):
            members.add(pid)
    left = list(members)
    while left:
        for child in children.get(left.pop(), ()):
            if child not in members:
                members.add(child)
                left.append(child)
    found.update((pid, table[pid].started) for pid in members)
    return members


def _marked(pid: int, marks: list[bytes]) -> bool:
    try:
        with open(f"/proc/{pid}/environ", "rb") as file:
            environment = b"\0" + file.read()
    except OSError:  # it has just ended
        return False
    return any(mark in environment for mark in marks)


def _processes() -> dict[int, _Process]:
    """The processes of this user that run, but for the one that asks.

    Raises:
        FileNotFoundError: there is no ``/proc``.
    """
    if not os.path.exists("/proc/self/stat"):
        raise FileNotFoundError("/proc")
    user = os.getuid()
    table = {}
    for name in os.listdir("/proc"):
        if not name.isdigit() or int(name) == os.getpid():
            continue
        try:
            if os.stat(f"/proc/{name}").st_uid != user:
                continue
            with open(f"/proc/{name}/stat", "rb") as file:
                # the name in parentheses may contain anything
                fields = file.read().decode("ascii", "replace").rpartition(")")[2].split()
        except OSError:
            continue
        if fields[0] not in "ZX":  # those have ended already
            table[int(name)] = _Process(int(fields[1]), int(fields[3]), fields[19])
    return table
