"""Canonical bytes of a value: equal values, equal bytes, in every process.

Every value is written as a kind and the lengths and bytes of its parts, so that no two different
values share their bytes. Sets and mappings are sorted by the bytes of their elements and keys,
never by hash or by insertion.
"""

from __future__ import annotations

import copyreg
import datetime
import decimal
import enum
import fractions
import functools
import inspect
import pathlib
import re
import sys
import types
import uuid
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from .version import digest

__all__ = ["Canonical", "NotCanonical", "is_default", "public_name", "public_path"]

_TEXTUAL = (
    datetime.date,
    datetime.time,
    datetime.timedelta,
    datetime.tzinfo,
    decimal.Decimal,
    fractions.Fraction,
    uuid.UUID,
    range,
    slice,
    type(Ellipsis),
    type(NotImplemented),
    type(None),
    bool,
    int,
    complex,
)
_FUNCTIONS = (
    types.FunctionType,
    types.BuiltinFunctionType,
    types.MethodDescriptorType,
    types.WrapperDescriptorType,
    types.ClassMethodDescriptorType,
    type,
)
_INLINE = 256  # longer parts are written as their digest: arrays are hashed, not copied


class NotCanonical(TypeError):
    """A value has no canonical form; the message says which part of it."""


def public_name(value: Any) -> str:
    """The name of an installed function or class, without the private parts of its module.

    ``sklearn.linear_model._logistic.LogisticRegression`` is as ``sklearn.linear_model`` offers it:
    releases move code between private modules.
    """
    module = getattr(value, "__module__", None) or type(value).__module__
    name = getattr(value, "__qualname__", None) or getattr(value, "__name__", None)
    return public_path(str(module), str(name or type(value).__qualname__))


def public_path(module: str, name: str) -> str:
    """The name in the module, without the private parts of the module."""
    public = [part for part in module.split(".") if not part.startswith("_")]
    return ".".join([*(public or [module.lstrip("_")]), name])


