"""A definition by value where it arrives: opened, and what it brings found by name."""

from __future__ import annotations

import contextlib
import io
import pickle
import sys
import types
from collections.abc import Iterator, Mapping
from typing import Any

from ..errors import ConfigurationError, SerializationError
from .header import check_here
from .lines import show_lines
from .pipeline import Pipeline
from .provenance import came_from

__all__ = ["MAIN", "brought", "class_named", "unpack", "unpacked"]

MAIN = ("__main__", "__mp_main__")
"""Names of the module that a notebook or script is."""

# What the definition of this process has brought: classes and functions by module and name.
_brought: dict[tuple[str, str], Any] = {}
_mains: list[types.ModuleType] = []  # kept alive: functions of theirs still run


def unpack(header: Mapping[str, Any], data: bytes | bytearray | memoryview) -> Pipeline:
    """The pipeline that :func:`.packing.pack` made into these bytes; runs code that they bring.

    Classes and functions of the notebook are found by name from then on: this process is for this
    definition.

    Raises:
        Conflict: it was made by another Python or in another form; the bytes were not opened.
        ConfigurationError: a package that it needs is missing here.
        SerializationError: it cannot be opened for another reason.
    """
    pipeline, named = _opened(header, data)
    _bring(named)
    came_from(header)
    return pipeline


@contextlib.contextmanager
def unpacked(header: Mapping[str, Any], data: bytes | bytearray | memoryview) -> Iterator[Pipeline]:
    """As :func:`unpack`, but for a process with a life of its own, such as a kernel.

    What the definition brings is found by name inside of ``with`` only, where states are opened.
    """
    pipeline, named = _opened(header, data)
    before = dict(_brought)
    _brought.update(named)
    try:
        yield pipeline
    finally:
        _brought.clear()
        _brought.update(before)


def _opened(
    header: Mapping[str, Any], data: bytes | bytearray | memoryview
) -> tuple[Pipeline, Mapping[tuple[str, str], Any]]:
    check_here(header)
    try:
        unpickler = pickle.Unpickler(io.BytesIO(data))
        pipeline = unpickler.load()
        named = unpickler.load()  # refers to what the first part brought
        lines = unpickler.load()
    except ImportError as error:
        raise ConfigurationError(
            f"The pipeline needs the package {error.name!r}, which {sys.executable} does not "
            f"have: {error}.",
            hint=f"Install it there: {sys.executable} -m pip install …",
            package=error.name,
        ) from error
    except Exception as error:
        raise SerializationError(
            f"The definition cannot be opened: {type(error).__name__}: {error}.",
            hint="Serve the pipeline again; packages may have changed since.",
        ) from error
    show_lines(lines)
    assert isinstance(pipeline, Pipeline)
    return pipeline, named


def _bring(named: Mapping[tuple[str, str], Any]) -> None:
    """Let what a definition brought be found by name, as in the process that it comes from."""
    _brought.update(named)
    own = {name: value for (module, name), value in named.items() if module in MAIN}
    if own:
        main = types.ModuleType("__main__")
        vars(main).update({name: value for name, value in own.items() if "." not in name})
        _mains.append(sys.modules["__main__"])
        sys.modules["__main__"] = main


def brought(module: str, qualname: str) -> Any:
    """The class or function of this name that came with a definition; ``None`` if none did.

    States must meet the same classes as the code that uses them.
    """
    return _brought.get((module, qualname))


def class_named(module: str, qualname: str) -> Any:
    """The class or function of this name in this process; ``None`` if there is none."""
    if (module, qualname) in _brought:
        return _brought[module, qualname]
    found: Any = sys.modules.get(module)
    for name in qualname.split("."):
        found = getattr(found, name, None)
    return found
