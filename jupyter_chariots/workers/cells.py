"""Running the cells of a notebook in a child, without a kernel: IPython runs them, as there."""

from __future__ import annotations

import sys
import traceback
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ..errors import ConfigurationError
from ..pipelines.pipeline import Pipeline
from ..versioning.source import is_user_module
from ..versioning.version import digest

__all__ = ["digests", "pipelines_of_cells", "users_files"]

_MAIN = ("__main__", "__mp_main__")


def pipelines_of_cells(notebook: str, cells: Sequence[tuple[int, str]]) -> list[Pipeline]:
    """Run cells one after the other; the pipelines that public names are bound to in the end.

    Args:
        notebook: its path.
        cells: place in the notebook and source of each.

    Raises:
        ConfigurationError: a cell raised, or there is no pipeline; ``traceback`` shows where.
    """
    shell = _shell()
    name = Path(notebook).name
    for number, source in cells:
        shell.compile.title = f"{name}, cell {number}"
        done = shell.run_cell(source, store_history=True)
        error = done.error_before_exec or done.error_in_exec
        if isinstance(error, KeyboardInterrupt):
            raise error
        if error is not None:
            raise _failed(notebook, number, shell.compile.title, error) from None
    found = {
        id(value): value
        for name, value in shell.user_ns.items()
        if isinstance(value, Pipeline) and not name.startswith("_")
    }
    if not found:
        raise ConfigurationError(
            f"The tagged cells of {notebook} define no pipeline.",
            hint="Bind one to a name in one of them: train = Pipeline([...], 'train').",
            notebook=notebook,
        )
    return list(found.values())


def users_files() -> dict[str, str]:
    """The user's own modules that this process has imported: file → digest of its content."""
    files = {
        str(getattr(module, "__file__", None) or "")
        for name, module in list(sys.modules.items())
        if name not in _MAIN and is_user_module(name)
    }
    return digests(file for file in files if file.endswith(".py"))


def digests(files: Any) -> dict[str, str]:
    """Digests of the contents of files; those that cannot be read are left out."""
    found = {}
    for file in sorted(files):
        try:
            found[file] = digest(Path(file).read_bytes())
        except OSError:
            continue
    return found


def _shell() -> Any:
    """IPython without a prompt; what goes wrong in a cell is told by whoever runs it."""
    from IPython.core.compilerop import CachingCompiler
    from IPython.core.interactiveshell import InteractiveShell
    from traitlets.config import Config

    class Compiler(CachingCompiler):
        title = ""

        def get_code_name(self, raw_code: str, code: str, number: int) -> str:
            return self.title  # what tracebacks show, and under which the source is found

    class Shell(InteractiveShell):
        compiler_class = Compiler

        def showtraceback(self, *args: Any, **kwargs: Any) -> None:
            pass

        def showsyntaxerror(self, *args: Any, **kwargs: Any) -> None:
            pass

    config = Config()
    config.HistoryManager.enabled = False
    return Shell.instance(config=config)


def _failed(notebook: str, number: int, title: str, error: BaseException) -> ConfigurationError:
    where = error.__traceback__
    while where is not None and where.tb_frame.f_code.co_filename != title:
        where = where.tb_next
    lines = traceback.format_exception(type(error), error, where)
    details: Mapping[str, Any] = {"notebook": notebook, "cell": number}
    return ConfigurationError(
        f"Cell {number} of {notebook} failed: {type(error).__name__}: {error}",
        hint="The tagged cells have to run by themselves, from the first to the last. The "
        "traceback shows where it failed.",
        traceback="".join(lines),
        **details,
    )
