"""Notebook and cell that code comes from, as the kernel that runs them knows."""

from __future__ import annotations

import functools
import linecache
import os
import re
import sys
from collections.abc import Callable
from typing import Any, TypeVar

__all__ = ["cell_of", "current_cell", "former_names", "note_cell", "notebook", "rename_notebook"]

_Returned = TypeVar("_Returned")

# Cells as they were when a class of theirs was defined, by the file name that its code bears: only
# then the kernel knows the id of the cell.
_noted: dict[str, dict[str, Any]] = {}

_names: list[str] = []  # that this process has learned for its notebook, the present one last


def notebook() -> str | None:
    """The path of this kernel's notebook, as far as it is known; ``None`` outside of notebooks.

    ``JPY_SESSION_NAME`` is the path at the start of the kernel. Who knows of a later one says so
    with :func:`rename_notebook`.
    """
    return _names[-1] if _names else os.environ.get("JPY_SESSION_NAME")


def rename_notebook(path: str) -> None:
    """Have :func:`notebook` give this path from now on."""
    if path != notebook():
        _names.append(path)


def former_names() -> list[str]:
    """The paths that the notebook had before in the life of this kernel."""
    known = [os.environ.get("JPY_SESSION_NAME"), *_names]
    return list(dict.fromkeys(name for name in known if name and name != notebook()))


def _quietly(look: Callable[..., _Returned]) -> Callable[..., _Returned | None]:
    """Nothing fails because a shell is another than expected: it is asked for provenance only."""

    @functools.wraps(look)
    def wrapped(*args: Any) -> _Returned | None:
        try:
            return look(*args)
        except Exception:
            return None

    return wrapped


@_quietly
def note_cell(file: str) -> None:
    """Remember the cell that bears this file name and is running now, and its id."""
    shell = _shell()
    number = _number(shell, file)
    if number is None:
        return
    found: dict[str, Any] = {"execution_count": number, "source": _text(shell, file, number)}
    if number == _running(shell):
        found.update(_id(shell))
    _noted[file] = found


@_quietly
def cell_of(file: str) -> dict[str, Any] | None:
    """The cell whose code bears this file name: ``source``, ``execution_count``, and ``id`` where
    the front end gave one; ``None`` if there is no such cell.
    """
    if file in _noted:
        return dict(_noted[file])
    shell = _shell()
    number = _number(shell, file)
    if number is None:
        return None
    return {"execution_count": number, "source": _text(shell, file, number)}


@_quietly
def current_cell() -> dict[str, Any] | None:
    """The cell that is running now, as :func:`cell_of` describes it."""
    shell = _shell()
    if shell is None:
        return None
    number = _running(shell)
    source = shell.history_manager.input_hist_raw[number]
    return {"execution_count": number, "source": source, **_id(shell)} if number else None


def _shell() -> Any:
    module = sys.modules.get("IPython")
    return None if module is None else module.get_ipython()


def _number(shell: Any, file: str) -> int | None:
    """The execution count of the cell that bears this file name."""
    named = None if shell is None else shell.compile.format_code_name(file)
    found = re.fullmatch(r"In\s*\[(\d+)\]", named[1]) if named else None
    return int(found[1]) if found else None


def _running(shell: Any) -> int:
    """The execution count of the cell that is running, or ran last."""
    # shell.execution_count is that or one more, from one release of IPython to the next
    return len(shell.history_manager.input_hist_raw) - 1


def _text(shell: Any, file: str, number: int) -> str:
    """The cell as the user wrote it; without the history, as Python got it."""
    python = "".join(linecache.getlines(file))
    written = shell.history_manager.input_hist_raw
    if number < len(written):
        raw = str(written[number])
        if shell.compile.get_code_name(raw, python, number) == file:
            return raw
    return python


def _id(shell: Any) -> dict[str, str]:
    get_parent = getattr(shell, "get_parent", None)
    found = (get_parent() or {}).get("metadata", {}).get("cellId") if get_parent else None
    return {"id": found} if isinstance(found, str) else {}
