"""The code of an op: a digest of all the user's own code that it names.

The digest covers the source of the op's methods or function and, recursively, the user's
functions, classes, constants, closures and defaults that they name. Code of installed packages
counts by qualified name only: its version is provenance. Nothing in the digest depends on the
process, the hash seed or the minor version of Python.
"""

from __future__ import annotations

import functools
import sys
import types
import warnings
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from .canonical import Canonical, NotCanonical
from .cells import cell_of, current_cell, notebook
from .secrets import without_secrets
from .source import class_source, file_of, function_source, is_user_module, remember_source
from .walker import CodeWalker

__all__ = ["Code", "canonical_value", "own_code", "read_code", "remember_source"]


@dataclass(frozen=True)
class Code:
    """The code of a class or function.

    What is likely a secret is hidden in the texts; see
    :func:`jupyter_chariots.versioning.secrets.without_secrets`.

    Attributes:
        digest: of the code and all user code that it names.
        source: its text, where it could be had.
        packages: the installed packages that the code uses, with their versions.
        origin: the notebook or module that defines it.
        opaque: names of functions without source, which count by their bytecode.
        cell: the cell that defines it, or, if it is installed, the one that uses it: ``source``,
            ``execution_count`` and, where the front end gave one, ``id``.
        helpers: the texts of the user's other functions and classes that it names, by name.
        values: digests of the data that it names, by name.
    """

    digest: str
    source: str | None = None
    packages: Mapping[str, str] = field(default_factory=dict)
    origin: str = ""
    opaque: tuple[str, ...] = ()
    cell: Mapping[str, Any] | None = None
    helpers: Mapping[str, str] = field(default_factory=dict)
    values: Mapping[str, str] = field(default_factory=dict)

    def facts(self) -> dict[str, Any]:
        """All of it as provenance, in JSON values."""
        known = {
            "source": self.source,
            "origin": self.origin,
            "packages": dict(self.packages),
            "code": self.digest,
            "cell": self.cell and dict(self.cell),
            "helpers": dict(self.helpers),
            "values": dict(self.values),
        }
        return {name: value for name, value in known.items() if value or name == "packages"}


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
    cell = without_secrets(_cell(root))
    return Code(
        digest=made,
        source=without_secrets(source),
        packages=dict(sorted(walker.packages.items())),
        origin=_origin(root),
        opaque=tuple(sorted(walker.opaque)),
        cell=cell,
        helpers=_helpers(walker.found, source or ""),
        values=dict(sorted(walker.values.items())),
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
    root = _inner(root)
    if isinstance(root, type):
        return class_source(root)
    return function_source(root) if isinstance(root, types.FunctionType) else None


def _helpers(found: Iterable[Any], known: str) -> dict[str, str]:
    """The texts of functions and classes by name; what is a part of a text has none of its own."""
    texts: dict[str, str] = {}
    for thing in found:
        text = _source(thing)
        if text and text not in known:
            known += text
            texts[thing.__qualname__] = texts.get(thing.__qualname__, "") + text
    return {name: without_secrets(text) for name, text in sorted(texts.items())}


def _cell(root: Any) -> dict[str, Any] | None:
    root = _inner(root)
    file = None
    if isinstance(root, types.FunctionType):
        file = root.__code__.co_filename
    elif isinstance(root, type):
        file = file_of(root)
    if file is not None and is_user_module(str(root.__module__)):
        return cell_of(file)
    return current_cell()


def _inner(root: Any) -> Any:
    while isinstance(root, functools.partial):
        root = root.func
    return root


def _origin(root: Any) -> str:
    root = _inner(root)
    module = str(getattr(root, "__module__", None) or type(root).__module__)
    if module not in ("__main__", "__mp_main__"):
        return module
    return notebook() or getattr(sys.modules.get("__main__"), "__file__", None) or "__main__"
