"""What the commands of ``%chariots`` take, and how a line is read."""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from typing import Any, NamedTuple, NoReturn

from ..errors import BadRequest
from ..versioning.names import did_you_mean

__all__ = ["COMMANDS", "MAGIC", "HelpWanted", "pin", "read"]

MAGIC = "%chariots"


class HelpWanted(Exception):
    """Help was asked for; the message is the help."""


class Command(NamedTuple):
    """A command: what it does, in a line, and what it takes, as argparse has it."""

    help: str
    arguments: tuple[tuple[tuple[str, ...], Mapping[str, Any]], ...] = ()


class _Parser(argparse.ArgumentParser):
    """A parser that neither prints nor ends the process."""

    def error(self, message: str) -> NoReturn:
        raise BadRequest(f"{self.prog}: {message}.", hint=self.format_usage().strip())

    def print_help(self, file: Any = None) -> None:
        raise HelpWanted(self.format_help().rstrip())


def _takes(*names: str, **options: Any) -> tuple[tuple[str, ...], Mapping[str, Any]]:
    return names, options


_PIPELINE = _takes("pipeline", metavar="PIPELINE", help="its name, or a variable that holds it")
_OP = _takes("op", metavar="OP", help="name of the op")
_LIMIT = _takes("--limit", type=int, default=20, metavar="N", help="how many at most (20)")

COMMANDS: Mapping[str, Command] = {
    "list": Command("The pipelines of the server, and what they serve."),
    "call": Command(
        "Run a pipeline, and show its answer.",
        (
            _takes("--worker", action="store_true", default=None, help="let it become a job"),
            _PIPELINE,
            _takes(
                "input",
                nargs="?",
                metavar="INPUT",
                help="the rest of the line: JSON, or a Python expression such as a variable",
            ),
        ),
    ),
    "save": Command(
        "Save what the last run of a pipeline learned.",
        (
            _PIPELINE,
            _takes("--run-id", metavar="ID", help="save this run"),
            _takes(
                "--force",
                action="store_true",
                help="even if another run was saved since this one started",
            ),
        ),
    ),
    "load": Command(
        "Serve the newest versions that fit together, or chosen ones.",
        (
            _PIPELINE,
            _takes(
                "versions",
                nargs="*",
                metavar="OP=VERSION",
                help="a version to take, such as pcaop=1.0.2",
            ),
        ),
    ),
    "versions": Command("The current version of each node of a pipeline.", (_PIPELINE,)),
    "history": Command("The versions of an op, the latest first.", (_OP, _LIMIT)),
    "diff": Command(
        "What differs between two versions of an op.",
        (
            _OP,
            _takes("a", metavar="A", help="a version: its number, or its digests"),
            _takes("b", metavar="B", help="another one"),
        ),
    ),
    "lineage": Command(
        "What a version of an op was trained on, as a graph.",
        (
            _OP,
            _takes("version", nargs="?", metavar="VERSION", help="by default the latest"),
        ),
    ),
    "jobs": Command(
        "The jobs, the latest submitted first.",
        (
            _takes("--status", metavar="STATUS", help="only these: queued, running, done …"),
            _takes("--pipeline", metavar="PIPELINE", help="only those of this pipeline"),
            _LIMIT,
        ),
    ),
    "panel": Command(
        "A panel with buttons: pipelines, their versions, jobs.",
        (_takes("pipeline", nargs="?", metavar="PIPELINE", help="only this one"),),
    ),
}


def read(line: str) -> argparse.Namespace:
    """The command and the arguments of a line.

    Raises:
        BadRequest: there is no such command, or it takes something else.
        HelpWanted: the line asks for help, or is empty.
    """
    command, _, rest = line.strip().partition(" ")
    if command in ("", "help", "-h", "--help"):
        raise HelpWanted(_overview())
    if command not in COMMANDS:
        raise BadRequest(
            f"There is no command {command[:80]!r}.",
            hint=f"{did_you_mean(command, COMMANDS)} {MAGIC} alone lists all.",
        )
    words = rest.split()
    parser = _Parser(f"{MAGIC} {command}", description=COMMANDS[command].help, allow_abbrev=False)
    for names, options in COMMANDS[command].arguments:
        parser.add_argument(*names, **options)
    if command == "call":
        words = _before_input(rest)
    given = parser.parse_args(words)
    given.command = command
    return given


def _before_input(rest: str) -> list[str]:
    """The words of a call; all that follows the pipeline is one, and stays as it was written."""
    words, text = list[str](), rest.strip()
    while text:
        word, _, text = text.partition(" ")
        words.append(word)
        text = text.strip()
        if not word.startswith("-"):
            break
    # an input may begin with a minus
    return [*words, *(["--", text] if text else [])]


def pin(text: str) -> tuple[str, str]:
    """A chosen version, from ``op=version``.

    Raises:
        BadRequest: it is written otherwise.
    """
    op, sign, version = text.partition("=")
    if not (op and sign and version):
        raise BadRequest(f"{text!r} chooses no version.", hint="Write op=1.0.2.")
    return op, version


def _overview() -> str:
    width = max(map(len, COMMANDS))
    lines = [f"  {MAGIC} {name:{width}}  {command.help}" for name, command in COMMANDS.items()]
    more = f"{MAGIC} COMMAND --help says what it takes."
    return "\n".join(["The pipelines of the Jupyter server:", "", *lines, "", more])
