"""Lines of source that travel with functions of a notebook, so that tracebacks can show them.

A kernel knows the source of its cells, but no file has it. Only the lines of functions that travel
are sent, not all that stands in their cells.
"""

from __future__ import annotations

import linecache
import os
import types
from collections.abc import Iterator, Mapping
from typing import Any

__all__ = ["Lines", "in_file", "placed", "show_lines"]

_NOWHERE = "<dynamic-code>"


class Lines:
    """Collects lines of source.

    Attributes:
        by_file: for each name of a file that is none the lines by their numbers.
    """

    def __init__(self) -> None:
        self.by_file: dict[str, dict[int, str]] = {}

    def add(self, code: types.CodeType) -> None:
        """Take the lines of a function."""
        name = code.co_filename
        if os.path.exists(name):
            return
        source = linecache.getlines(name)
        if source:
            known = self.by_file.setdefault(name, {})
            numbers = [code.co_firstlineno, *_numbers(code)]
            for number in range(min(numbers), min(max(numbers), len(source)) + 1):
                known[number] = source[number - 1]


def placed(code: types.CodeType) -> tuple[Any, ...] | None:
    """How to pickle a code object so that it still says which file it is from, for cloudpickle
    leaves that out from its release 3.1.3 on; ``None`` if it says nothing.
    """
    if code.co_filename == _NOWHERE:
        return None
    return in_file, (code.replace(co_filename=_NOWHERE), code.co_filename)


def in_file(code: types.CodeType, name: str) -> types.CodeType:
    """A code object as one from this file; pickles name this function."""
    return code.replace(co_filename=name)


def show_lines(by_file: Mapping[str, Mapping[int, str]]) -> None:
    """Let tracebacks and warnings of this process show the lines that :class:`Lines` collected."""
    for name, lines in by_file.items():
        if name in linecache.cache:  # the very process that they come from
            continue
        source = [lines.get(number, "\n") for number in range(1, max(lines) + 1)]
        # without a time of change it is never looked for on disk
        linecache.cache[name] = (sum(map(len, source)), None, source, name)


def _numbers(code: types.CodeType) -> Iterator[int]:
    yield from (number for _, _, number in code.co_lines() if number)
    for inner in code.co_consts:
        if isinstance(inner, types.CodeType):
            yield from _numbers(inner)
