"""``jupyter chariots …``: the pipelines of a server from a shell."""

from .run import main

__all__ = ["main"]
