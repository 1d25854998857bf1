"""The installed packages that something uses, with their versions."""

from __future__ import annotations

import functools
import sys
from collections import deque
from collections.abc import Iterable
from typing import Any

from .source import is_user_module

__all__ = ["package_of", "packages_of", "version_of_package"]

_MOST = 2000  # objects that are looked at


def package_of(module: str) -> str | None:
    """The installed package that a module belongs to; ``None`` for the standard library and for
    the user's own modules.
    """
    top = module.partition(".")[0]
    return None if top in sys.stdlib_module_names or is_user_module(module) else top


def version_of_package(top: str) -> str | None:
    """The version of an imported or installed package; ``None`` if it says none."""
    version = getattr(sys.modules.get(top), "__version__", None)
    return version if isinstance(version, str) else _installed_version(top)


@functools.lru_cache(maxsize=1024)
def _installed_version(top: str) -> str | None:
    import importlib.metadata  # takes 20 ms, and most packages say it themselves

    try:
        return importlib.metadata.version(top)
    except (importlib.metadata.PackageNotFoundError, ValueError):
        return None


def packages_of(roots: Iterable[Any]) -> dict[str, str]:
    """The packages whose classes the objects are of, and what they hold; versions by name.

    Of large structures the first 2000 objects count: a model names its library at its outside.
    """
    waiting = deque(roots)
    seen: set[int] = set()
    kept: list[Any] = []  # alive, so that no id comes again
    found: set[str] = set()
    while waiting and len(seen) < _MOST:
        thing = waiting.popleft()
        if id(thing) in seen or thing is None or isinstance(thing, (str, bytes, int, float)):
            continue
        seen.add(id(thing))
        kept.append(thing)
        cls = thing if isinstance(thing, type) else type(thing)
        found.update(filter(None, (package_of(one.__module__) for one in cls.__mro__)))
        if isinstance(thing, dict):
            waiting.extend(list(thing.values())[:_MOST])
        elif isinstance(thing, (list, tuple, set, frozenset)):
            waiting.extend(list(thing)[:_MOST])
        elif not isinstance(thing, type):
            waiting.extend(list(getattr(thing, "__dict__", {}).values()))
    versions = {name: version_of_package(name) for name in sorted(found)}
    return {name: version for name, version in versions.items() if version is not None}
