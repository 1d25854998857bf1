from __future__ import annotations

import subprocess
import sys
import threading
from typing import Any

import pytest

from jupyter_chariots.errors import DefinitionError, InvalidField
from jupyter_chariots.versioning import (
    Version,
    Versioned,
    VersionedField,
    VersionedFieldDict,
    VersionType,
)

MAJOR, MINOR, PATCH = VersionType.MAJOR, VersionType.MINOR, VersionType.PATCH


class Plain(Versioned):
    pass


class Base(Versioned):
    size = VersionedField(3, MAJOR)
    kind = VersionedField("a", MINOR)
    options = VersionedFieldDict(MINOR, {"x": 1, "y": VersionedField(2, PATCH)})


class Child(Base):
    extra = VersionedField(True, PATCH)


def changed(one: Version, other: Version) -> list[VersionType]:
    return [
        level for level in VersionType if getattr(one, level.value) != getattr(other, level.value)
    ]


def test_without_fields_it_is_the_empty_version() -> None:
    assert Plain().__version__ == Version()


def test_fields_read_as_plain_values() -> None:
    assert Base.size == 3
    assert Base().size == 3
    assert dict(Base().options) == {"x": 1, "y": 2}
    assert dict(Base.options) == {"x": 1, "y": 2}


def test_equal_fields_equal_version_and_it_stays_the_same() -> None:
    one = Base()
    assert one.__version__ == Base().__version__
    assert str(one.__version__) == str(one.__version__)


@pytest.mark.parametrize(
    ("name", "value", "level"), [("size", 4, MAJOR), ("kind", "b", MINOR), ("extra", False, PATCH)]
)
def test_a_field_changes_its_level(name: str, value: Any, level: VersionType) -> None:
    one = Child()
    setattr(one, name, value)
    assert getattr(one, name) == value
    assert changed(one.__version__, Child().__version__) == [level]


def test_setting_on_one_instance_changes_only_that_one() -> None:
    one, other = Base(), Base()
    one.size = 10
    one.options["x"] = 10
    assert other.size == Base.size == 3
    assert other.options["x"] == Base.options["x"] == 1
    assert changed(one.__version__, other.__version__) == [MAJOR, MINOR]
    one.size, one.options["x"] = 3, 1
    assert one.__version__ == other.__version__


def test_entries_of_a_dict_have_levels_of_their_own() -> None:
    one = Base()
    one.options["y"] = 5
    assert changed(one.__version__, Base().__version__) == [PATCH]
    one = Base()
    one.options = {"x": 1, "y": 2, "z": 3}
    assert set(changed(one.__version__, Base().__version__)) == {MINOR, PATCH}  # y: level MINOR
    one = Base()
    del one.options["y"]
    assert changed(one.__version__, Base().__version__) == [PATCH]
    assert len(one.options) == 1


def test_dict_given_by_keywords() -> None:
    assert dict(VersionedFieldDict(MAJOR, a=1)) == {"a": 1}


def test_keys_need_not_be_strings() -> None:
    class Keyed(Versioned):
        table = VersionedFieldDict(MAJOR, {1: "one", (2, 3): "pair"})

    one = Keyed()
    one.table[1] = "eins"
    assert changed(one.__version__, Keyed().__version__) == [MAJOR]


def test_fields_of_grandparents_count() -> None:
    class Grandchild(Child):
        pass

    one = Grandchild()
    one.size = 4
    assert changed(one.__version__, Grandchild().__version__) == [MAJOR]
    assert Grandchild().__version__ == Child().__version__


def test_a_plain_value_in_a_subclass_keeps_the_level() -> None:
    class Bigger(Base):
        size = 30
        options = {"x": 5, "y": VersionedField(2, PATCH)}

    assert Bigger().size == 30
    assert changed(Bigger().__version__, Base().__version__) == [MAJOR, MINOR]
    one = Bigger()
    one.size = 3
    one.options["x"] = 1
    assert one.__version__ == Base().__version__


def test_a_value_set_on_the_class_counts() -> None:
    class Mine(Base):
        depth = VersionedField(1, MAJOR)

    before = Mine().__version__
    Mine.depth = 2
    assert changed(before, Mine().__version__) == [MAJOR]


def test_a_field_hidden_by_a_property_does_not_count() -> None:
    class Hidden(Base):
        @property
        def size(self) -> int:
            return 5

    assert "size" not in {field.name for field in Hidden().versioned_fields()}


def test_fields_made_in_init() -> None:
    class Made(Versioned):
        def __init__(self, depth: int) -> None:
            self.depth = VersionedField(depth, MINOR)
            self.table = VersionedFieldDict(PATCH, {"a": depth})

    one: Any = Made(3)
    assert one.depth == 3
    assert one.table["a"] == 3
    assert changed(Made(3).__version__, Made(4).__version__) == [MINOR, PATCH]
    one.depth = 4
    assert changed(one.__version__, Made(3).__version__) == [MINOR]
    one.table = {"a": 4}
    assert changed(one.__version__, Made(3).__version__) == [MINOR, PATCH]
    one.fix_version()
    for name, value in (("depth", 5), ("table", {}), ("table", VersionedFieldDict())):
        with pytest.raises(DefinitionError, match=name):
            setattr(one, name, value)
    with pytest.raises(DefinitionError, match="table"):
        one.table["a"] = 5


def test_a_field_value_with_another_level() -> None:
    one = Base()
    one.size = VersionedField(3, PATCH)  # type: ignore[assignment]
    assert one.size == 3
    assert set(changed(one.__version__, Base().__version__)) == {MAJOR, PATCH}


def test_names_of_fields_count() -> None:
    class A(Versioned):
        a = VersionedField(1, MAJOR)

    class B(Versioned):
        b = VersionedField(1, MAJOR)

    assert A().__version__ != B().__version__


def test_what_cannot_be_canonical_is_refused_with_the_fields_name() -> None:
    class Locked(Versioned):
        guard = VersionedField(threading.Lock(), MAJOR)

    with pytest.raises(InvalidField, match=r"'guard' of .*Locked"):
        _ = Locked().__version__

    class Deep(Versioned):
        options = VersionedFieldDict(MAJOR, {"locks": [threading.Lock()]})

    with pytest.raises(InvalidField, match=r"options\.locks"):
        _ = Deep().__version__


def test_once_fixed_fields_cannot_be_set() -> None:
    one = Base()
    version = one.__version__
    one.options["x"] = 1
    one.fix_version()
    assert str(one.__version__) == str(version)
    with pytest.raises(DefinitionError, match="'size'"):
        one.size = 4
    with pytest.raises(DefinitionError, match="'options'"):
        one.options["x"] = 4
    with pytest.raises(DefinitionError, match="'options'"):
        one.options = {}
    Base().size = 4


SCRIPT = """
from jupyter_chariots.versioning import *
class A(Versioned):
    names = VersionedField({"a", "b", "c", frozenset({"d", "e"})}, VersionType.MAJOR)
    table = VersionedField({"x": {1, 2}, "y": {"p", "q"}}, VersionType.MINOR)
    classes = VersionedField({int, str, float}, VersionType.PATCH)
print(str(A().__version__).partition("_")[0])
"""


def test_the_same_for_every_hash_seed() -> None:
    seen = {
        subprocess.run(
            [sys.executable, "-c", SCRIPT],
            env={"PYTHONHASHSEED": seed, "PYTHONPATH": ":".join(filter(None, sys.path))},
            check=True,
            capture_output=True,
            text=True,
        ).stdout
        for seed in ("0", "1", "2", "42")
    }
    assert len(seen) == 1
