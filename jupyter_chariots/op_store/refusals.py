"""Refused loads: what does not fit, which pipelines to run, and the line to paste."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict

from ..errors import NotLoaded, VersionError
from ..versioning.spec import PipelineSpec
from ..versioning.version import VersionType
from .database import Database
from .definitions import fitted_by, pipelines_that_fit
from .lineage import Verdict
from .versions import Row

__all__ = ["refused"]


def refused(
    db: Database,
    spec: PipelineSpec,
    verdict: Verdict,
    chosen: Mapping[str, Row | None],
    pins: Mapping[str, str],
    *,
    to_run: bool = False,
) -> VersionError:
    """The error of a load, or of the start of a run, that the rules refuse.

    Its ``details`` hold ``broken`` (pairs that were not trained together), ``missing`` (ops
    without a usable version) and ``remedy`` (the pipelines to run, in order).
    """
    broken = list(dict.fromkeys(verdict.broken))
    without = {name: _why_missing(db, spec, name, chosen.get(name)) for name in verdict.missing}
    reasons = [str(pair) for pair in broken] + list(without.values())
    message = f"Pipeline {spec.name!r} cannot {'run' if to_run else 'be loaded'}: " + "; ".join(
        reasons
    )
    cls = VersionError if broken or _was_trained(db, without) else NotLoaded
    again = f'client.{"call" if to_run else "load"}_pipeline("{spec.name}")'
    plan, unknown = _remedy(db, spec, {pair.op for pair in broken} | set(without))
    if pins:
        plan = []
        hint = (
            "Pin only versions that were trained together (the ancestors of a pinned op follow "
            "from its lineage), or end the pins and load the newest:\n"
            f'client.load_pipeline("{spec.name}")'
        )
    else:
        lines = [_call(*step) for step in plan]
        advice = f"{'Train' if cls is NotLoaded else 'Retrain'}, save and try again"
        if unknown:
            advice += f" (no known pipeline fits {', '.join(unknown)}: run one that does)"
        hint = f"{advice}:\n" + "; ".join([*lines, again])
    return cls(
        message + ".",
        hint=hint,
        pipeline=spec.name,
        broken=[asdict(pair) for pair in broken],
        missing=sorted(without),
        remedy=[pipeline for pipeline, _ in plan],
    )


def _call(pipeline: str, takes_input: bool) -> str:
    given = ", pipeline_input" if takes_input else ""
    return f'client.call_pipeline("{pipeline}"{given}); client.save_pipeline("{pipeline}")'


def _why_missing(db: Database, spec: PipelineSpec, name: str, row: Row | None) -> str:
    if row is not None and row.blob is None:
        return f"the state of {row.title} was removed: retrain {name}"
    latest = row.label if row is not None else _latest(db, name)
    if latest is None:
        return f"{name} has no saved version"
    return f"{name} {latest} was made by code or fields that have changed since: retrain {name}"


def _was_trained(db: Database, ops: Mapping[str, str]) -> bool:
    return any(_latest(db, name) is not None for name in ops)


def _latest(db: Database, op: str) -> str | None:
    row = db.execute(
        "SELECT n_major || '.' || n_minor || '.' || n_patch FROM versions "
        "WHERE op = (SELECT id FROM ops WHERE name = ?) AND named IS NOT NULL "
        "ORDER BY named DESC LIMIT 1",
        (op,),
    ).fetchone()
    return None if row is None else str(row[0])


def _remedy(
    db: Database, spec: PipelineSpec, broken: set[str]
) -> tuple[list[tuple[str, bool]], list[str]]:
    """The pipelines to run, in order, and the ops that no known pipeline fits."""
    waiting = _with_downstream(spec, broken, set())
    plan: list[tuple[str, bool]] = []
    unknown: list[str] = []
    while waiting:
        op = next(name for name in spec.stateful if name in waiting)
        waiting.discard(op)
        options = [
            (pipeline, takes_input, fitted_by(db, pipeline))
            for pipeline, takes_input in pipelines_that_fit(db, op)
            if pipeline not in dict(plan)
        ]
        if not options:
            unknown.append(op)
            continue
        # Covers most of what is broken, retrains least of what is not; the latest of equals.
        pipeline, takes_input, fits = min(
            options, key=lambda option: (-len(option[2] & waiting), len(option[2] - waiting - {op}))
        )
        plan.append((pipeline, takes_input))
        besides = (fits & spec.stateful.keys()) - broken
        waiting |= _with_downstream(spec, besides, fits)
        waiting -= fits | set(unknown)
    return plan, unknown


def _with_downstream(spec: PipelineSpec, ops: set[str], fitted: set[str]) -> set[str]:
    """The ops and those that retraining them breaks: below an op whose major it changes."""
    found = set(ops)
    for name, op in spec.stateful.items():
        moved = {up for up in op.upstream if up in found and up in spec.stateful}
        if name in fitted or op.fits:
            continue
        if any(spec.stateful[up].level is VersionType.MAJOR for up in moved):
            found.add(name)
    return found
