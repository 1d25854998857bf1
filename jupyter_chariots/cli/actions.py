"""What the commands do that talk to a server; each gives JSON values."""

from __future__ import annotations

import sys
from argparse import Namespace
from typing import Any

from . import shown
from .local import read_input

__all__ = [
    "call",
    "cancel",
    "diff",
    "history",
    "jobs",
    "load",
    "logs",
    "pipelines",
    "save",
    "versions",
]


def _server() -> Any:
    from .server import Server

    return Server()


def pipelines(given: Namespace) -> Any:
    """The pipelines, and what is wrong with them."""
    server = _server()
    server.available_pipelines()  # waits until they are known
    snapshot = server.snapshot()
    return {name: snapshot[name] for name in ("pipelines", "failures")}


def call(given: Namespace) -> Any:
    """Run a pipeline."""
    value = read_input(given.input)
    controls = {
        name: getattr(given, name)
        for name in ("use_worker", "after", "priority", "idempotency_key", "save")
    }
    answer = _server().call(given.pipeline, value, controls, wait=given.wait, silent=given.json)
    if answer.get("run_id") and not answer.get("job_id") and not given.json:
        line = f"jupyter chariots save {given.pipeline}"
        print(f"It has learned something. To make that the newest: {line}", file=sys.stderr)
    return answer


def save(given: Namespace) -> Any:
    """Save what a run learned."""
    server = _server()
    server.save_pipeline(given.pipeline, run_id=given.run_id, force=given.force)
    return {"pipeline": given.pipeline, "versions": server.view(given.pipeline)["current"]}


def load(given: Namespace) -> Any:
    """Load versions."""
    server = _server()
    server.load_pipeline(given.pipeline, shown.pins(given.versions))
    return {
        "pipeline": given.pipeline,
        "versions": server.view(given.pipeline)["served"]["versions"],
    }


def versions(given: Namespace) -> Any:
    """The current versions."""
    server = _server()
    numbers = {
        one["version"]: one["number"] for one in server.view(given.pipeline)["current"].values()
    }
    return {
        node: {"version": str(version), "number": numbers.get(str(version))}
        for node, version in server.pipeline_versions(given.pipeline).items()
    }


def history(given: Namespace) -> Any:
    """The versions of an op."""
    return _server().history(given.op, given.limit)


def diff(given: Namespace) -> Any:
    """What differs between two versions."""
    return _server().diff(given.op, given.a, given.b)


def jobs(given: Namespace) -> Any:
    """The jobs."""
    return _server().jobs(given.status, given.pipeline, given.limit)


def logs(given: Namespace) -> Any:
    """A log; nothing if it was followed, and printed."""
    server = _server()
    if given.follow:
        server.logs(given.what, given.lines, follow=True)
        return None
    log = server.logs(given.what, given.lines)
    return {"text": str(log), "offset": log.offset}


def cancel(given: Namespace) -> Any:
    """Cancel a job."""
    server = _server()
    before = server.job(given.job)
    return {
        "job_id": given.job,
        "before": before["status"],
        "status": server.cancel(given.job).value,
    }
