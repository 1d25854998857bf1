"""The tests that the tables of this folder name exist."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

HERE = Path(__file__).parent
NAMED = re.compile(r"→ (\S+\.py)::(\S+)")
TABLES = {
    path.name: NAMED.findall(ast.get_docstring(ast.parse(path.read_text())) or "")
    for path in sorted([*HERE.glob("test_defects_*.py"), HERE / "test_processes.py"])
    if path != Path(__file__)
}


def names_in(path):
    """Names of the tests of a file, with those of their classes."""
    for node in ast.parse(path.read_text()).body:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node.name
        elif isinstance(node, ast.ClassDef):
            for inner in node.body:
                if isinstance(inner, ast.FunctionDef | ast.AsyncFunctionDef):
                    yield f"{node.name}::{inner.name}"


@pytest.mark.parametrize("table", TABLES)
def test_the_tests_that_a_table_names_exist(table):
    for file, test in TABLES[table]:
        path = HERE.parent / file
        assert path.is_file(), f"{table} names {file}"
        assert test in set(names_in(path)), f"{table} names {file}::{test}"
        assert test.rpartition("::")[2].startswith("test_")


def test_every_subject_has_a_table():
    subjects = {name.removesuffix(".py").rpartition("_")[2] for name in TABLES}
    assert subjects == {
        "client",
        "graph",
        "packaging",
        "processes",
        "serving",
        "status",
        "store",
        "versions",
    }
    assert all(TABLES.values())
