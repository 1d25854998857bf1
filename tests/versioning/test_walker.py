"""What of the user's code counts: each row is an edit that changes what the code does."""

from __future__ import annotations

import textwrap
from collections.abc import Callable
from types import ModuleType

import pytest

from jupyter_chariots.versioning.code import read_code

Make = Callable[..., ModuleType]

HEAD = "import collections, dataclasses, enum, functools\nimport numpy as np\n"


def digest_of(make_module: Make, text: str) -> str:
    return read_code(make_module(HEAD + textwrap.dedent(text)).root).digest


EDITS = {
    "a metaclass": (
        """
        class Meta(type):
            def __call__(cls):
                return 1
        class root(metaclass=Meta):
            pass
        """,
        "return 1",
        "return 2",
    ),
    "how a dataclass compares": (
        """
        @dataclasses.dataclass()
        class root:
            a: int = 1
        """,
        "dataclass()",
        "dataclass(order=True)",
    ),
    "what of a dataclass is compared": (
        """
        @dataclasses.dataclass
        class root:
            a: int = dataclasses.field(default=1)
        """,
        "default=1",
        "default=1, compare=False",
    ),
    "the order of a dataclass's fields": (
        """
        @dataclasses.dataclass
        class root:
            a: int
            b: int
        """,
        "a: int\n            b: int",
        "b: int\n            a: int",
    ),
    "an enum's __new__": (
        """
        class root(enum.Enum):
            A = 1
            def __new__(cls, value):
                self = object.__new__(cls)
                self._value_, self.size = value, 1
                return self
        """,
        "value, 1",
        "value, 2",
    ),
    "an enum's fallback": (
        """
        class root(enum.Enum):
            A = 1
            @classmethod
            def _missing_(cls, value):
                return cls.A
        """,
        "return cls.A",
        "return None",
    ),
    "an enum's alias": (
        """
        class root(enum.Enum):
            A = 1
            B = 1
        """,
        "B = 1",
        "C = 1",
    ),
    "arguments of a partial method": (
        """
        class root:
            def add(self, x):
                return x
            one = functools.partialmethod(add, 1)
        """,
        "(add, 1)",
        "(add, 2)",
    ),
    "an implementation of a generic function": (
        """
        @functools.singledispatch
        def size(x):
            return 0
        @size.register
        def _(x: int):
            return 1
        def root(x):
            return size(x)
        """,
        "return 1",
        "return 2",
    ),
    "a function inside an object of a library": (
        """
        square = np.vectorize(lambda x: x * x)
        def root(x):
            return square(x)
        """,
        "x * x",
        "x + x",
    ),
    "which lambda of a line": ("root, other = lambda x: x, lambda x: -x", "root, other", "o, root"),
    "which closure of a line": (
        """
        def make(k):
            return lambda x: x * k, lambda x: x + k
        root = make(3)[0]
        """,
        "[0]",
        "[1]",
    ),
    "which function a decorator without wraps holds": (
        """
        def twice(function):
            def inner(x):
                return function(function(x))
            return inner
        @twice
        def root(x):
            return x + 1
        """,
        "x + 1",
        "x + 2",
    ),
}


@pytest.mark.parametrize("what", EDITS)
def test_edits_that_count(make_module: Make, what: str) -> None:
    text, old, new = EDITS[what]
    assert old in text
    one = digest_of(make_module, text)
    assert digest_of(make_module, text) == one
    assert digest_of(make_module, text.replace(old, new)) != one


def test_where_a_lambda_stands_does_not_matter(make_module: Make) -> None:
    alone = digest_of(make_module, "root = lambda x: x + 1")
    assert digest_of(make_module, "root, other = lambda x: x + 1, lambda x: x") == alone
    assert digest_of(make_module, "other, root = lambda x: x, lambda x: x + 1") == alone


def test_a_constant_that_is_nested_without_end_counts_by_type(make_module: Make) -> None:
    text = "deep = []\nfor _ in range(100_000): deep = [deep]\ndef root():\n    return deep\n"
    assert digest_of(make_module, text) == digest_of(make_module, text)


OF_ALL_KINDS = """
    from typing import NamedTuple, Protocol

    class Colour(enum.Enum):
        RED = 1
        GREEN = "é"
        def next(self):
            return self.value

    class Access(enum.Flag):
        READ = enum.auto()
        WRITE = enum.auto()

    class Level(enum.IntEnum):
        LOW = 1

    @dataclasses.dataclass(frozen=True)
    class Settings:
        depth: int = 3
        names: tuple = ()

    class Pair(NamedTuple):
        weight: float = 1.5

    class Sized(Protocol):
        def size(self) -> int: ...

    def wrapped(function):
        @functools.wraps(function)
        def inner(*args):
            return function(*args)
        return inner

    @wrapped
    def helper(x, *, scale=-0.0):
        return f"{x!r:>{3}} {scale}"

    @functools.lru_cache(maxsize=None)
    def cached(x):
        return [helper(i) for i in range(x) if i]

    ALL = {1, "two", (3, 4.5), Colour.RED, Access.READ | Access.WRITE, None, b"5", 10**30}
    ORDERED = collections.OrderedDict(a=np.arange(3), b=[np.float32(2), np.array(1)])

    class Base:
        __slots__ = ()
        limit = 7
        @property
        def name(self):
            return "base"

    class root(Base):
        def run(self, x: int) -> object:
            def local():
                import json
                return json, x
            match_all = {key: value for key, value in ORDERED.items()}
            return local(), cached(x), match_all, ALL, Settings(), Pair(), Sized, Level.LOW, super()
        @classmethod
        def of(cls):
            return cls.limit, lambda y: y + cls.limit
        @functools.cached_property
        def size(self):
            try:
                return len(self.name)
            except (ValueError, TypeError):
                return 0
"""


def test_the_same_on_every_python(make_module: Make) -> None:
    """Stores outlive an upgrade of Python: who changes this digest changes all versions."""
    assert digest_of(make_module, OF_ALL_KINDS) == "4356ab0f2fd61f592e816c4fc3be45b93d8111e9"
