"""Which notebooks this user lets a server run.

A record for each notebook lies beside the user's secret, which signs it. It holds for one path and
one digest of what is run. Jupyter's own notary would not do: it signs every notebook that is saved
without outputs.
"""

from __future__ import annotations

import json
import os
import secrets
import shlex
from pathlib import Path
from typing import Any

from jupyter_core.paths import jupyter_data_dir

from ..errors import NotTrusted, StoreError
from ..versioning.version import digest as digest_of
from . import versions
from .signing import Signer

__all__ = ["check_notebook", "trust_command", "trust_notebook"]

_KIND = "notebook"
_FORM = "1"


def trust_notebook(path: Path, digest: str) -> None:
    """Let servers of this user run these cells of this notebook, and no others of it.

    Raises:
        StoreError: the record cannot be written.
    """
    real = path.resolve()
    signature = Signer().sign(_KIND, str(real), _FORM, digest)
    record = {
        "path": str(real),
        "digest": digest,
        "at": versions.timestamp(),
        "signature": signature.hex(),
    }
    file = _record(real)
    draft = file.with_name(f".{file.name}.{secrets.token_hex(8)}")
    try:
        file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as stream:
            json.dump(record, stream)
        draft.replace(file)
    except OSError as error:
        raise StoreError(
            f"The record of the notebook's trust cannot be written: {error}.",
            hint=f"Make {file.parent} writable, or set JUPYTER_DATA_DIR.",
        ) from error


def check_notebook(path: Path, digest: str) -> None:
    """See whether this user trusts these cells of this notebook.

    Raises:
        NotTrusted: never, or they have changed since; the hint has the command to paste.
    """
    real = path.resolve()
    try:
        record = json.loads(_record(real).read_text())
        signed, signature = str(record["digest"]), bytes.fromhex(record["signature"])
    except (OSError, ValueError, TypeError, KeyError):
        signed, signature = "", b""
    if not Signer().accepts(signature, _KIND, str(real), _FORM, signed):
        raise _refusal(path, "You have not trusted the cells of {path}; they are not run.")
    if signed != digest:
        raise _refusal(path, "Cells of {path} changed since you trusted them; they are not run.")


def trust_command(path: Path) -> str:
    """The line for the shell that lets a notebook be run."""
    return f"jupyter chariots trust {shlex.quote(str(path))}"


def _record(real: Path) -> Path:
    name = digest_of(os.fsencode(real))
    return Path(jupyter_data_dir()) / "chariots_notebooks" / f"{name}.json"


def _refusal(path: Path, said: str) -> NotTrusted:
    details: dict[str, Any] = {"notebook": str(path)}
    return NotTrusted(
        said.format(path=path),
        hint=f"Read them, and if they may run as you: {trust_command(path)}",
        **details,
    )
