"""The names that users import."""

from __future__ import annotations

import ast
import importlib
import subprocess
import sys
from pathlib import Path

import pytest

import jupyter_chariots


def test_the_list_is_sorted_and_complete() -> None:
    assert jupyter_chariots.__all__ == sorted(jupyter_chariots.__all__)
    assert set(jupyter_chariots.__all__) <= set(dir(jupyter_chariots))


@pytest.mark.parametrize("name", jupyter_chariots.__all__)
def test_each_name_can_be_had(name: str) -> None:
    value = getattr(jupyter_chariots, name)
    assert value is not None
    if name != "op" and name != "as_op" and name != "errors":
        assert value.__name__ == name


def test_the_names_of_the_design() -> None:
    names = """Pipeline Node ReservedNodes op BaseOp LoadableOp MLMode BaseMLOp SKSupervisedOp
        SKUnsupervisedOp Version VersionType VersionedField VersionedFieldDict SequentialRunner
        ThreadRunner OpCallBack PipelineCallback OpStore PipelinesClient PipelineResponse JobStatus
        BaseWorkerPool PipelinesServer errors as_op"""
    assert set(names.split()) <= set(jupyter_chariots.__all__)


@pytest.mark.parametrize(
    ("module", "names"),
    [
        ("pipelines", "BaseRunner FunctionOp"),
        ("versioning", "Versioned"),
        ("ml", "BaseSerializer PickleSerializer JSONSerializer CSVSerializer JoblibSerializer"),
        ("ml", "KerasOp KerasSerializer"),
        ("op_store", "BaseSaver FileSaver"),
    ],
)
def test_names_of_the_subpackages(module: str, names: str) -> None:
    package = importlib.import_module(f"jupyter_chariots.{module}")
    for name in names.split():
        assert hasattr(package, name), f"{module}.{name}"
        assert name in package.__all__


@pytest.mark.parametrize("module", ["pipelines", "versioning", "ml", "op_store", "client"])
def test_lists_of_the_subpackages_are_true(module: str) -> None:
    package = importlib.import_module(f"jupyter_chariots.{module}")
    for name in package.__all__:
        assert hasattr(package, name), f"{module}.{name}"


def test_unknown_names() -> None:
    with pytest.raises(AttributeError, match="no attribute 'Pipelines'"):
        _ = jupyter_chariots.Pipelines


def test_star_import() -> None:
    code = "from jupyter_chariots import *; print(Pipeline.__name__, errors.__name__)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["Pipeline", "jupyter_chariots.errors"]


def test_version() -> None:
    assert jupyter_chariots.__version__ == "0.1.0"


def test_the_server_extension_is_found() -> None:
    (point,) = jupyter_chariots._jupyter_server_extension_points()
    assert point["module"] == "jupyter_chariots"
    assert point["app"].__name__ == "PipelinesServer"


def test_type_checkers_see_the_same_names() -> None:
    """Lazy names are typed by the stub beside the package."""
    stub = Path(jupyter_chariots.__file__).with_suffix(".pyi")
    imported = {
        (alias.asname or alias.name, node.module)
        for node in ast.parse(stub.read_text(encoding="utf-8")).body
        if isinstance(node, ast.ImportFrom) and node.level
        for alias in node.names
    }
    assert {name for name, _ in imported} == set(jupyter_chariots.__all__)
    for name, module in imported:
        if module is not None:
            home = importlib.import_module(f"jupyter_chariots.{module}")
            assert getattr(home, name) is getattr(jupyter_chariots, name)
