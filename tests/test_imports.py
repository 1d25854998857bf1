"""The rules of who imports whom."""

from __future__ import annotations

import ast
import graphlib
import importlib.util
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import jupyter_chariots

ROOT = Path(jupyter_chariots.__file__).parent
FILES = sorted(path for path in ROOT.rglob("*.py") if "node_modules" not in path.parts)

# What each part may import of the others; `errors` and `faults` import nothing.
ALLOWED = {
    "errors": set(),
    "faults": set(),
    "versioning": {"errors"},
    "pipelines": {"errors", "versioning"},
    "ml": {"errors", "versioning", "pipelines"},
    "op_store": {"errors", "faults", "versioning"},
    "formats": {"errors"},
    "workers": {"errors", "faults", "versioning", "pipelines", "ml", "op_store", "formats"},
    "notebooks": {"errors", "versioning"},
    "server": {
        "errors",
        "faults",
        "versioning",
        "pipelines",
        "ml",
        "op_store",
        "formats",
        "workers",
        "notebooks",
    },
    "client": {
        "errors",
        "faults",
        "versioning",
        "pipelines",
        "ml",
        "op_store",
        "formats",
        "workers",
    },
    "widgets": {"errors", "versioning", "client"},
    "cli": {"errors", "versioning", "op_store", "client", "notebooks", "workers"},
}
# The package itself names everything, lazily; examples use the public names.
FREE = {"", "examples"}

STDLIB_ONLY = ("errors", "versioning", "pipelines", "formats")


def module_name(path: Path) -> str:
    parts = path.relative_to(ROOT.parent).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


MODULES = {module_name(path): path for path in FILES}


def part_of(module: str) -> str:
    return [*module.split("."), ""][1]


def imports(path: Path, *, top_only: bool = False) -> Iterator[str]:
    """Full names of what a file imports; names of modules where it imports those."""
    name = module_name(path)
    package = name if path.name == "__init__.py" else name.rpartition(".")[0]
    tree = ast.parse(path.read_text(encoding="utf-8"))
    nodes = tree.body if top_only else list(ast.walk(tree))
    for node in nodes:
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = "." * node.level + (node.module or "")
            full = importlib.util.resolve_name(base, package) if node.level else base
            for alias in node.names:
                inner = f"{full}.{alias.name}"
                yield inner if inner in MODULES else full


def own(names: Iterator[str]) -> set[str]:
    return {name for name in names if name in MODULES}


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_imports_run_downward_only(path: Path) -> None:
    part = part_of(module_name(path))
    if part in FREE:
        return
    for imported in own(imports(path)):
        other = part_of(imported)
        if other in ("", part):
            continue
        assert other in ALLOWED[part], f"{module_name(path)} imports {imported}"


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_only_the_server_imports_jupyter_server(path: Path) -> None:
    if part_of(module_name(path)) == "server":
        return
    for imported in imports(path):
        assert imported.partition(".")[0] not in ("jupyter_server", "tornado"), imported


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_no_escapes(path: Path) -> None:
    assert "TYPE_CHECKING" not in path.read_text(encoding="utf-8")


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_the_core_imports_the_standard_library_only(path: Path) -> None:
    if part_of(module_name(path)) not in STDLIB_ONLY and path != ROOT / "__init__.py":
        return
    for imported in imports(path, top_only=True):
        top = imported.partition(".")[0]
        assert top == "jupyter_chariots" or top in sys.stdlib_module_names, imported


def test_no_cycles() -> None:
    graph = {
        name: own(imports(path)) - {name}
        for name, path in MODULES.items()
        if part_of(name) not in FREE
    }
    order = list(graphlib.TopologicalSorter(graph).static_order())
    assert order.index("jupyter_chariots.errors") < order.index("jupyter_chariots.pipelines")


def loaded_by(code: str) -> set[str]:
    script = f"{code}\nimport json, sys\nprint(json.dumps(sorted(sys.modules)))"
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    return set(json.loads(done.stdout.splitlines()[-1]))


HEAVY = {
    "IPython",
    "cloudpickle",
    "h5py",
    "ipywidgets",
    "joblib",
    "jupyter_core",
    "jupyter_server",
    "keras",
    "numpy",
    "pandas",
    "sklearn",
    "sqlite3",
    "sqlite_utils",
    "tornado",
    "traitlets",
}


def test_the_package_itself_imports_next_to_nothing() -> None:
    loaded = loaded_by("import jupyter_chariots")
    assert {name for name in loaded if name.startswith("jupyter_chariots")} == {"jupyter_chariots"}
    assert not loaded & HEAVY


@pytest.mark.parametrize(
    "names",
    ["Pipeline, Node, op, BaseOp, SequentialRunner, ThreadRunner", "VersionedField", "errors"],
)
def test_the_core_is_light(names: str) -> None:
    loaded = loaded_by(f"from jupyter_chariots import {names}")
    assert not loaded & HEAVY
