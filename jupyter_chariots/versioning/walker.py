"""Walks through code and digests it, with all the user's own code that it names."""

from __future__ import annotations

import builtins
import collections
import dataclasses
import enum
import functools
import importlib.util
import types
from collections.abc import Iterator
from typing import Any

from .bytecode import bytecode, globals_named
from .canonical import Canonical, NotCanonical, public_name, public_path
from .packages import package_of, version_of_package
from .secrets import is_secret_name
from .source import function_source, is_installed, is_user_module, normalised
from .version import digest

__all__ = ["CodeWalker"]

# What a class has that is not its code, or is no part of what it computes.
_SKIPPED = {
    "__annotate__",
    "__annotate_func__",
    "__dict__",
    "__doc__",
    "__weakref__",
    "code_version",
    "op_name",
}
_DATACLASS = ("init", "repr", "eq", "order", "unsafe_hash", "frozen")
_FIELD = ("init", "repr", "hash", "compare", "kw_only", "default", "default_factory")
_CONTAINERS = (dict, list, tuple, set, frozenset, collections.deque, str, bytes, int, float)


class CodeWalker:
    """Walks through code. Each function and class gets a number when it is first met.

    Numbers stand for what is referred to, so that code may refer to itself.

    Attributes:
        packages: the installed packages that were met, with their versions.
        opaque: names of functions without source.
        values: digests of the data that is named, by name.
        found: the user's own functions and classes, by number.
    """

    def __init__(self, active: frozenset[int] = frozenset()) -> None:
        self.packages: dict[str, str] = {}
        self.opaque: set[str] = set()
        self.values: dict[str, str] = {}
        self._numbers: dict[int, int] = {}
        self.found: list[Any] = []
        self._active = active  # roots of the walks that this one is a part of
        self._values = Canonical(self._refer, self._refer_alone, self._opaque, self._transparent)

    def digest_of(self, root: Any) -> str:
        """The digest of a class, a function or another callable, and of all that it names."""
        head = self._write(root)
        parts: list[bytes] = [head]
        for thing in self.found:  # grows while it is walked through
            is_class = isinstance(thing, type)
            described = self._class(thing) if is_class else self._function(thing)
            parts.append(digest(*described).encode())
        return digest(*parts)

    # References.

    def _refer(self, thing: Any) -> bytes:
        """What stands for a function or class: its number, or its name if it is installed."""
        if _is_users(thing):
            if id(thing) not in self._numbers:
                self._numbers[id(thing)] = len(self.found)
                self.found.append(thing)
            return b"#%d" % self._numbers[id(thing)]
        inner = getattr(thing, "__wrapped__", None)
        if isinstance(inner, types.FunctionType) and isinstance(thing, types.FunctionType):
            # Decorated: what an installed decorator made of it bears the name of what it wraps.
            module = str(thing.__globals__.get("__name__"))
            self._note(module)
            name = public_path(module, thing.__code__.co_name).encode() + b" of "
            others = vars(thing).get("registry")  # of functools.singledispatch
            return name + self._refer(inner) + self._write(others)
        self._note(str(getattr(thing, "__module__", None) or type(thing).__module__))
        return public_name(thing).encode()

    def _refer_alone(self, thing: Any) -> bytes:
        if id(thing) in self._active:
            return b"again"
        walker = CodeWalker(self._active | {id(thing)})
        made = walker.digest_of(thing).encode()
        self.packages.update(walker.packages)
        self.opaque.update(walker.opaque)
        self.values.update(walker.values)
        return made

    def _write(self, value: Any) -> bytes:
        try:
            return self._values.write(value)
        except (NotCanonical, RecursionError):
            return self._opaque(value, "")

    def _opaque(self, value: Any, reason: str) -> bytes:
        """An object by its type; one that is called, by what of the user's it calls, too."""
        held = vars(value) if callable(value) and hasattr(value, "__dict__") else {}
        functions = [self._write(held[name]) for name in sorted(held) if _is_users(held[name])]
        return b" ".join([b"a", public_name(type(value)).encode(), *functions])

    def _transparent(self, value: Any) -> bool:
        # Attributes of installed objects (loggers, clients, random generators) are not constants.
        return isinstance(value, _CONTAINERS) or is_user_module(type(value).__module__)

    def _note(self, module: str) -> None:
        package = package_of(module)
        if package is None or package in self.packages:
            return
        version = version_of_package(package)
        if version is not None:
            self.packages[package] = version

    # Functions.

    def _function(self, function: types.FunctionType) -> Iterator[bytes]:
        text = function_source(function)
        if text is None:
            self.opaque.add(function.__qualname__)
            yield from bytecode(function.__code__)
        else:
            yield normalised(text).encode("utf-8", "surrogatepass")
        yield self._write(function.__defaults__)
        yield self._write(function.__kwdefaults__)
        cells = function.__closure__ or ()
        for name, cell in zip(function.__code__.co_freevars, cells, strict=True):
            try:
                yield name.encode() + b"=" + self._write(cell.cell_contents)
            except ValueError:
                yield name.encode()  # not bound yet
        if hasattr(function, "__wrapped__"):
            yield self._write(function.__wrapped__)
        for path in sorted(set(globals_named(function.__code__))):
            yield from self._global(function.__globals__, path)

    def _global(self, namespace: dict[str, Any], path: tuple[str, ...]) -> Iterator[bytes]:
        name, *attributes = path
        if name == "import":
            yield from self._imported(attributes[0])
            return
        if name not in namespace:
            if not hasattr(builtins, name):
                yield name.encode() + b" missing"
            return
        value = namespace[name]
        while isinstance(value, types.ModuleType) and attributes:
            if not is_user_module(value.__name__) or not hasattr(value, attributes[0]):
                break
            value = getattr(value, attributes.pop(0))
        if isinstance(value, types.ModuleType):
            self._note(value.__name__)
            if is_user_module(value.__name__):
                yield from self._imported(value.__name__)
                return
        written = self._write(value)
        is_data = not (callable(value) or isinstance(value, types.ModuleType))
        if is_data and not is_secret_name(path[-1]):
            module = str(namespace.get("__name__", "__main__"))
            named = path if module == "__main__" else (module, *path)
            self.values[".".join(named)] = digest(written)[:10]
        yield ".".join(path).encode() + b"=" + written

    def _imported(self, module: str) -> Iterator[bytes]:
        """A module as a whole: it is named as such, or imported inside a function.

        Its file counts, not what is loaded: whether it was imported yet must not matter.
        """
        try:
            spec = importlib.util.find_spec(module)
        except (ImportError, ValueError):
            spec = None
        file = spec.origin if spec and spec.has_location else None
        if file is None or not is_user_module(module) or is_installed(file):
            self._note(module)
            yield module.encode()
            return
        try:
            with open(file, encoding="utf-8") as stream:
                yield module.encode() + b"=" + normalised(stream.read()).encode()
        except (OSError, UnicodeDecodeError):
            yield module.encode()

    # Classes.

    def _class(self, cls: type) -> Iterator[bytes]:
        for base in cls.__bases__:
            yield self._refer(base)
        if _is_users(type(cls)):
            yield b"metaclass=" + self._refer(type(cls))
        if issubclass(cls, enum.Enum):
            for name, member in cls.__members__.items():
                yield name.encode() + b"=" + self._write(member.value)
        generated = dataclasses.is_dataclass(cls) or hasattr(cls, "_field_defaults")
        if dataclasses.is_dataclass(cls):
            yield from self._dataclass(cls)
        for name, value in sorted(vars(cls).items()):
            if name in _SKIPPED or _is_machinery(cls, name, value):
                continue
            if hasattr(type(value), "__versioned_field__"):  # counts in its level, not here
                self._note_value(getattr(value, "value", None))
                continue
            for label, part in _unwrapped(name, value):
                inner = getattr(part, "__wrapped__", part)
                function = isinstance(inner, types.FunctionType)
                if generated and function and function_source(inner) is None:
                    continue  # made by dataclass or NamedTuple from the fields
                if name.startswith("__") and function and not _is_users(inner):
                    continue  # put there by Enum, Protocol …, as the version of Python has it
                yield label.encode() + b"=" + self._write(part)

    def _dataclass(self, cls: Any) -> Iterator[bytes]:
        parameters = cls.__dataclass_params__
        for name in _DATACLASS:
            yield name.encode() + b"=" + self._write(getattr(parameters, name))
        for one in dataclasses.fields(cls):
            yield one.name.encode()
            for name in (
                "init",
                "repr",
                "hash",
                "compare",
                "kw_only",
                "default",
                "default_factory",
            ):
                value = getattr(one, name)
                if value is not dataclasses.MISSING:
                    yield name.encode() + b"=" + self._write(value)

    def _note_value(self, value: Any) -> None:
        cls = value if isinstance(value, (type, types.FunctionType)) else type(value)
        self._note(str(cls.__module__))


