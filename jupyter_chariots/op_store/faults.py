"""Named points of a write, at which a test can cut the write off."""

from __future__ import annotations

__all__ = ["reached"]


def reached(point: str) -> None:
    """Called when a write passes ``point``; does nothing. A test replaces it in a child process."""
