"""The packages that code and objects use."""

from __future__ import annotations

import importlib.metadata
from collections.abc import Mapping
from typing import Any

import numpy as np

from jupyter_chariots.versioning.packages import package_of, packages_of, version_of_package


def test_package_of_a_module() -> None:
    assert package_of("numpy.linalg") == "numpy"
    assert package_of("json.decoder") is None
    assert package_of(__name__) is None
    assert package_of("__main__") is None


def test_versions() -> None:
    assert version_of_package("numpy") == np.__version__
    assert version_of_package("pytest") == importlib.metadata.version("pytest")
    assert version_of_package("there_is_no_such_package") is None


class Model:
    def __init__(self, **held: Any) -> None:
        self.__dict__.update(held)


def test_packages_of_what_is_held() -> None:
    assert packages_of([Model(a=1, b="text")]) == {}
    around = Model()
    around.own = around  # refers to itself
    around.deep = [Model(inner={"weights": np.zeros(2)})]
    assert packages_of([around]) == {"numpy": np.__version__}
    from sklearn.decomposition import PCA

    assert packages_of([{"model": PCA()}]).keys() == {"sklearn"}


def test_large_structures_and_odd_ones_cost_little() -> None:
    class Odd(Mapping[str, Any]):
        def __getitem__(self, key: str) -> Any:
            raise AssertionError("looked into")

        def __iter__(self) -> Any:
            raise AssertionError("looked into")

        def __len__(self) -> int:
            raise AssertionError("looked into")

    assert packages_of([Odd(), list(range(10**6)), [[] for _ in range(10**5)]]) == {}
