"""What can come next in a line of ``%chariots``: commands, names, versions."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from ..errors import ChariotsError
from .addresses import segment
from .arguments import COMMANDS

__all__ = ["completions"]

_VERSIONS = 50

Ask = Callable[..., Any]


def completions(line: str, ask: Ask, variables: Iterable[str] = ()) -> list[str]:
    """The words that could stand at the end of a line.

    Args:
        line: up to the cursor, beginning with the name of the magic.
        ask: gives the answer of a route of the server.
        variables: names that hold pipelines.
    """
    words = line.split()[1:]
    if not line[-1:].isspace():
        words = words[:-1]  # the one that is being typed
    try:
        return _next(words, line, ask, list(variables))
    except ChariotsError:  # no server: nothing is known
        return []


def _next(words: list[str], line: str, ask: Ask, variables: list[str]) -> list[str]:
    if not words:
        return list(COMMANDS)
    command, rest = words[0], [word for word in words[1:] if not word.startswith("-")]
    if command not in COMMANDS:
        return []
    takes = [names[0] for names, _ in COMMANDS[command].arguments]
    typed = "" if line[-1:].isspace() else line.split()[-1]
    if typed.startswith("-"):
        return [name for name in takes if name.startswith("-")]
    if words[-1] == "--pipeline" or ("pipeline" in takes and not rest):
        return sorted({*ask("/available_pipelines"), *variables})
    if "op" in takes and not rest:
        return _ops(ask)
    if command in ("diff", "lineage") and rest:
        return _versions(ask, rest[0])
    if command == "load":
        op, sign, _ = typed.partition("=")
        if sign:
            return _versions(ask, op)  # completed is what follows the sign
        return [f"{name}=" for name in _ops(ask, rest[0])]
    return []


def _ops(ask: Ask, pipeline: str | None = None) -> list[str]:
    """The ops with state, of a pipeline or of all."""
    if pipeline is not None:
        return list(ask(f"/pipelines/{segment(pipeline)}/loadable", limit=1)["ops"])
    return sorted(one["name"] for one in ask("/ops")["items"])


def _versions(ask: Ask, op: str) -> list[str]:
    page = ask(f"/ops/{segment(op)}/versions", limit=_VERSIONS)
    return [one["number"] for one in page["items"] if one["number"]]
