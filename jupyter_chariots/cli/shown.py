"""Results of commands as text."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from operator import itemgetter
from typing import Any

from ..errors import BadRequest

__all__ = [
    "cancelled",
    "collected",
    "jobs",
    "loaded",
    "log",
    "output",
    "pins",
    "pipelines",
    "saved",
    "served",
    "trusted",
    "versions",
]


def pins(given: Sequence[str]) -> dict[str, str] | None:
    """Chosen versions, from ``op=version``.

    Raises:
        BadRequest: one is written otherwise.
    """
    for text in given:
        op, sign, version = text.partition("=")
        if not (op and sign and version):
            raise BadRequest(f"{text!r} chooses no version.", hint="Write op=1.0.2.")
    return dict(text.split("=", 1) for text in given) or None


def pipelines(result: Mapping[str, Any]) -> str:
    """A table of pipelines, and below it what there is to say of them."""
    from ..client.tables import Records

    rows = result["pipelines"]
    columns = {
        "pipeline": lambda row: row["name"],
        "loaded": lambda row: "yes" if row["is_loaded"] else "no",
        "process": lambda row: row["state"],
        "serves": lambda row: _numbers((row.get("served") or {}).get("versions", {})),
    }
    table = repr(Records(rows, columns)) if rows else "No pipeline is served."
    return "\n".join([table, *_remarks(rows), *_failures(result["failures"])])


def _remarks(rows: Iterable[Mapping[str, Any]]) -> Iterator[str]:
    for row in rows:
        said = [row["reason"]] if not row["is_loaded"] and row.get("reason") else []
        said += [row["hint"]] if said and row.get("hint") else []
        said += row.get("warnings") or []
        if said:
            yield "\n".join([f"\n{row['name']}:", *(_indented(text) for text in said)])


def _failures(failures: Iterable[Mapping[str, Any]]) -> Iterator[str]:
    for failure in failures:
        yield "\n" + "\n".join(filter(None, [failure["message"], failure.get("hint")]))


def _indented(text: str) -> str:
    return "\n".join(f"  {line}" for line in text.splitlines())


def output(answer: Mapping[str, Any]) -> str:
    """The output of a pipeline as JSON; of a job that is not done its id, and how it stands."""
    if answer.get("job_id") and answer["job_status"] != "done":
        return f"{answer['job_id']} {answer['job_status']}"
    return json.dumps(answer["pipeline_output"], ensure_ascii=False)


def jobs(result: Sequence[Mapping[str, Any]]) -> str:
    """A table of jobs."""
    return repr(result) if result else "There are no jobs."


def log(result: Mapping[str, Any]) -> str:
    """A log as it is."""
    return str(result["text"]).removesuffix("\n")


def cancelled(result: Mapping[str, Any]) -> str:
    """How a job stands."""
    job, status = result["job_id"], result["status"]
    if result["before"] in ("done", "failed", "cancelled"):
        return f"Job {job} had ended: {status}."
    if status == "running":
        return f"Job {job} is being cancelled."
    return f"Job {job} is {status}."


def saved(result: Mapping[str, Any]) -> str:
    """What the current set is after a save."""
    return f"{result['pipeline']} is saved: {_numbers(result['versions'])}"


def loaded(result: Mapping[str, Any]) -> str:
    """What is served after a load."""
    return f"{result['pipeline']} serves {_numbers(result['versions'])}"


def _numbers(found: Mapping[str, Mapping[str, Any]]) -> str:
    named = (f"{op} {one['number'] or '(not saved)'}" for op, one in found.items())
    return ", ".join(named) or "no state"


def versions(result: Mapping[str, Mapping[str, Any]]) -> str:
    """A table of nodes and their versions."""
    from ..client.tables import Records

    rows = [{"node": node, **one} for node, one in result.items()]
    columns = {name: itemgetter(name) for name in ("node", "number", "version")}
    return repr(Records(rows, columns))


def trusted(result: Sequence[Mapping[str, Any]]) -> str:
    """What was signed."""
    return "\n".join(
        f"Trusted: {one['path']}, cells {', '.join(map(str, one['cells']))} "
        f"(kernel {one['kernel'] or 'python3'}).\nServe it: {one['serve']}"
        if "cells" in one
        else f"Trusted: {one['path']}, {one['signed']} states and definitions signed."
        for one in result
    )


def served(result: Mapping[str, Any]) -> str:
    """What was done with the pipelines of a notebook, and how to call them."""
    return "\n\n".join("\n".join(_served(one)) for one in result["pipelines"])


def _served(one: Mapping[str, Any]) -> Iterator[str]:
    said = {
        "served": "is served",
        "replaced": "is served in its new definition",
        "loaded": "is served, with newer versions than before",
        "unchanged": "is served already: nothing was to do",
    }
    yield f"Pipeline {one['name']!r} {said.get(one['change'], one['change'])}."
    if one["saved"]:
        yield f"Saved what its cells have learned: {_numbers(one['saved'])}."
    if not one["is_loaded"]:
        yield from filter(None, [one.get("reason"), one.get("hint")])
    yield from one.get("warnings") or ()
    yield one["url"]
    yield one["curl"]


def collected(result: Mapping[str, Any]) -> str:
    """What was removed."""
    counted = {name: count for name, count in result.items() if name != "path"}
    removed = ", ".join(f"{count} {name}" for name, count in counted.items())
    return f"Removed from {result['path']}: {removed}."
