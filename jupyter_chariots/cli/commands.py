"""The commands: what each takes, does and shows."""

from __future__ import annotations

import sys
from argparse import Namespace
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from . import shown
from .local import collect, read_input, trust
from .serve import serve
from .worker import shown as worked
from .worker import work

__all__ = ["COMMANDS", "Argument", "Command"]


@dataclass(frozen=True)
class Argument:
    """An argument of a command, as argparse takes it."""

    names: tuple[str, ...]
    options: Mapping[str, Any]


@dataclass(frozen=True)
class Command:
    """A command.

    Attributes:
        name: as it is typed.
        help: what it does, in a line.
        run: does it; gives JSON values.
        show: the result as text.
        arguments: what it takes.
    """

    name: str
    help: str
    run: Callable[[Namespace], Any]
    show: Callable[[Any], str]
    arguments: tuple[Argument, ...] = ()


def _takes(*names: str, **options: Any) -> Argument:
    return Argument(names, options)


def _server() -> Any:
    from .server import Server

    return Server()


def _list(given: Namespace) -> Any:
    server = _server()
    server.available_pipelines()  # waits until they are known
    snapshot = server.snapshot()
    return {name: snapshot[name] for name in ("pipelines", "failures")}


def _call(given: Namespace) -> Any:
    value = read_input(given.input)
    answer = _server().call(given.pipeline, value, given.worker)
    if answer.get("run_id") and not given.json:
        line = f"jupyter chariots save {given.pipeline}"
        print(f"It has learned something. To make that the newest: {line}", file=sys.stderr)
    return answer


def _save(given: Namespace) -> Any:
    server = _server()
    server.save_pipeline(given.pipeline, run_id=given.run_id, force=given.force)
    return {"pipeline": given.pipeline, "versions": server.view(given.pipeline)["current"]}


def _load(given: Namespace) -> Any:
    server = _server()
    server.load_pipeline(given.pipeline, shown.pins(given.versions))
    return {
        "pipeline": given.pipeline,
        "versions": server.view(given.pipeline)["served"]["versions"],
    }


def _versions(given: Namespace) -> Any:
    server = _server()
    numbers = {
        one["version"]: one["number"] for one in server.view(given.pipeline)["current"].values()
    }
    return {
        node: {"version": str(version), "number": numbers.get(str(version))}
        for node, version in server.pipeline_versions(given.pipeline).items()
    }


def _history(given: Namespace) -> Any:
    return _server().history(given.op, given.limit)


def _diff(given: Namespace) -> Any:
    return _server().diff(given.op, given.a, given.b)


_PIPELINE = _takes("pipeline", metavar="PIPELINE", help="its name")
_OP = _takes("op", metavar="OP", help="name of the op")

COMMANDS = (
    Command("list", "The pipelines of the server, and what they serve.", _list, shown.pipelines),
    Command(
        "call",
        "Run a pipeline and print its output as JSON.",
        _call,
        shown.output,
        (
            _PIPELINE,
            _takes(
                "-i",
                "--input",
                metavar="JSON",
                help="the input; @FILE reads it from a file, - from standard input",
            ),
            _takes("--worker", action="store_true", default=None, help="let it become a job"),
        ),
    ),
    Command(
        "save",
        "Save what the last run of a pipeline learned.",
        _save,
        shown.saved,
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
    Command(
        "load",
        "Serve the newest versions that fit together, or chosen ones.",
        _load,
        shown.loaded,
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
    Command(
        "versions",
        "The current version of each node of a pipeline.",
        _versions,
        shown.versions,
        (_PIPELINE,),
    ),
    Command(
        "history",
        "The versions of an op, the latest first.",
        _history,
        repr,
        (
            _OP,
            _takes("--limit", type=int, default=20, metavar="N", help="how many at most (20)"),
        ),
    ),
    Command(
        "diff",
        "What differs between two versions of an op.",
        _diff,
        repr,
        (
            _OP,
            _takes("a", metavar="A", help="a version: its number, or its digests"),
            _takes("b", metavar="B", help="another one"),
        ),
    ),
    Command(
        "trust",
        "Let servers of yours run the tagged cells of a notebook as they are now, or open what is "
        "in an op store that you did not write.",
        trust,
        shown.trusted,
        (
            _takes(
                "paths", nargs="+", metavar="PATH", help="a notebook; an op store, or its folder"
            ),
        ),
    ),
    Command(
        "serve",
        "Serve the pipelines of a notebook's cells tagged 'chariots', on the running server of "
        "its folder, or on one that is started for it.",
        serve,
        shown.served,
        (
            _takes("notebook", metavar="NOTEBOOK", help="the notebook; trust it first"),
            _takes("--replace", action="store_true", help="take names over from other notebooks"),
            _takes(
                "arguments",
                nargs="*",
                metavar="-- ARGUMENT",
                help="for a server that is started: arguments of `jupyter server`",
            ),
        ),
    ),
    Command(
        "worker",
        "Run jobs of a server on this machine, with this Python, until it is stopped. SIGTERM "
        "hands back what is under way; Ctrl-C lets it end, a second one hands it back.",
        work,
        worked,
        (
            _takes("--url", metavar="URL", help="the server; by default as for other commands"),
            _takes(
                "--token",
                metavar="TOKEN",
                help="its token; other users may see it here: CHARIOTS_TOKEN is for that",
            ),
            _takes("--name", metavar="NAME", help="who this is, for people to read"),
            _takes(
                "--pipeline",
                action="append",
                metavar="NAME",
                help="only jobs of this pipeline; may be given several times",
            ),
            _takes("--once", action="store_true", help="end after one job"),
            _takes("--max-jobs", type=int, metavar="N", help="end after N jobs"),
            _takes("--idle", type=float, metavar="SECONDS", help="end after so long without a job"),
            _takes(
                "--patience",
                type=float,
                metavar="SECONDS",
                help="without a job, end after so long without an answer of the server",
            ),
            _takes(
                "--lease",
                type=float,
                default=45.0,
                metavar="SECONDS",
                help="for so long the server waits for a silent worker before it gives its job to "
                "others (45)",
            ),
            _takes(
                "--attached",
                action="store_true",
                help="end when standard input ends, for programs that start workers",
            ),
            _takes("--quiet", action="store_true", help="tell of trouble only"),
        ),
    ),
    Command(
        "gc",
        "Remove from an op store what nothing needs any more.",
        collect,
        shown.collected,
        (
            _takes(
                "path",
                nargs="?",
                metavar="PATH",
                help="the op store, or its folder; that of this folder or above by default",
            ),
            _takes(
                "--keep",
                type=int,
                metavar="N",
                help="also remove all but the newest N saved versions of each op",
            ),
        ),
    ),
)