class Canonical:
    """Writes values canonically.

    Args:
        refer: the bytes that stand for a function or class.
        refer_unordered: the same for one inside a set or a key, where nothing may depend on what
            was met before; ``refer`` where it is not given.
        opaque: the bytes that stand for an object whose attributes are unknown or do not count
            (a lock, a logger); it raises :class:`NotCanonical` to refuse.
    """

    def __init__(
        self,
        refer: Callable[[Any], bytes],
        refer_unordered: Callable[[Any], bytes] | None = None,
        opaque: Callable[[Any, str], bytes] | None = None,
        transparent: Callable[[Any], bool] | None = None,
    ) -> None:
        self._refer = refer
        self._refer_unordered = refer_unordered or refer
        self._opaque = opaque or _refuse
        self._transparent = transparent or (lambda value: True)
        self._path: list[int] = []  # ids of the values around the present one, outermost first

    def write(self, value: Any) -> bytes:
        """The canonical bytes of a value.

        Raises:
            NotCanonical: it, or a part of it, has none.
        """
        if value is None or type(value) is bool:
            return _join("value", type(value).__name__.encode(), repr(value).encode())
        if type(value) is int:  # in base 16: Python refuses to write very large ones in base 10
            return _join("value", b"int", format(value, "x").encode())
        if type(value) is str:
            return _join("str", value.encode("utf-8", "surrogatepass"))
        if type(value) is float:
            return _join("float", value.hex().encode())
        if isinstance(value, (bytes, bytearray, memoryview)):
            return _join("bytes", bytes(value))
        if isinstance(value, enum.Enum):
            # Flags joined by | have no name in Python 3.10.
            own = value.value if isinstance(value, enum.Flag) else value.name
            return _join("enum", self._class(value), self.write(own))
        if isinstance(value, _FUNCTIONS):
            return _join("code", self._refer(value))
        if isinstance(value, types.ModuleType):
            return _join("module", value.__name__.encode())
        if id(value) in self._path:
            back = len(self._path) - self._path.index(id(value))
            return _join("cycle", str(back).encode())
        self._path.append(id(value))
        try:
            return self._compound(value)
        finally:
            self._path.pop()

    def _compound(self, value: Any) -> bytes:
        kind = type(value)
        if kind in (list, tuple):
            return _join(kind.__name__, *map(self.write, value))
        if kind in (set, frozenset):
            return _join("set", *sorted(map(self._unordered, value)))
        if kind is dict or kind is types.MappingProxyType:
            return _join("dict", *self._items(value))
        if isinstance(value, types.MethodType):
            return _join("method", self.write(value.__func__), self.write(value.__self__))
        if isinstance(value, functools.partial):
            return self._joined("partial", value.func, value.args, value.keywords)
        if isinstance(value, pathlib.PurePath):
            return _join("path", value.as_posix().encode())
        if isinstance(value, re.Pattern):
            return _join("pattern", self.write(value.pattern), str(value.flags).encode())
        if kind in _TEXTUAL or kind.__module__ == "datetime":
            return _join("value", public_name(kind).encode(), repr(value).encode())
        array = self._array(value)
        if array is not None:
            return array
        if callable(value) and hasattr(value, "__wrapped__"):  # functools.cache and the like
            return _join("wrapped", self._class(value), self.write(value.__wrapped__))
        return self._object(value)

    def _class(self, value: Any) -> bytes:
        return self._refer(type(value))

    def _items(self, mapping: Mapping[Any, Any]) -> Iterable[bytes]:
        # All keys first: the values are then met in an order that nothing but the keys decides.
        pairs = sorted(((self._unordered(key), key) for key in mapping), key=lambda pair: pair[0])
        for written, key in pairs:
            yield written
            yield self.write(mapping[key])

    def _unordered(self, value: Any) -> bytes:
        ordered, self._refer = self._refer, self._refer_unordered
        try:
            return self.write(value)
        finally:
            self._refer = ordered

    def _array(self, value: Any) -> bytes | None:
        numpy = sys.modules.get("numpy")
        if numpy is not None:
            if isinstance(value, numpy.dtype):
                return _join("dtype", str(value.descr if value.fields else value.str).encode())
            if type(value) in (numpy.ndarray, numpy.memmap) or isinstance(value, numpy.generic):
                return self._ndarray(numpy, value)
        pandas = sys.modules.get("pandas")
        if pandas is not None:
            if isinstance(value, pandas.DataFrame):
                columns = [self._column(value.iloc[:, i]) for i in range(value.shape[1])]
                return self._joined("frame", type(value), value.columns, value.index, columns)
            if isinstance(value, pandas.Series):
                column = self._column(value)
                return self._joined("series", type(value), value.name, value.index, column)
            if isinstance(value, pandas.Index):
                return self._joined("index", list(value.names), self._column(value))
        return None

    def _joined(self, kind: str, *values: Any) -> bytes:
        return _join(kind, *map(self.write, values))

    def _ndarray(self, numpy: Any, value: Any) -> bytes:
        scalar = isinstance(value, numpy.generic)
        if value.dtype.hasobject or value.dtype.fields:  # between fields there may be padding
            data = self.write(value.tolist())
        else:
            data = numpy.ascontiguousarray(value).reshape(-1).view(numpy.uint8).data
        head = f"{value.dtype.descr if value.dtype.fields else value.dtype.str}"
        shape = "scalar" if scalar else str(tuple(map(int, value.shape)))
        return _join("array", head.encode(), shape.encode(), data)

    def _column(self, column: Any) -> tuple[str, Any]:
        return str(column.dtype), column.to_numpy()

    def _object(self, value: Any) -> bytes:
        """By class and attributes."""
        for method in ("canonical_attributes", "get_params", "get_config"):
            if callable(getattr(type(value), method, None)):
                return self._attributes(value, method, _described(value, method))
        if not self._transparent(value):
            return self._opaque(value, "its attributes do not count")
        try:
            reduce = copyreg.dispatch_table.get(type(value))
            reduced = reduce(value) if reduce else value.__reduce_ex__(4)
        except Exception as exc:
            return self._opaque(value, str(exc))
        if isinstance(reduced, str):
            return _join("global", reduced.encode(), self._class(value))
        make, args, state, items, pairs = (*reduced, None, None, None)[:5]
        if public_name(make) in ("copyreg.__newobj__", "copyreg.__newobj_ex__"):
            args = args[1:]  # without the class, which is written already
        parts = [self._class(value), public_name(make).encode(), self.write(args)]
        parts.append(self.write(state))
        parts.append(self.write(None if items is None else list(items)))
        parts.append(self.write(None if pairs is None else dict(pairs)))
        return _join("object", *parts)

    def _attributes(self, value: Any, method: str, attributes: Any) -> bytes:
        return _join("described", self._class(value), method.encode(), self.write(attributes))


def _described(value: Any, method: str) -> Any:
    try:
        if method == "get_params" and "deep" in inspect.signature(value.get_params).parameters:
            given = value.get_params(deep=False).items()
            return {name: one for name, one in given if not is_default(type(value), name, one)}
        return getattr(value, method)()
    except Exception as exc:
        raise NotCanonical(f"{method}() of {type(value).__qualname__} raised {exc!r}") from exc


def is_default(cls: type, name: str, value: Any) -> bool:
    """Whether a parameter of the class is at its default.

    Such parameters do not count: releases of a library add, rename and deprecate them.
    """
    try:
        known = inspect.signature(cls).parameters.get(name)
    except (TypeError, ValueError):  # of a class without a signature nothing is known
        return False
    if known is None or known.default is inspect.Parameter.empty:
        return False
    default = known.default
    return value is default or (_plain(value) and _plain(default) and repr(value) == repr(default))


def _plain(value: Any) -> bool:
    kind = type(value)
    return kind in (bool, int, float, str) or (kind is tuple and all(map(_plain, value)))


def _refuse(value: Any, reason: str) -> bytes:
    raise NotCanonical(f"{type(value).__qualname__} object: {reason}")


def _join(kind: str, *parts: bytes | memoryview) -> bytes:
    written = [kind.encode()]
    for part in parts:
        if len(part) > _INLINE:
            written.append(b"#" + digest(part).encode())  # type: ignore[arg-type]
        else:
            written.append(b"=" + bytes(part))
    return b"".join(len(part).to_bytes(4, "big") + part for part in written)
