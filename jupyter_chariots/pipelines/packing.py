"""A pipeline by value: how it goes from a notebook into another process.

Functions and classes of the notebook and of the user's own modules go by value, what is installed
by name. Beside the bytes stands a header (:mod:`.header`); :mod:`.opening` has the way back.
"""

from __future__ import annotations

import contextlib
import io
import sys
import threading
import types
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from ..errors import DefinitionError, TooLarge
from ..versioning.source import is_user_module
from .captured import Captured, captured
from .lines import Lines, placed
from .opening import MAIN, class_named
from .pipeline import Pipeline

__all__ = ["LIMIT", "Packed", "pack"]

LIMIT = 50 << 20
"""Bytes that a definition may have."""

_LARGE = 1 << 20  # bytes; what is larger is named

_registering = threading.Lock()


@dataclass(frozen=True)
class Packed:
    """A pipeline as bytes.

    Attributes:
        data: what :func:`.opening.unpack` takes.
        carried: the data that goes along because code names it.
        large: that of more than 1 MiB: name and size in bytes.
    """

    data: bytes
    carried: tuple[Captured, ...]
    large: Mapping[str, int]


def pack(pipeline: Pipeline) -> Packed:
    """A pipeline as bytes, without what its ops have learned.

    Raises:
        DefinitionError: something in it cannot travel; the message names it.
        TooLarge: it has more than 50 MB; the hint names the largest parts.
    """
    import cloudpickle

    carried = captured(pipeline)
    with _by_value(cloudpickle):
        sizes = {f"{name}": _size(cloudpickle, value) for name, value in carried}
        large = {name: size for name, size in sizes.items() if size is not None and size > _LARGE}
        try:
            data = _dump(cloudpickle, pipeline)
        except _Full:
            raise TooLarge(
                f"The definition of pipeline {pipeline.name!r} has more than {LIMIT >> 20} MB.",
                hint=f"It takes along: {_listed(large)}. Read such data inside an op, or give it "
                "as input."
                if large
                else "Read large data inside an op, or give it as input.",
                pipeline=pipeline.name,
                large=large,
            ) from None
        except Exception as error:
            stuck = [name for name, size in sizes.items() if size is None]
            what = ", ".join(stuck) or "something in it"
            raise DefinitionError(
                f"Pipeline {pipeline.name!r} cannot be sent to the server: {what} cannot travel "
                f"({type(error).__name__}: {error}).",
                hint="Make it inside of the op that uses it: connections, locks, open files and "
                "the like belong to one process.",
                pipeline=pipeline.name,
                stuck=stuck,
            ) from error
    return Packed(data, tuple(carried), large)


class _Full(Exception):
    """More bytes than a definition may have."""


class _Limited(io.BytesIO):
    """A file that takes so many bytes and no more."""

    def write(self, data: Any) -> int:
        if self.tell() + memoryview(data).nbytes > LIMIT:  # arrays come as what has no len()
            raise _Full
        return super().write(data)


class _Counting:
    """A file that only counts."""

    size = 0

    def write(self, data: Any) -> int:
        size = memoryview(data).nbytes
        self.size += size
        return size


def _size(cloudpickle: Any, value: Any) -> int | None:
    """Bytes that a value takes; ``None`` if it cannot travel."""
    if value is None or isinstance(value, (bool, int, float)):
        return 0
    sink = _Counting()
    try:
        cloudpickle.Pickler(sink, protocol=5).dump(value)
    except Exception:
        return None
    return sink.size


def _dump(cloudpickle: Any, pipeline: Pipeline) -> bytes:
    named: dict[tuple[str, str], Any] = {}
    lines = Lines()

    class Pickler(cloudpickle.Pickler):  # type: ignore[misc]
        def reducer_override(self, value: Any) -> Any:
            if isinstance(value, types.CodeType):
                return placed(value) or NotImplemented
            reduced = super().reducer_override(value)
            if reduced is not NotImplemented and isinstance(value, (type, types.FunctionType)):
                if isinstance(value, types.FunctionType):
                    lines.add(value.__code__)
                module, name = str(value.__module__), value.__qualname__
                if is_user_module(module) and class_named(module, name) is value:
                    named[module, name] = value
            return reduced

    file = _Limited()
    pickler = Pickler(file, protocol=5)
    pickler.dump(pipeline)
    pickler.dump(named)
    pickler.dump(lines.by_file)
    return file.getvalue()


@contextlib.contextmanager
def _by_value(cloudpickle: Any) -> Iterator[None]:
    """Have the user's own modules go by value; ``__main__`` goes so anyway."""
    with _registering:
        known = set(cloudpickle.list_registry_pickle_by_value())
        modules = [
            module
            for name, module in list(sys.modules.items())
            if name not in known and name not in MAIN and _is_written_by_user(name, module)
        ]
        for module in modules:
            cloudpickle.register_pickle_by_value(module)
        try:
            yield
        finally:
            for module in modules:
                cloudpickle.unregister_pickle_by_value(module)


def _is_written_by_user(name: str, module: Any) -> bool:
    if not isinstance(module, types.ModuleType) or module.__name__ != name:
        return False
    # Without a file it is a namespace that installed packages may share, or made by machinery.
    file = getattr(module, "__file__", None)
    return isinstance(file, str) and file.endswith(".py") and is_user_module(name)


def _listed(sizes: Mapping[str, int]) -> str:
    return ", ".join(f"{name} ({size / (1 << 20):.1f} MB)" for name, size in sizes.items())
