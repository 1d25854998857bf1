"""Versioned fields: attributes of a class that are part of its version."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, MutableMapping
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from ..errors import DefinitionError, InvalidField
from .canonical import NotCanonical
from .code import canonical_value, remember_source
from .version import Version, VersionType, digest

__all__ = ["FieldValue", "Versioned", "VersionedField", "VersionedFieldDict", "version_of"]

T = TypeVar("T")


@dataclass(frozen=True)
class FieldValue:
    """A field as it counts: its name, the level that it is part of, and its value."""

    name: str
    level: VersionType
    value: Any


class VersionedField(Generic[T]):
    """A class attribute that is part of the version.

    ``threshold = VersionedField(3, VersionType.MINOR)`` reads as plain ``3``, on the class and on
    instances. Setting it on an instance changes that instance only.

    Args:
        value: anything with a canonical form: numbers, strings, containers, arrays, estimators,
            functions, classes, objects made of those.
        affected_version: the level of the version that the value is part of.
    """

    __versioned_field__ = True
    name: str = ""

    def __init__(self, value: T, affected_version: VersionType = VersionType.MAJOR) -> None:
        self.value = value
        self.level = affected_version

    def __set_name__(self, owner: type, name: str) -> None:
        self.name = name

    def __get__(self, instance: Any, owner: type | None = None) -> T:
        if instance is None:
            return self.value
        value: T = instance.__dict__.get(self.name, self.value)
        return value

    def __set__(self, instance: Any, value: T | VersionedField[T]) -> None:
        _refuse_if_fixed(instance, self.name)
        if isinstance(value, VersionedField):
            instance.__dict__.setdefault("_own_levels", {})[self.name] = value.level
            value = value.value
        instance.__dict__[self.name] = value

    def __repr__(self) -> str:
        return f"VersionedField({self.value!r}, {self.level})"


class VersionedFieldDict(MutableMapping[Any, Any]):
    """A mapping as class attribute whose entries are part of the version, each on its own.

    Reads as a mapping of plain values. An entry given as :class:`VersionedField` has a level of
    its own. Each instance has a copy: changing it changes that instance only.

    Args:
        affected_version: the level of the entries that have none of their own.
        entries: the mapping.
        kwargs: further entries.
    """

    __versioned_field__ = True
    name: str = ""

    def __init__(
        self,
        affected_version: VersionType = VersionType.MAJOR,
        entries: Mapping[Any, Any] | Iterable[tuple[Any, Any]] = (),
        **kwargs: Any,
    ) -> None:
        self.level = affected_version
        self._values: dict[Any, Any] = {}
        self._levels: dict[Any, VersionType] = {}
        self._owner: Any = None
        if isinstance(entries, VersionedFieldDict):
            self._levels.update(entries._levels)
        self.update(entries, **kwargs)

    def __set_name__(self, owner: type, name: str) -> None:
        self.name = name

    def __get__(self, instance: Any, owner: type | None = None) -> VersionedFieldDict:
        if instance is None:
            return self
        own: VersionedFieldDict | None = instance.__dict__.get(self.name)
        return self._own(instance, self) if own is None else own

    def __set__(self, instance: Any, value: Mapping[Any, Any]) -> None:
        _refuse_if_fixed(instance, self.name)
        self._own(instance, value)

    def _own(self, instance: Any, entries: Mapping[Any, Any]) -> VersionedFieldDict:
        level = entries.level if isinstance(entries, VersionedFieldDict) else self.level
        own = VersionedFieldDict(level, entries)
        own.name, own._owner = self.name, instance
        instance.__dict__[self.name] = own
        return own

    def fields(self) -> Iterator[FieldValue]:
        """Each entry as a field of its own."""
        for key, value in self._values.items():
            label = key if isinstance(key, str) else f"<{canonical_value(key).hex()}>"
            yield FieldValue(f"{self.name}.{label}", self._levels.get(key, self.level), value)

    def __getitem__(self, key: Any) -> Any:
        return self._values[key]

    def __setitem__(self, key: Any, value: Any) -> None:
        _refuse_if_fixed(self._owner, self.name)
        if isinstance(value, VersionedField):
            self._levels[key] = value.level
            value = value.value
        self._values[key] = value

    def __delitem__(self, key: Any) -> None:
        _refuse_if_fixed(self._owner, self.name)
        del self._values[key]
        self._levels.pop(key, None)

    def __iter__(self) -> Iterator[Any]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)

    def __repr__(self) -> str:
        return f"VersionedFieldDict({self.level}, {self._values!r})"


_Field = (VersionedField, VersionedFieldDict)


class Versioned:
    """A class with versioned fields; its ``__version__`` is made of them.

    The fields of all ancestors count. A subclass that gives a field a plain value keeps its level.
    """

    _fixed: Version | None = None
    _last: Version | None = None

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        remember_source(cls)
        for name, value in list(vars(cls).items()):
            above = _declared(cls.__mro__[1:], name)
            if above is None or hasattr(type(value), "__get__"):
                continue
            field = (
                type(above)(above.level, value)
                if isinstance(above, VersionedFieldDict)
                else (VersionedField(value, above.level))
            )
            field.__set_name__(cls, name)
            setattr(cls, name, field)

    def __setattr__(self, name: str, value: Any) -> None:
        own = self.__dict__.get(name)
        known = isinstance(own, VersionedFieldDict) or name in self.__dict__.get("_own_levels", ())
        if (known or isinstance(value, _Field)) and _declared(type(self).__mro__, name) is None:
            # A field that only this instance has, set in its __init__.
            _refuse_if_fixed(self, name)
            if isinstance(value, VersionedField):
                self.__dict__.setdefault("_own_levels", {})[name] = value.level
                value = value.value
            elif isinstance(value, VersionedFieldDict):
                value.name, value._owner = name, self
            elif isinstance(own, VersionedFieldDict):
                value = own._own(self, value)
        object.__setattr__(self, name, value)

    def versioned_fields(self) -> list[FieldValue]:
        """The fields that are part of the version, with their present values."""
        declared: dict[str, VersionType] = {}
        for cls in reversed(type(self).__mro__):
            for name, value in vars(cls).items():
                if isinstance(value, _Field):
                    declared[name] = value.level
                elif hasattr(type(value), "__get__"):
                    declared.pop(name, None)  # hidden by a property, a method …
        declared.update(self.__dict__.get("_own_levels", {}))
        for name, value in self.__dict__.items():
            if isinstance(value, VersionedFieldDict):
                declared.setdefault(name, value.level)
        found: list[FieldValue] = []
        for name, level in declared.items():
            value = getattr(self, name)
            if isinstance(value, VersionedFieldDict):
                found.extend(value.fields())
            else:
                found.append(FieldValue(name, level, value))
        return found

    def extra_fields(self) -> list[FieldValue]:
        """What counts besides the fields; for subclasses."""
        return []

    def canonical_attributes(self) -> dict[str, Any]:
        """What stands for this object where it is itself part of a version."""
        return {field.name: field.value for field in self.versioned_fields()}

    @property
    def __version__(self) -> Version:
        """The version without learned state.

        Raises:
            InvalidField: the value of a field has no canonical form.
        """
        if self._fixed is not None:
            return self._fixed
        fields = [*self.versioned_fields(), *self.extra_fields()]
        version = version_of(fields, type(self).__qualname__)
        if version != self._last:
            self.__dict__["_last"] = version
        assert self._last is not None
        return self._last

    def fix_version(self) -> None:
        """From now on the version stays as it is, and the fields cannot be set."""
        self.__dict__["_fixed"] = self.__version__


def version_of(fields: Iterable[FieldValue], owner: str = "") -> Version:
    """The version that these fields make.

    Raises:
        InvalidField: the value of one has no canonical form.
    """
    parts: dict[VersionType, list[tuple[str, bytes]]] = {level: [] for level in VersionType}
    for field in fields:
        try:
            written = canonical_value(field.value)
        except NotCanonical as exc:
            raise InvalidField(
                f"The value of field {field.name!r} of {owner} cannot be part of a version: {exc}.",
                hint="Use numbers, strings, containers, arrays, functions, classes or objects made"
                " of those; what cannot change the result needs no VersionedField.",
                field=field.name,
            ) from exc
        parts[field.level].append((field.name, written))
    major, minor, patch = (
        digest(*(part for name, written in sorted(named) for part in (name.encode(), written)))
        for named in parts.values()
    )
    return Version(major, minor, patch)


def _declared(mro: Iterable[type], name: str) -> VersionedField[Any] | VersionedFieldDict | None:
    for cls in mro:
        if name in vars(cls):
            value = vars(cls)[name]
            return value if isinstance(value, _Field) else None
    return None


def _refuse_if_fixed(instance: Any, name: str) -> None:
    if getattr(instance, "_fixed", None) is not None:
        raise DefinitionError(
            f"Field {name!r} of {instance!r} cannot be set: the op is in a pipeline, and its"
            " version is fixed.",
            hint="Make another op with the new value, and a pipeline with it.",
        )
