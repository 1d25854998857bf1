"""sqlite-utils, without the pandas and numpy that it imports where they are installed.

It wants them for the types of columns that it makes from values, which the store never asks of
it; they take 0.3 s, which every child process and the Jupyter server would spend.
"""

from __future__ import annotations

import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.abc import MetaPathFinder

__all__ = ["Database", "Migrations", "hidden"]


class _Hider(MetaPathFinder):
    """Says that packages are not installed; only to the thread that made it, others import on."""

    def __init__(self, names: tuple[str, ...]) -> None:
        self._names, self._thread = names, threading.get_ident()

    def find_spec(self, fullname: str, path: object = None, target: object = None) -> None:
        """Refuse what is hidden, and leave the rest to the other finders."""
        if fullname in self._names and threading.get_ident() == self._thread:
            raise ModuleNotFoundError(f"No module named {fullname!r}", name=fullname)


@contextmanager
def hidden(*names: str, from_: str) -> Iterator[None]:
    """Import ``from_`` as if packages were not installed, unless they are imported already.

    That import is then for the caller alone: other code that imports ``from_`` gets it whole.
    """
    if from_ in sys.modules or all(name in sys.modules for name in names):
        yield
        return
    hider = _Hider(names)
    sys.meta_path.insert(0, hider)
    try:
        yield
    finally:
        sys.meta_path.remove(hider)
        for name in [name for name in sys.modules if name.partition(".")[0] == from_]:
            del sys.modules[name]


with hidden("numpy", "pandas", from_="sqlite_utils"):
    from sqlite_utils import Database, Migrations
