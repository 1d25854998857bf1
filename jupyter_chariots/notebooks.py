"""The cells of a notebook that are served: those tagged ``chariots``."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .errors import InvalidNotebook, NotFound
from .versioning.version import digest

__all__ = ["TAG", "AppNotebook", "Cell", "read_app"]

TAG = "chariots"
"""The tag of the cells that are served."""


@dataclass(frozen=True)
class Cell:
    """A tagged cell.

    Attributes:
        number: its place in the notebook, from 1; text counts, too.
        source: what it says.
        tags: all its tags, sorted.
    """

    number: int
    source: str
    tags: tuple[str, ...]


@dataclass(frozen=True)
class AppNotebook:
    """What of a notebook is served.

    Attributes:
        path: the file itself, where links lead to.
        kernel: name of its kernelspec, if it has one.
        cells: the tagged ones, in order.
    """

    path: Path
    kernel: str | None
    cells: tuple[Cell, ...]

    @property
    def digest(self) -> str:
        """Of all that decides what is run: the cells, their order and tags, and the kernel."""
        cells = [[cell.source, cell.tags] for cell in self.cells]
        return digest(b"notebook", json.dumps([self.kernel, cells]).encode())


def read_app(path: Path) -> AppNotebook:
    """Read a notebook; nothing of it is run.

    Raises:
        NotFound: there is no such file.
        InvalidNotebook: it is no notebook, or none of its cells is tagged.
    """
    try:
        path = path.resolve()
        text = path.read_text(encoding="utf-8")
    except (FileNotFoundError, NotADirectoryError):
        raise NotFound(f"There is no notebook {path}.", notebook=str(path)) from None
    except (OSError, ValueError, RuntimeError) as error:
        raise _no_notebook(path, error) from error
    try:
        kernel, cells = _parse(text)
    except Exception as error:  # whatever a file may hold that only looks like a notebook
        raise _no_notebook(path, error) from error
    if not cells:
        raise InvalidNotebook(
            f"No cell of {path} is tagged {TAG!r}.",
            hint="Tag the cells that define the pipelines, and what these need: in JupyterLab in "
            "the property inspector, the gear wheels at the upper right.",
            notebook=str(path),
        )
    return AppNotebook(path, kernel, cells)


def _parse(text: str) -> tuple[str | None, tuple[Cell, ...]]:
    from nbformat import converter, reader

    # not nbformat.reads: that checks what does not matter here, and warns of it
    notebook = converter.convert(reader.reads(text), 4)  # type: ignore[no-untyped-call]
    kernel = notebook.metadata.get("kernelspec", {}).get("name")
    cells = tuple(
        Cell(number, _text(cell.source), _tags(cell.metadata))
        for number, cell in enumerate(notebook.cells, 1)
        if cell.cell_type == "code" and TAG in _tags(cell.metadata)
    )
    return (None if kernel is None else _text(kernel)), cells


def _tags(metadata: Mapping[str, Any]) -> tuple[str, ...]:
    return tuple(sorted(map(_text, metadata.get("tags", ()))))


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError(f"{value!r} is no text")
    return value


def _no_notebook(path: Path, error: Exception) -> InvalidNotebook:
    return InvalidNotebook(
        f"{path} is no notebook that can be read: {type(error).__name__}: {error}.",
        notebook=str(path),
    )
