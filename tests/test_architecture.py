"""docs/architecture.md speaks of what there is."""

from __future__ import annotations

import re
import sqlite3
from contextlib import closing
from pathlib import Path

from jupyter_chariots import OpStore

from .live import REPOSITORY

TEXT = (REPOSITORY / "docs" / "architecture.md").read_text(encoding="utf-8")
PACKAGE = REPOSITORY / "jupyter_chariots"


def section(title: str) -> str:
    return re.split(r"^## ", TEXT.split(f"\n## {title}\n")[1], flags=re.MULTILINE)[0]


def first_column(title: str) -> set[str]:
    rows = re.findall(r"^\| (`[^|]*) \|", section(title), re.MULTILINE)
    return {name for row in rows for name in re.findall(r"`(\w+)`", row)}


def test_its_tables_are_those_of_the_store(tmp_path: Path):
    store = OpStore(tmp_path / "op_store.db")
    store.close()
    with closing(sqlite3.connect(store.path)) as db:
        rows = db.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall()
    names = {name for (name,) in rows}
    ours = {name for name in names if not name.startswith(("sqlite_", "_sqlite"))}
    assert first_column("Tables of the op store") == ours


def test_its_layers_are_those_of_the_package():
    packages = {path.parent.name for path in PACKAGE.glob("*/__init__.py")}
    assert first_column("Layers") == packages | {"errors", "faults", "notebooks"}


def test_its_files_exist():
    named = re.findall(r"`((?:\w+/)+\w+\.py)`", TEXT)
    assert named
    for name in named:
        assert (PACKAGE / name).exists() or (REPOSITORY / name).exists(), name
