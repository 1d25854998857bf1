"""What the store and the definitions say, as JSON values."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence, Set
from datetime import datetime
from enum import Enum
from typing import Any

from ..errors import ChariotsError, OpNotFound, VersionError
from ..op_store import OpStore
from ..op_store.records import Job, Served
from ..versioning.spec import PipelineSpec
from ..versioning.status import JobStatus
from ..versioning.version import Version

__all__ = [
    "graph_view",
    "job_view",
    "loadable_view",
    "page_view",
    "plain",
    "refusal_view",
    "schema_view",
    "served_view",
    "stored_view",
    "versions_view",
]


def plain(value: Any) -> Any:
    """The value as JSON values: records become objects, versions and times their text."""
    if isinstance(value, Version):
        return str(value)
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, Enum):
        return value.value
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {item.name: plain(getattr(value, item.name)) for item in dataclasses.fields(value)}
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, Sequence | Set) and not isinstance(value, str | bytes):
        return [plain(item) for item in value]
    return value


def page_view(rows: Sequence[Any], limit: int | None, cursor: str) -> dict[str, Any]:
    """One page of a list.

    Args:
        rows: of this page.
        limit: how many rows were asked for; fewer mean that this is the last page.
        cursor: the attribute of a row that the next page begins before.
    """
    full = limit is not None and len(rows) == limit > 0
    return {"items": plain(rows), "next": getattr(rows[-1], cursor) if full else None}


def graph_view(spec: PipelineSpec) -> dict[str, Any]:
    """Nodes and ops of a pipeline, without sources."""
    data = spec.to_json()
    for op in data["ops"]:
        del op["source"], op["facts"]
    return {"nodes": data["nodes"], "ops": data["ops"]}


def versions_view(
    versions: Mapping[str, Version], numbers: Mapping[str, str | None]
) -> dict[str, Any]:
    """Versions by op, with their readable numbers."""
    return {
        op: {"version": str(version), "number": numbers.get(op)} for op, version in versions.items()
    }


def served_view(served: Served) -> dict[str, Any]:
    """What a pipeline serves."""
    return {
        "seq": served.seq,
        "versions": versions_view(served.versions, served.numbers),
        "pins": dict(served.pins),
        "cause": served.cause,
        "who": served.who,
        "at": plain(served.at),
    }


_PROGRESS = ("done", "total", "node", "i", "n", "message", "fraction")


def job_view(
    job: Job, progress: Mapping[str, Any] | None = None, *, traceback: bool = False
) -> dict[str, Any]:
    """A job as every route and every panel shows it.

    Args:
        job: as the store has it.
        progress: how far it is, where that is known better than the store knows it.
        traceback: whether an error brings its traceback.
    """
    running = job.status is JobStatus.RUNNING
    noted = (progress or job.progress) if running else job.progress
    error = None if job.error is None else dict(job.error)
    if error and not traceback:
        error.pop("traceback", None)
    return {
        "id": job.id,
        "seq": job.seq,
        "pipeline": job.pipeline,
        "status": job.status.value,
        "cancelling": job.cancelling,
        "priority": job.priority,
        "save": job.save,
        "submitted": job.submitted.isoformat(),
        "started": job.started and job.started.isoformat(),
        "ended": job.ended and job.ended.isoformat(),
        "who": job.who,
        "attempts": job.attempts,
        "max_attempts": job.max_attempts,
        "worker": job.worker,
        "after": list(job.after),
        "progress": noted and {name: noted.get(name) for name in _PROGRESS},
        "run_id": job.run_id,
        "warnings": list((job.header or {}).get("warnings", ())),
        "error": error,
    }


def refusal_view(reason: ChariotsError) -> dict[str, Any]:
    """That a pipeline is not loaded, and why, as its health check says it."""
    payload = reason.payload()
    more: dict[str, Any] = {key: payload[key] for key in ("hint", "remedy") if key in payload}
    return {"is_loaded": False, "reason": reason.message, **more}


def stored_view(store: OpStore, spec: PipelineSpec) -> dict[str, Any]:
    """What the store knows of a pipeline, beside what it serves."""
    found = store.overview(spec)
    newer = found.newer
    return {
        "current": versions_view(found.versions, found.numbers),
        "unsaved": found.unsaved,
        "unsaved_ops": list(found.unsaved_ops),
        "newer": newer
        and {
            "numbers": newer.numbers,
            "fits": newer.choice is not None,
            "reason": newer.reason,
            "pinned": newer.pinned,
        },
    }


def schema_view(
    store: OpStore, spec: PipelineSpec, versions: Mapping[str, Version]
) -> dict[str, Any] | None:
    """What the input looked like when the op that gets it was fitted, with one example.

    ``None`` where no op with state gets the input itself, or none was fitted yet.
    """
    for node in spec.nodes:
        for op in (spec.ops[index] for index in node.ops):
            if "__pipeline_input__" in node.inputs and op.stateful and op.name in versions:
                schema = store.version_info(op.name, versions[op.name]).facts.get("schema")
                if schema:
                    return dict(schema)
    return None


def loadable_view(
    store: OpStore,
    spec: PipelineSpec,
    chosen: Mapping[str, str],
    of: str | None,
    limit: int,
    before: int | None,
) -> dict[str, Any]:
    """The versions of each op (or of the op ``of``), whether each goes with the chosen ones, and
    what a load of the chosen ones would take.

    Raises:
        OpNotFound: ``of`` has no state in this pipeline.
    """
    if of is not None and of not in spec.stateful:
        raise OpNotFound(f"Pipeline {spec.name!r} has no op {of[:128]!r} with state.")
    ops = {
        op: page_view(store.loadable(spec, chosen, op, limit, before), limit, "seq")
        for op in ([of] if of else spec.stateful)
    }
    try:
        choice = store.choose(spec, chosen or None)
    except VersionError as refusal:
        return {"ops": ops, "would_load": None, "refusal": refusal.payload()}
    would = versions_view(choice.versions, choice.numbers)
    return {"ops": ops, "would_load": would, "warnings": list(choice.warnings)}
