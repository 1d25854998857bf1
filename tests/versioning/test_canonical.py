from __future__ import annotations

import collections
import dataclasses
import datetime
import decimal
import enum
import functools
import pathlib
import re
import threading
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.decomposition import PCA
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline

from jupyter_chariots.versioning.canonical import NotCanonical, public_name
from jupyter_chariots.versioning.code import canonical_value


class Colour(enum.Enum):
    RED = 1
    BLUE = 2


class Access(enum.Flag):
    READ = 1
    WRITE = 2


@dataclasses.dataclass
class Point:
    x: int
    y: int = 0


class Slotted:
    __slots__ = ("a",)

    def __init__(self, a: int) -> None:
        self.a = a


class Configured:
    """As a layer of keras."""

    def __init__(self, units: int) -> None:
        self.units = units
        self.lock = threading.Lock()

    def get_config(self) -> dict[str, Any]:
        return {"units": self.units}


class EarlyStopping:
    """As a callback of keras: plain attributes, one of which is a function."""

    def __init__(self, patience: int) -> None:
        self.patience = patience
        self.monitor_op = np.less
        self.model = None


def double(x: int) -> int:
    return 2 * x


VALUES: list[Any] = [
    None,
    True,
    False,
    0,
    1,
    -1,
    10**40,
    0.0,
    -0.0,
    1.0,
    float("nan"),
    float("inf"),
    1j,
    "",
    "1",
    "é\udc80",
    b"1",
    ...,
    (),
    [],
    {},
    set(),
    (1,),
    [1],
    {1},
    [1, 2],
    [[1], 2],
    [1, [2]],
    {"a": 1},
    {"a": "1"},
    {"a": {"b": 1}},
    {1: "a"},
    collections.OrderedDict(a=1),
    collections.deque([1]),
    collections.deque([1], maxlen=3),
    collections.Counter("aab"),
    range(3),
    slice(1, 2),
    10**5000,
    Colour.RED,
    Colour.BLUE,
    Access(0),
    Access.READ,
    Access.READ | Access.WRITE,
    Point(1),
    Point(1, 2),
    Slotted(1),
    Slotted(2),
    Configured(3),
    Configured(4),
    EarlyStopping(1),
    EarlyStopping(2),
    double,
    len,
    np.log,
    np.exp,
    int,
    Point,
    functools.partial(double, 1),
    functools.partial(double, 2),
    Point(1).__eq__,
    re.compile("a"),
    re.compile("a", re.IGNORECASE),
    pathlib.PurePosixPath("a/b"),
    datetime.date(2026, 1, 1),
    datetime.datetime(2026, 1, 1),
    datetime.datetime(2026, 1, 1, tzinfo=datetime.timezone.utc),
    datetime.timedelta(1),
    decimal.Decimal("1.0"),
    decimal.Decimal("1.00"),
    np.int64(1),
    np.float32(1),
    np.array(1),
    np.array([1, 2]),
    np.array([1.0, 2.0]),
    np.array([[1, 2]]),
    np.array([1, 2], dtype=">i8"),
    np.array(["a", "b"]),
    np.array(["a", 1], dtype=object),
    np.array([(1, 2.0)], dtype=[("a", "i4"), ("b", "f8")]),
    np.array(["2026-01-01"], dtype="M8[D]"),
    np.ma.array([1, 2], mask=[True, False]),
    np.ma.array([1, 2], mask=[False, True]),
    np.dtype("f4"),
    np.arange(1000),
    np.zeros(0),
    pd.DataFrame({"a": [1, 2]}),
    pd.DataFrame({"b": [1, 2]}),
    pd.DataFrame({"a": [1.0, 2.0]}),
    pd.DataFrame({"a": ["x", None]}),
    pd.DataFrame({"a": pd.Categorical(["x", "y"])}),
    pd.DataFrame({"a": [1, 2]}, index=[5, 6]),
    pd.Series([1, 2]),
    pd.Series([1, 2], name="a"),
    pd.Index([1, 2]),
    PCA(2),
    PCA(3),
    LogisticRegression(),
    LogisticRegression(C=2),
    make_pipeline(PCA(2), LogisticRegression()),
    make_pipeline(PCA(3), LogisticRegression()),
]


