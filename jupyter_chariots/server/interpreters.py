"""The interpreter of a kernel, as its kernelspec names it."""

from __future__ import annotations

import os
import shutil
import string
import sys
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from jupyter_client.kernelspec import NoSuchKernel

from ..errors import ConfigurationError

__all__ = ["FindSpec", "Interpreter", "interpreter_of"]

FindSpec = Callable[[str], Any]
"""Gives the kernelspec of a name; of the server, whose configuration says where they are."""

_DEFAULT = "python3"


@dataclass(frozen=True)
class Interpreter:
    """What runs the cells of a notebook.

    Attributes:
        python: the program.
        real: the file that it leads to, which another Python in its place would not.
        env: environment variables that the kernelspec sets.
    """

    python: str
    real: str
    env: dict[str, str]


def interpreter_of(kernel: str | None, find_spec: FindSpec) -> Interpreter:
    """The interpreter of a kernel, as Jupyter would start it; touches files.

    Args:
        kernel: its name; ``python3`` for a notebook that names none.
        find_spec: gives its kernelspec.

    Raises:
        ConfigurationError: there is no such kernel, or its interpreter cannot be used.
    """
    name = kernel or _DEFAULT
    try:
        spec = find_spec(name)
        program, language = str(spec.argv[0]), str(spec.language)
        given = {str(key): str(value) for key, value in spec.env.items()}
    except (NoSuchKernel, AttributeError, IndexError) as error:
        raise ConfigurationError(
            f"There is no kernel {name!r} here.",
            hint="`jupyter kernelspec list` shows those that are. Open the notebook with one of "
            "them and save it.",
            kernel=name,
        ) from error
    if language.lower() != "python":
        raise ConfigurationError(
            f"Kernel {name!r} is not for Python, but for {language}.",
            hint="Open the notebook with a kernel for Python and save it.",
            kernel=name,
        )
    # variables of this process may stand in the values, as for Jupyter
    env = {key: string.Template(value).safe_substitute(os.environ) for key, value in given.items()}
    ours = {"python", "python{}".format(*sys.version_info), "python{}.{}".format(*sys.version_info)}
    if program in ours:
        python: str | None = sys.executable
    else:
        python = shutil.which(program, path=env.get("PATH", os.environ.get("PATH")))
    if python is None:
        raise ConfigurationError(
            f"The interpreter of kernel {name!r}, {program}, is not there.",
            hint="Install its environment again, or open the notebook with another kernel and "
            "save it.",
            kernel=name,
        )
    return Interpreter(python, os.path.realpath(python), env)
