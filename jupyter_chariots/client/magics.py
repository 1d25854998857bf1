"""``%chariots …``: the pipelines of the server from a line of a cell."""

from __future__ import annotations

import json
from argparse import Namespace
from collections.abc import Callable, Mapping
from typing import Any

from IPython.core.magic import Magics, line_magic, magics_class, no_var_expand

from ..errors import BadRequest, VersionNotFound
from ..pipelines.pipeline import Pipeline
from .addresses import segment
from .arguments import MAGIC, HelpWanted, pin, read
from .client import PipelinesClient
from .completing import completions
from .lineage import Lineage, lineage_of
from .tables import Records

__all__ = ["ChariotsMagics", "load"]

_PATIENCE_S = 2.0  # that a completion waits for the server

_Row = dict[str, Any]
_Columns = Mapping[str, Callable[[_Row], Any]]


class _Client(PipelinesClient):
    """A client that also hands out what the server says as it says it."""

    def look(self, path: str, **query: Any) -> Any:
        """The answer of a route."""
        return self._get(path, **query)

    def view(self, pipeline: str) -> _Row:
        """All about one pipeline."""
        return dict(self._get(f"/pipelines/{segment(pipeline)}"))

    def version(self, op: str, version: str) -> Any:
        """What the store knows of a version."""
        return self._get(f"/ops/{segment(op)}/versions/{segment(version)}")


@magics_class
class ChariotsMagics(Magics):
    """The magic, with a method for each command; what a method gives is shown, and is its value."""

    def __init__(self, shell: Any) -> None:
        super().__init__(shell)
        self._client = _Client()
        self._quick = _Client(timeout=_PATIENCE_S)

    @no_var_expand  # braces belong to JSON
    @line_magic
    def chariots(self, line: str) -> Any:
        """Call, save, load and look at the pipelines of the Jupyter server.

        ``%chariots`` lists the commands; ``%chariots call --help`` says what one of them takes.
        What a command shows is its value: ``answer = %chariots call NAME INPUT``.
        """
        try:
            given = read(line)
        except HelpWanted as wanted:
            print(wanted)
            return None
        return getattr(self, f"_{given.command}")(given)

    def complete(self, line: str) -> list[str]:
        """The words that could stand at the end of this line."""
        held = [name for name, one in self._variables().items() if isinstance(one, Pipeline)]
        return completions(line, self._quick.look, [one for one in held if one[0] != "_"])

    def _list(self, given: Namespace) -> Any:
        self._client.available_pipelines()  # waits until they are known
        columns: _Columns = {
            "pipeline": lambda row: row["name"],
            "loaded": lambda row: "yes" if row["is_loaded"] else "no",
            "serves": lambda row: _numbers((row.get("served") or {}).get("versions", {})),
            "newer": lambda row: (row.get("newer") or {}).get("numbers"),
            "not saved": lambda row: row.get("unsaved_ops"),
            "reason": lambda row: None if row["is_loaded"] else row.get("reason"),
        }
        return Records(self._client.look("/snapshot")["pipelines"], columns)

    def _call(self, given: Namespace) -> Any:
        pipeline = self._pipeline(given.pipeline)
        value = None if given.input is None else self._value(given.input)
        return self._client.call_pipeline(pipeline, value, given.worker)

    def _save(self, given: Namespace) -> None:
        name = self._name(given.pipeline)
        self._client.save_pipeline(name, run_id=given.run_id, force=given.force)
        print(f"{name} is saved: {_words(self._client.view(name)['current'])}")

    def _load(self, given: Namespace) -> None:
        name = self._name(given.pipeline)
        self._client.load_pipeline(name, dict(map(pin, given.versions)) or None)
        print(f"{name} serves {_words(self._client.view(name)['served']['versions'])}")

    def _versions(self, given: Namespace) -> Any:
        name = self._name(given.pipeline)
        current = self._client.view(name)["current"].values()
        numbers = {one["version"]: one["number"] for one in current}
        columns: _Columns = {
            "node": lambda row: row["node"],
            "number": lambda row: row["number"],
            "version": lambda row: repr(row["version"]),
        }
        versions = self._client.pipeline_versions(name)
        rows = [
            {"node": node, "number": numbers.get(str(version)), "version": version}
            for node, version in versions.items()
        ]
        return Records(rows, columns)

    def _history(self, given: Namespace) -> Any:
        return self._client.history(given.op, given.limit)

    def _diff(self, given: Namespace) -> Any:
        return self._client.diff(given.op, given.a, given.b)

    def _lineage(self, given: Namespace) -> Lineage:
        version = given.version
        if version is None:
            latest = self._client.history(given.op, 1)
            if not latest:
                raise VersionNotFound(
                    f"Op {given.op!r} has no version yet.",
                    hint="Run a pipeline that fits it first.",
                )
            version = latest[0]["version"]
        return lineage_of(self._client.version, given.op, version)

    def _jobs(self, given: Namespace) -> Any:
        columns: _Columns = {
            "job": lambda row: row["id"],
            "pipeline": lambda row: row["pipeline"],
            "status": lambda row: row["status"],
            "progress": lambda row: _share(row.get("progress") or {}),
            "submitted": lambda row: row["submitted"],
            "ended": lambda row: row.get("ended"),
            "who": lambda row: row.get("who"),
            "error": lambda row: (row.get("error") or {}).get("message"),
        }
        asked = {"status": given.status, "pipeline": given.pipeline, "limit": given.limit}
        return Records(self._client.look("/jobs", **asked)["items"], columns)

    def _panel(self, given: Namespace) -> Any:
        from .. import panel

        return panel(self._name(given.pipeline) if given.pipeline else None)

    def _variables(self) -> dict[str, Any]:
        return dict(self.shell.user_ns) if self.shell else {}

    def _pipeline(self, word: str) -> Pipeline | str:
        """What a word names: the pipeline that a variable holds, else one of the server."""
        held = self._variables().get(word)
        return held if isinstance(held, Pipeline) else word

    def _name(self, word: str) -> str:
        pipeline = self._pipeline(word)
        return pipeline if isinstance(pipeline, str) else pipeline.name

    def _value(self, text: str) -> Any:
        """An input: JSON, else an expression of the notebook."""
        try:
            return json.loads(text)
        except ValueError:
            pass
        try:
            return eval(text, self._variables())
        except Exception as error:
            raise BadRequest(
                f"The input {text[:80]!r} is no JSON, and as Python it raised "
                f"{type(error).__name__}: {error}.",
                hint="Write JSON, or an expression such as the name of a variable.",
            ) from None


def _numbers(found: Mapping[str, Mapping[str, Any]]) -> dict[str, str]:
    return {op: one["number"] or "(not saved)" for op, one in found.items()}


def _words(found: Mapping[str, Mapping[str, Any]]) -> str:
    return ", ".join(f"{op} {number}" for op, number in _numbers(found).items()) or "no state"


def _share(progress: Mapping[str, Any]) -> str | None:
    fraction = progress.get("fraction")
    return None if fraction is None else f"{fraction:.0%}"


def load(shell: Any) -> None:
    """Register the magic, and what completes its lines, with IPython."""
    magics = ChariotsMagics(shell)
    shell.register_magics(magics)

    def complete(_: Any, event: Any) -> list[str]:
        return magics.complete(event.text_until_cursor)

    shell.set_hook("complete_command", complete, str_key=MAGIC)
