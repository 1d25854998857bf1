"""The code of an op: a digest of all the user's own code that it names.

The digest covers the source of the op's methods or function and, recursively, the user's
functions, classes, constants, closures and defaults that they name. Code of installed packages
counts by qualified name only: its version is provenance. Nothing in the digest depends on the
process, the hash seed or the minor version of Python.
"""

from __future__ import annotations

import functools
import os
import sys
import types
import warnings
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from .canonical import Canonical, NotCanonical
from .source import class_source, function_source, remember_source
from .walker import CodeWalker

__all__ = ["Code", "canonical_value", "own_code", "read_code", "remember_source"]


@dataclass(frozen=True)
class Code:
    """The code of a class or function.

    Attributes:
        digest: of the code and all user code that it names.
        source: its text, where it could be had.
        packages: the installed packages that the code uses, with their versions.
        origin: the notebook or module that defines it.
        opaque: names of functions without source, which count by their bytecode.
    """

    digest: str
    source: str | None = None
    packages: Mapping[str, str] = field(default_factory=dict)
    origin: str = ""
    opaque: tuple[str, ...] = ()


def read_code(root: Any) -> Code:
    """Read the code of a class, a function or another callable, as it is now.

    Warns if a function has no source: it then counts by its bytecode, which differs between
    versions of Python.
    """
    walker = CodeWalker()
    made = walker.digest_of(root)
    if walker.opaque:
        warnings.warn(
            f"The source of {', '.join(sorted(walker.opaque))} cannot be read; its version follows"
            " its bytecode. Define it in a cell or a file.",
            stacklevel=3,
        )
    source = _source(root)
    return Code(
        digest=made,
        source=source,
        packages=dict(sorted(walker.packages.items())),
        origin=_origin(root),
        opaque=tuple(sorted(walker.opaque)),
    )


def own_code(*roots: Any) -> dict[str, Any]:
    """The user's own classes and functions that the code of the roots names, by name.

    Methods are left out. Of several of one name, the first that is met counts.
    """
    walker = CodeWalker()
    for root in roots:
        walker.digest_of(root)
    named: dict[str, Any] = {}
    for thing in walker.found:
        around, _, name = thing.__qualname__.rpartition(".")
        if not around or around.endswith("<locals>"):
            named.setdefault(name, thing)
    return named


def canonical_value(value: Any) -> bytes:
    """The canonical bytes of the value of a field.

    Raises:
        NotCanonical: it, or a part of it, has none.
    """
    try:
        return Canonical(lambda code: CodeWalker().digest_of(code).encode()).write(value)
    except RecursionError:
        raise NotCanonical("it is nested too deeply") from None


def _source(root: Any) -> str | None:
    if isinstance(root, functools.partial):
        return _source(root.func)
    if isinstance(root, type):
        return class_source(root)
    return function_source(root) if isinstance(root, types.FunctionType) else None


def _origin(root: Any) -> str:
    while isinstance(root, functools.partial):
        root = root.func
    module = str(getattr(root, "__module__", None) or type(root).__module__)
    if module not in ("__main__", "__mp_main__"):
        return module
    notebook = os.environ.get("JPY_SESSION_NAME")
    return notebook or getattr(sys.modules.get("__main__"), "__file__", None) or "__main__"
