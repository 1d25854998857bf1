"""The commands: what each takes, does and shows."""

from __future__ import annotations

from argparse import BooleanOptionalAction, Namespace
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from ..versioning.status import JobStatus
from . import actions, shown
from .local import collect, trust
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
        run: does it; gives JSON values, or nothing if all is said.
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


_PIPELINE = _takes("pipeline", metavar="PIPELINE", help="its name")
_OP = _takes("op", metavar="OP", help="name of the op")

COMMANDS = (
    Command(
        "list",
        "The pipelines of the server, and what they serve.",
        actions.pipelines,
        shown.pipelines,
    ),
    Command(
        "call",
        "Run a pipeline and print its output as JSON.",
        actions.call,
        shown.output,
        (
            _PIPELINE,
            _takes(
                "-i",
                "--input",
                metavar="JSON",
                help="the input; @FILE reads it from a file, - from standard input",
            ),
            _takes(
                "--use-worker",
                action=BooleanOptionalAction,
                help="whether it may become a job, which runs by itself",
            ),
            _takes("--wait", action="store_true", help="wait for the end of the job"),
            _takes(
                "--after",
                action="append",
                metavar="JOB",
                help="begin the job when this one is done; may be given several times",
            ),
            _takes("--priority", type=int, metavar="N", help="of the job; the higher, the sooner"),
            _takes(
                "--idempotency-key",
                metavar="KEY",
                help="a second submission with this key is no other job",
            ),
            _takes(
                "--save",
                action=BooleanOptionalAction,
                help="whether what it learns is saved at once; of a job it is",
            ),
        ),
    ),
    Command(
        "jobs",
        "The jobs, the latest submission first.",
        actions.jobs,
        shown.jobs,
        (
            _takes("--status", choices=[one.value for one in JobStatus], help="only these"),
            _takes("--pipeline", metavar="PIPELINE", help="only those of this pipeline"),
            _takes("--limit", type=int, default=20, metavar="N", help="how many at most (20)"),
        ),
    ),
    Command(
        "logs",
        "What a job has printed, or the processes of a pipeline.",
        actions.logs,
        shown.log,
        (
            _takes("what", metavar="JOB|PIPELINE", help="id of the job, or name of the pipeline"),
            _takes("--lines", type=int, default=200, metavar="N", help="the last N lines (200)"),
            _takes(
                "--follow", "-f", action="store_true", help="go on with what is written from now on"
            ),
        ),
    ),
    Command(
        "cancel",
        "Cancel a job, queued or running.",
        actions.cancel,
        shown.cancelled,
        (_takes("job", metavar="JOB", help="its id"),),
    ),
    Command(
        "save",
        "Save what the last run of a pipeline learned.",
        actions.save,
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
        actions.load,
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
        actions.versions,
        shown.versions,
        (_PIPELINE,),
    ),
    Command(
        "history",
        "The versions of an op, the latest first.",
        actions.history,
        repr,
        (
            _OP,
            _takes("--limit", type=int, default=20, metavar="N", help="how many at most (20)"),
        ),
    ),
    Command(
        "diff",
        "What differs between two versions of an op.",
        actions.diff,
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
