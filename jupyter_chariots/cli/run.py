"""Reading the command line, and how a command ends."""

from __future__ import annotations

import argparse
import json
import os
import sys
import warnings
from collections.abc import Sequence
from typing import Any

from .. import __version__
from ..errors import (
    AccessDenied,
    BadRequest,
    ChariotsError,
    Conflict,
    DefinitionError,
    NotFound,
    NotTrusted,
    ServerNotFound,
    StoreBusy,
    TimedOut,
    TooLarge,
    Unavailable,
    VersionError,
)
from .commands import COMMANDS, Command

__all__ = ["EXIT_CODES", "exit_code", "main"]

EXIT_CODES = {
    0: "done",
    1: "failed: an op raised, a cell raised, or anything that is not below",
    2: "the command, or what it was given, cannot be understood",
    3: "no server was found, or it does not let you in",
    4: "there is no such pipeline, job, op, version, run, notebook or store",
    5: "versions do not fit together, or the pipeline is not loaded",
    6: "conflict: a name is taken, another run was saved in the meantime, or the job was cancelled",
    7: "not trusted: see `jupyter chariots trust`",
    8: "busy, starting, or a process died or took too long: the same may succeed later",
    130: "interrupted",
}
"""What the exit codes mean."""

_CODES: tuple[tuple[type[ChariotsError], int], ...] = (
    (NotTrusted, 7),
    (StoreBusy, 8),
    (ServerNotFound, 3),
    (AccessDenied, 3),
    (NotFound, 4),
    (VersionError, 5),
    (Conflict, 6),
    (Unavailable, 8),
    (TimedOut, 8),
    (BadRequest, 2),
    (DefinitionError, 2),
    (TooLarge, 2),
)


def exit_code(error: ChariotsError) -> int:
    """The exit code of a command that ends with this error."""
    return next((code for cls, code in _CODES if isinstance(error, cls)), 1)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command; its exit code.

    Args:
        arguments: of the command line; those of this process by default.
    """
    given = _parser().parse_args(arguments)
    command: Command = given.command
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("ignore")
        warnings.simplefilter("always", UserWarning)
        try:
            result = command.run(given)
            if result is not None:
                _print(json.dumps(result, default=str) if given.json else command.show(result))
            code = 0
        except ChariotsError as error:
            code = exit_code(error)
            _tell(error, given)
        except KeyboardInterrupt as stopped:
            code = 130
            print(*stopped.args, file=sys.stderr)
        finally:
            for warning in told:
                print(f"warning: {warning.message}", file=sys.stderr)
    return code


def _print(text: str) -> None:
    try:
        print(text, flush=True)
    except BrokenPipeError:  # whoever reads has seen enough; nothing more goes there
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _tell(error: ChariotsError, given: argparse.Namespace) -> None:
    if given.json:
        print(json.dumps(error.payload(), default=str), file=sys.stderr)
        return
    lines = [f"error: {error.message}", *([error.hint] if error.hint else [])]
    if error.traceback and given.traceback:
        lines.append(error.traceback.rstrip())
    elif error.traceback:
        lines.append("(--traceback shows where.)")
    print("\n".join(lines), file=sys.stderr)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="jupyter chariots",
        description="The pipelines of a Jupyter server. It is found by the folder that you are "
        "in, or by CHARIOTS_URL and CHARIOTS_TOKEN.",
        epilog="Exit codes: " + "; ".join(f"{code}: {said}" for code, said in EXIT_CODES.items()),
    )
    parser.add_argument("--version", action="version", version=__version__)
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    for command in COMMANDS:
        sub = commands.add_parser(command.name, help=command.help, description=command.help)
        for argument in command.arguments:
            options: dict[str, Any] = dict(argument.options)
            sub.add_argument(*argument.names, **options)
        sub.add_argument("--json", action="store_true", help="one JSON document, for scripts")
        sub.add_argument("--traceback", action="store_true", help="show that of a failed op")
        sub.set_defaults(command=command)
    return parser
