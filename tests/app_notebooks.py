"""Notebooks with tagged cells, for tests."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

import nbformat

NUMBER = """
from jupyter_chariots import Node, Pipeline, op

@op
def number():
    return {number}

answer = Pipeline([Node(number, output_nodes="__pipeline_output__")], "{name}")
"""
SCRIPT = """#!{python}
import sys
from jupyter_chariots.cli import main
sys.exit(main())
"""


def write_app(
    path: Path, *cells: str, kernel: str | None = "python3", untagged: Sequence[str] = ()
) -> Path:
    """A notebook with these cells tagged; the others come first."""
    notebook = nbformat.v4.new_notebook()
    if kernel is not None:
        notebook.metadata["kernelspec"] = {"name": kernel, "display_name": kernel}
    notebook.cells = [nbformat.v4.new_code_cell(source) for source in untagged]
    for source in cells:
        cell = nbformat.v4.new_code_cell(source)
        cell.metadata["tags"] = ["chariots"]
        notebook.cells.append(cell)
    path.parent.mkdir(parents=True, exist_ok=True)
    nbformat.write(notebook, path)
    return path


def number_app(path: Path, number: int = 1, name: str = "answer") -> Path:
    """A notebook whose pipeline answers with a number."""
    return write_app(path, NUMBER.format(number=number, name=name))


def with_script(folder: Path, environment: Mapping[str, str]) -> dict[str, str]:
    """The environment with ``jupyter-chariots`` of this tree on its path, as pip would make it."""
    scripts = folder / "scripts"
    scripts.mkdir(exist_ok=True)
    script = scripts / "jupyter-chariots"
    script.write_text(SCRIPT.format(python=sys.executable))
    script.chmod(0o755)
    beside = Path(sys.executable).parent
    path = os.pathsep.join(map(str, [scripts, beside, environment.get("PATH", "")]))
    return {**environment, "PATH": path}


def jupyter_chariots(
    *arguments: str | Path,
    env: Mapping[str, str],
    cwd: Path,
    text: str | None = None,
    code: int | None = 0,
) -> subprocess.CompletedProcess[str]:
    """``jupyter chariots …`` in a shell, to its end."""
    done = subprocess.run(
        [str(Path(sys.executable).parent / "jupyter"), "chariots", *map(str, arguments)],
        cwd=cwd,
        env=dict(env),
        input=text,
        stdin=None if text is not None else subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    if code is not None:
        assert done.returncode == code, f"{done.returncode}\n{done.stdout}\n{done.stderr}"
    return done