def test_different_values_differ() -> None:
    written = [canonical_value(value) for value in VALUES]
    twins = [
        (repr(VALUES[i]), repr(VALUES[j]))
        for i in range(len(written))
        for j in range(i)
        if written[i] == written[j]
    ]
    assert twins == []


@pytest.mark.parametrize("index", range(len(VALUES)))
def test_writing_twice_gives_the_same(index: int) -> None:
    value = VALUES[index]
    assert canonical_value(value) == canonical_value(value)


def padded(padding: int) -> Any:
    """A record whose fields have bytes between them that mean nothing."""
    records = np.empty(2, dtype=np.dtype([("a", "i1"), ("b", "f8")], align=True))
    records.view("u1")[:] = padding
    records["a"], records["b"] = 1, 2.0
    return records


EQUAL: list[tuple[Any, Any]] = [
    ({"a": 1, "b": 2}, {"b": 2, "a": 1}),
    ({"x", "y", "z"}, {"z", "y", "x"}),
    ({1, 2}, frozenset({1, 2})),
    (Point(1, 2), Point(1, 2)),
    (Configured(3), Configured(3)),
    (PCA(2), PCA(n_components=2)),
    (PCA(2), PCA(2).fit(np.eye(3))),
    (LogisticRegression(C=2), LogisticRegression(C=2, tol=1e-4)),
    (padded(0), padded(255)),
    (np.arange(6).reshape(2, 3), np.asfortranarray(np.arange(6).reshape(2, 3))),
    (np.arange(10)[::2], np.array([0, 2, 4, 6, 8])),
    (float("nan"), -float("nan") * 0 + float("nan")),
    (functools.partial(double, 1), functools.partial(double, 1)),
    (pd.DataFrame({"a": [1], "b": [2]}), pd.DataFrame({"a": [1], "b": [2]}).copy()),
]


@pytest.mark.parametrize(("one", "other"), EQUAL)
def test_equal_values(one: Any, other: Any) -> None:
    assert canonical_value(one) == canonical_value(other)


def test_cycles_end() -> None:
    one: list[Any] = [1]
    one.append(one)
    other: list[Any] = [1]
    other.append(other)
    assert canonical_value(one) == canonical_value(other)
    assert canonical_value([1, [1]]) != canonical_value(one)


def test_the_same_object_twice_is_no_cycle() -> None:
    shared = [1]
    assert canonical_value([shared, shared]) == canonical_value([[1], [1]])


@pytest.mark.parametrize(
    "value",
    [threading.Lock(), (i for i in range(3)), [threading.Lock()], {"a": threading.Lock()}],
)
def test_what_has_no_canonical_form(value: Any) -> None:
    with pytest.raises(NotCanonical):
        canonical_value(value)


def test_nesting_without_end() -> None:
    deep: list[Any] = []
    for _ in range(100_000):
        deep = [deep]
    with pytest.raises(NotCanonical, match="too deeply"):
        canonical_value(deep)


def test_parameters_at_their_defaults_do_not_count() -> None:
    """Releases of a library add parameters and rename them, which must not orphan models."""

    class Estimator:
        def __init__(self, a: int = 1, b: Any = (1, "x"), c: float = float("nan")) -> None:
            self.given = {"a": a, "b": b, "c": c}

        def get_params(self, deep: bool = True) -> dict[str, Any]:
            return self.given

    older, newer = Estimator(), Estimator(1, (1, "x"))
    del older.given["b"], older.given["c"]
    assert canonical_value(older) == canonical_value(newer)
    others: list[Any] = [(), (2,), (1, (2, "x")), (1, [1, "x"])]
    assert len({canonical_value(Estimator(*given)) for given in others}) == 4


def test_parameters_that_cannot_be_had() -> None:
    class Broken:
        def get_params(self) -> dict[str, Any]:
            raise RuntimeError("no")

    with pytest.raises(NotCanonical, match="get_params"):
        canonical_value(Broken())


def test_public_names_leave_out_private_modules() -> None:
    assert public_name(LogisticRegression) == "sklearn.linear_model.LogisticRegression"
    assert public_name(len) == "builtins.len"


def test_large_arrays_are_not_copied_into_the_bytes() -> None:
    assert len(canonical_value(np.zeros(1_000_000))) < 1000
