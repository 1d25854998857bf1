"""What a pipeline takes along when it travels: the data that its code names."""

from __future__ import annotations

import types
from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

from ..versioning.bytecode import globals_named
from ..versioning.source import is_user_module
from .functions import FunctionOp
from .ops import BaseOp, LoadableOp
from .pipeline import Pipeline

__all__ = ["Captured", "captured"]

# What every op has; the versions and sources in it are small.
_OWN = {"_code", "_fixed", "_last", "_made_with", "_op_state", "__doc__", "__wrapped__", "function"}


class Captured(NamedTuple):
    """A value that travels with a pipeline, and how its user knows it."""

    name: str
    value: Any


def captured(pipeline: Pipeline) -> list[Captured]:
    """The data that goes with a pipeline: globals and closures that its code names, attributes of
    its classes, what its ops are made with. Each stands once; numbers and short texts are there
    as well, what installed packages define is not.
    """
    walk = _Walk()
    for step in pipeline.plan.steps:
        if step.op is not None:
            walk.op(step.op, f"op {step.op.name!r}")
        walk.value(f"callbacks of pipeline {step.pipeline.name!r}", list(step.pipeline.callbacks))
    return list(walk.found.values())


class _Walk:
    def __init__(self) -> None:
        self.found: dict[tuple[int, str], Captured] = {}
        self._seen: set[int] = set()
        self._alive: list[Any] = []  # ids are good for as long as the objects live

    def op(self, op: BaseOp, title: str) -> None:
        """What an op is made of."""
        if not self._first(op):
            return
        self.value(title, type(op))
        if isinstance(op, FunctionOp):
            self.value(title, op.function)
        if isinstance(op, LoadableOp):
            args, keywords = op._made_with
            parts: dict[str, Any] = {**{f"argument {i + 1}": a for i, a in enumerate(args)}}
            parts.update({f"argument {name!r}": value for name, value in keywords.items()})
        else:
            parts = {f"attribute {n!r}": v for n, v in vars(op).items() if n not in _OWN}
        for part, value in parts.items():
            self.value(f"{part} of {title}", value)

    def value(self, name: str, value: Any) -> None:
        """A value and whatever user code it stands for."""
        if isinstance(value, BaseOp):
            self.op(value, name)
        elif isinstance(value, types.FunctionType):
            self._function(value)
        elif isinstance(value, type):
            self._class(value)
        elif isinstance(value, types.ModuleType):
            self._module(value)
        elif (id(value), name) not in self.found:
            self._alive.append(value)
            self.found[id(value), name] = Captured(name, value)
            self._class(type(value))

    def _first(self, thing: Any) -> bool:
        first = id(thing) not in self._seen
        self._seen.add(id(thing))
        return first

    def _function(self, function: types.FunctionType) -> None:
        if not self._first(function):
            return
        inner = getattr(function, "__wrapped__", None)
        if isinstance(inner, types.FunctionType):
            self._function(inner)
        if not is_user_module(str(function.__globals__.get("__name__", "__main__"))):
            return
        title = function.__qualname__
        for name, cell in zip(
            function.__code__.co_freevars, function.__closure__ or (), strict=True
        ):
            try:
                self.value(f"{name!r} in {title}", cell.cell_contents)
            except ValueError:
                continue  # not bound yet
        for name in {path[0] for path in globals_named(function.__code__)}:
            if name in function.__globals__:
                self.value(f"global {name!r}", function.__globals__[name])
        for default in (*(function.__defaults__ or ()), *(function.__kwdefaults__ or {}).values()):
            self.value(f"a default of {title}", default)

    def _class(self, cls: type) -> None:
        if not is_user_module(cls.__module__) or not self._first(cls):
            return
        for base in cls.__bases__:
            self._class(base)
        for name, value in vars(cls).items():
            for part in _parts(value):
                dunder = name.startswith("__") and name.endswith("__")
                if not dunder or isinstance(part, types.FunctionType):
                    self.value(f"{cls.__qualname__}.{name}", part)

    def _module(self, module: types.ModuleType) -> None:
        """A module of the user's that is named as such goes as a whole."""
        if not is_user_module(module.__name__) or not self._first(module):
            return
        for name, value in list(vars(module).items()):
            if not (name.startswith("__") and name.endswith("__")):
                self.value(f"{module.__name__}.{name}", value)


def _parts(value: Any) -> Iterable[Any]:
    """The functions of a descriptor; any other value as it is, unless Python made it."""
    if isinstance(value, (classmethod, staticmethod)):
        return (value.__func__,)
    if isinstance(value, property):
        return _present(value.fget, value.fset, value.fdel)
    if isinstance(value, (types.MemberDescriptorType, types.GetSetDescriptorType)):
        return ()
    if type(value).__name__ == "_abc_data":
        return ()
    return (value,)


def _present(*values: Any) -> Iterator[Any]:
    return (value for value in values if value is not None)
