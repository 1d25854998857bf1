"""Inputs of several calls, run as one over the rows of all, and the output split again.

A pipeline says with ``batchable=True`` that it treats each row by itself. This module believes it
only as far as it can see it: the first joins are compared with single runs.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence, Set
from typing import Any

from ..errors import ChariotsError
from . import codec

__all__ = ["Joining"]

_COMPARED = 5
"""So many joins of each kind of input are compared with single runs."""

_ROUNDING = 1e-5
_MOST_ROWS = 256  # of one input; joining more gains nothing
_MOST_KINDS = 64
_MOST_MISFITS = 3


class Joining:
    """Runs inputs as one where that gives the same answers.

    Args:
        name: of the pipeline.
        run: runs it on one input; raises what it likes.
        single: runs it on one input and gives the output as JSON; an error is its own answer.
    """

    def __init__(
        self, name: str, run: Callable[[Any], Any], single: Callable[[Any], str | ChariotsError]
    ) -> None:
        self.warning: str | None = None
        self._name, self._run, self._single = name, run, single
        self._compared: dict[Hashable, int] = {}
        self._misfits = 0

    def outputs(self, inputs: Sequence[Any]) -> list[str | ChariotsError]:
        """The output of each input as JSON, or the error of a run on it alone, in their order."""
        answers: list[str | ChariotsError | None] = [None] * len(inputs)
        groups: dict[Hashable, list[int]] = {}
        for index, value in enumerate(inputs):
            kind = _kind(value)
            if kind is not None:
                groups.setdefault(kind, []).append(index)
        for kind, members in groups.items():
            if len(members) > 1 and self.warning is None:
                found = self._together(kind, [inputs[index] for index in members])
                for index, answer in zip(members, found or (), strict=False):
                    answers[index] = answer
        return [
            self._single(value) if answer is None else answer
            for value, answer in zip(inputs, answers, strict=True)
        ]

    def _together(self, kind: Hashable, inputs: list[list[Any]]) -> Sequence[str | ChariotsError]:
        """The outputs of a joined run; none if it failed or gave another number of rows."""
        try:
            output = self._run([row for rows in inputs for row in rows])
            # a mapping or a set has as many items as it likes, whatever it got
            rows = None if isinstance(output, Mapping | Set) else codec.plain(output)
            if not isinstance(rows, list) or len(rows) != sum(map(len, inputs)):
                self._misfit()
                return ()
            parts = [codec.encode(part) for part in _split(rows, [len(rows) for rows in inputs])]
        except (Exception, SystemExit):
            return ()  # one of them is to blame: alone each gets its own answer
        self._misfits = 0
        if self._compared.get(kind, 0) >= _COMPARED:
            return parts
        alone = [self._single(value) for value in inputs]
        if all(map(_same, parts, alone)):
            if len(self._compared) >= _MOST_KINDS:
                self._compared.clear()
            self._compared[kind] = self._compared.get(kind, 0) + 1
        else:
            self._off("joined calls get other answers than single ones")
        return alone

    def _misfit(self) -> None:
        self._misfits += 1
        if self._misfits >= _MOST_MISFITS:
            self._off("it does not give one row for each row that it gets")

    def _off(self, reason: str) -> None:
        self.warning = (
            f"Pipeline {self._name!r} is not batchable, though it says so: {reason}. Its calls "
            "are not joined any more; leave batchable=True out."
        )


def _kind(value: Any) -> Hashable | None:
    """What inputs must share to be joined: width, names and types; ``None`` for what never is."""
    if not isinstance(value, list) or not 0 < len(value) <= _MOST_ROWS:
        return None
    first = _form(value[0])
    return first if all(_form(row) == first for row in value[1:]) else None


def _form(value: Any) -> Any:
    if isinstance(value, list):
        types = tuple(map(type, value))
        return tuple(map(_form, value)) if list in types or dict in types else types
    if isinstance(value, dict):
        return (*value, *map(_form, value.values()))
    return type(value)


def _split(rows: list[Any], lengths: Sequence[int]) -> Iterator[list[Any]]:
    start = 0
    for length in lengths:
        yield rows[start : start + length]
        start += length


def _same(joined: str, alone: str | ChariotsError) -> bool:
    """Whether two outputs as JSON differ by rounding at most."""
    if isinstance(alone, ChariotsError):
        return False
    if joined == alone:
        return True
    a, b = json.loads(joined), json.loads(alone)
    scale = max((abs(n) for n in _numbers(b)), default=0.0)
    return _close(a, b, _ROUNDING * scale)


def _numbers(value: Any) -> Iterator[float]:
    if isinstance(value, list):
        for item in value:
            yield from _numbers(item)
    elif isinstance(value, dict):
        yield from _numbers(list(value.values()))
    elif isinstance(value, float):
        yield value


def _close(a: Any, b: Any, margin: float) -> bool:
    """Whole numbers, text and the like must be equal; floats may differ by the margin."""
    if type(a) is not type(b):
        return False
    if isinstance(a, list):
        return len(a) == len(b) and all(_close(x, y, margin) for x, y in zip(a, b, strict=True))
    if isinstance(a, dict):
        return a.keys() == b.keys() and all(_close(a[key], b[key], margin) for key in a)
    if isinstance(a, float):
        return math.isclose(a, b, rel_tol=_ROUNDING, abs_tol=margin)
    return bool(a == b)
