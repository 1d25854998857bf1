"""What commands do in this process: reading an input, trusting, cleaning a store."""

from __future__ import annotations

import dataclasses
import json
import shlex
import sys
from argparse import Namespace
from pathlib import Path
from typing import Any

from ..errors import BadRequest, NotFound

__all__ = ["collect", "read_input", "trust"]


def read_input(given: str | None) -> Any:
    """The value of ``--input``: JSON, ``@file`` or ``-``.

    Raises:
        NotFound: there is no such file.
        BadRequest: it is not JSON.
    """
    if given is None:
        return None
    try:
        if given == "-":
            text = sys.stdin.read()
        elif given.startswith("@"):
            text = Path(given[1:]).read_text(encoding="utf-8-sig")
        else:
            text = given
    except FileNotFoundError:
        raise NotFound(f"There is no file {given[1:]}.") from None
    except (OSError, ValueError) as error:
        raise BadRequest(f"The input cannot be read: {error}.") from error
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        raise BadRequest(
            f"The input is not JSON: {error}.",
            hint="Give JSON, such as '[[5.1, 3.5]]', or @FILE, or - for standard input.",
        ) from None


def trust(given: Namespace) -> list[dict[str, Any]]:
    """Sign notebooks and stores as they are.

    Raises:
        NotFound: a path leads to neither.
        InvalidNotebook: a notebook cannot be read, or has no tagged cell.
    """
    return [_trust(Path(path).absolute()) for path in given.paths]


def _trust(path: Path) -> dict[str, Any]:
    if path.suffix == ".ipynb":
        from ..notebooks import read_app
        from ..op_store.notebook_trust import trust_notebook

        app = read_app(path)
        trust_notebook(app.path, app.digest)
        return {
            "path": str(app.path),
            "cells": [cell.number for cell in app.cells],
            "kernel": app.kernel,
            "serve": f"jupyter chariots serve {shlex.quote(str(app.path))}",
        }
    from ..op_store import OpStore

    with OpStore(_store_at(path)) as store:
        return {"path": str(store.path), "signed": store.trust()}


def collect(given: Namespace) -> dict[str, Any]:
    """Remove what nothing needs from a store.

    Raises:
        NotFound: there is no store.
    """
    from ..op_store import OpStore
    from ..op_store.base import find_store

    path = _store_at(Path(given.path).absolute() if given.path else find_store())
    with OpStore(path) as store:
        return {"path": str(path), **dataclasses.asdict(store.gc(given.keep))}


def _store_at(path: Path) -> Path:
    """The database of an op store; none is made.

    Raises:
        NotFound: there is none.
    """
    places = [path, path / "op_store.db", path / ".chariots" / "op_store.db"]
    for place in places:
        if place.is_file():
            return place
    raise NotFound(
        f"There is no notebook and no op store at {path}.",
        hint="Name a notebook (.ipynb), or an op store: .chariots/op_store.db in the folder of "
        "a server.",
    )
