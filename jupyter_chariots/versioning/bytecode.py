"""What compiled code tells: the globals that it names, and itself."""

from __future__ import annotations

import dis
import sys
import types
from collections.abc import Iterator

__all__ = ["bytecode", "globals_named"]


def bytecode(code: types.CodeType) -> Iterator[bytes]:
    """The code itself, where there is no source; it differs between versions of Python."""
    yield "{}.{}".format(*sys.version_info).encode()
    yield code.co_code
    yield repr(code.co_names).encode()
    for constant in code.co_consts:
        if isinstance(constant, types.CodeType):
            yield from bytecode(constant)
        elif not isinstance(constant, frozenset):
            yield repr(constant).encode()
        else:
            yield repr(sorted(map(repr, constant))).encode()


_GLOBALS = ("LOAD_GLOBAL", "LOAD_NAME", "LOAD_FROM_DICT_OR_GLOBALS")
_ATTRIBUTES = ("LOAD_ATTR", "LOAD_METHOD")


def globals_named(code: types.CodeType) -> Iterator[tuple[str, ...]]:
    """The globals that code names, each with the attributes that it takes of them.

    An import inside the code is the path ``("import", module)``.
    """
    path: list[str] = []
    for step in dis.get_instructions(code):
        if step.opname in ("EXTENDED_ARG", "CACHE"):
            continue
        if path and step.opname in _ATTRIBUTES:
            path.append(str(step.argval))
            continue
        if path:
            yield tuple(path)
            path = []
        if step.opname in _GLOBALS:
            path = [str(step.argval)]
        elif step.opname == "IMPORT_NAME" and step.argval:
            yield "import", str(step.argval)
    if path:
        yield tuple(path)
    for constant in code.co_consts:
        if isinstance(constant, types.CodeType):
            yield from globals_named(constant)
