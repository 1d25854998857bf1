"""Where a definition can run: what stands beside its bytes, and is judged without opening them."""

from __future__ import annotations

import os
import site
import sys
import sysconfig
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

from ..errors import Conflict, DefinitionError
from ..versioning.cells import former_names, notebook
from .provenance import kernel

__all__ = ["PROTOCOL", "check_here", "make_header"]

PROTOCOL = 1
"""Number of the form of definitions; who opens one must know it."""


def make_header(env: Collection[str] = ()) -> dict[str, Any]:
    """Where a definition made in this process can run, as JSON values.

    Args:
        env: names of environment variables that go along, with their values.

    Raises:
        DefinitionError: one of them is not set.
    """
    missing = [name for name in env if name not in os.environ]
    if missing:
        raise DefinitionError(
            f"The environment variable {missing[0]!r} is not set here.",
            hint="Set it, or leave it out of env.",
        )
    main = getattr(sys.modules.get("__main__"), "__file__", None)
    here = kernel()
    return {
        "protocol": PROTOCOL,
        "python": _python(),
        "executable": sys.executable,
        "folder": os.getcwd(),
        "path": _path_additions(),
        "env": {name: os.environ[name] for name in env},
        "notebook": notebook() or (os.path.abspath(main) if main else None),
        "formerly": former_names(),
        "kernel_id": here and here["id"],
        "kernel": here,
    }


def check_here(header: Mapping[str, Any]) -> None:
    """See to it that a definition was made for a process such as this one.

    Another minor Python may crash on it.

    Raises:
        Conflict: it was made by another Python or in another form.
    """
    if header.get("protocol") != PROTOCOL:
        raise Conflict(
            "The definition was made by another release of jupyter_chariots.",
            hint="Serve the pipeline again.",
        )
    if header.get("python") != _python():
        raise Conflict(
            f"The definition was made by Python {header.get('python')}; {sys.executable} is "
            f"Python {_python()}, which cannot open it.",
            hint="Serve the pipeline again, from a kernel of an environment that is there.",
        )


def _python() -> str:
    return "{}.{}".format(*sys.version_info)


def _path_additions() -> list[str]:
    """The folders of ``sys.path`` that a new interpreter would not have by itself."""
    paths = sysconfig.get_paths()
    standard = {paths["stdlib"], paths["platstdlib"]}
    standard.add(os.path.join(paths["platstdlib"], "lib-dynload"))
    installed = {paths["purelib"], paths["platlib"], *site.getsitepackages()}
    installed.add(site.getusersitepackages())
    return [
        os.path.abspath(entry)
        for entry in dict.fromkeys(sys.path)
        if os.path.exists(entry)
        and entry not in standard
        and not any(Path(entry).is_relative_to(folder) for folder in installed)
    ]