def _is_users(thing: Any) -> bool:
    """Whether a class or function is the user's own."""
    if isinstance(thing, type):
        return is_user_module(thing.__module__)
    # Not by __module__: functools.wraps copies that of the wrapped function.
    return isinstance(thing, types.FunctionType) and is_user_module(
        str(thing.__globals__.get("__name__", "__main__"))
    )


def _is_machinery(cls: type, name: str, value: Any) -> bool:
    if isinstance(value, (types.MemberDescriptorType, types.GetSetDescriptorType)):
        return True
    if issubclass(cls, enum.Enum) and (name.startswith("_") or name in cls.__members__):
        # Python's versions differ in what they put there; all keep a user's __new__ under this.
        return name == "_new_member_" or not _is_users(getattr(value, "__func__", value))
    if name.startswith("_abc_"):
        return True
    dunder = name.startswith("__") and name.endswith("__")
    return dunder and not isinstance(value, (types.FunctionType, classmethod, staticmethod))


def _unwrapped(name: str, value: Any) -> Iterator[tuple[str, Any]]:
    """The functions inside a descriptor; any other value as it is."""
    if isinstance(value, (classmethod, staticmethod)):
        yield f"{type(value).__name__} {name}", value.__func__
    elif isinstance(value, property):
        for part in ("fget", "fset", "fdel"):
            if getattr(value, part) is not None:
                yield f"{part} {name}", getattr(value, part)
    elif isinstance(value, functools.cached_property):
        yield f"cached_property {name}", value.func
    elif isinstance(value, functools.partialmethod):
        yield f"partialmethod {name}", functools.partial(value.func, *value.args, **value.keywords)
    else:
        yield name, value
