"""Named points at which a test ends a process: between any two of them nothing half-done may stay.

They are all named here, so that the fault suite (``tests/faults``) knows what there is to try.
"""

from __future__ import annotations

from typing import Literal

__all__ = ["Point", "reached"]

Point = Literal[
    # a definition: in the kernel, then in the server
    "definition packed",
    "definition recorded",
    "definition served",
    "definition answered",
    # a run that changes state: in the server, then in the worker
    "attempt begun",
    "start chosen",
    "fitted",
    "blob written",
    "version recorded",
    "run recorded",
    "attempt ended",
    # a save
    "version named",
    # a load and the switch to it: in the replica, then in the server
    "states read",
    "states loaded",
    "replicas ready",
    "served row written",
    "switched",
    # a job
    "job recorded",
    "job claimed",
    "job ended",
    "dependents told",
    # a collection of what nothing needs
    "rows removed",
    # any change of the op store
    "before commit",
    "after commit",
]


def reached(point: Point) -> None:
    """Called when ``point`` is passed; does nothing. A test replaces it in a process of its own."""
