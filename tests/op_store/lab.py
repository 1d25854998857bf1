"""Pipelines and runs as plain data: what the store sees of a data scientist's work."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from jupyter_chariots.op_store import Committed, Job, OpStore, Served
from jupyter_chariots.versioning.spec import (
    Learned,
    Link,
    NodeSpec,
    OpSpec,
    PipelineSpec,
    RunRecord,
)
from jupyter_chariots.versioning.version import Version, VersionType, digest, now

SECRET = b"a secret of thirty-two bytes ....."
MAJOR, MINOR, PATCH = VersionType.MAJOR, VersionType.MINOR, VersionType.PATCH


def open_store(folder: Path, **options: Any) -> OpStore:
    return OpStore(folder / ".chariots" / "op_store.db", **{"secret": SECRET, **options})


def code(name: str, major: str = "1", minor: str = "0", patch: str = "0") -> Version:
    """The class-level version of an op of this name and code."""
    return Version(*(digest(name.encode(), part.encode()) for part in (major, minor, patch)))


def op(name: str, version: tuple[str, ...] = (), **given: Any) -> OpSpec:
    """An op; one with state that its pipeline neither fits nor carries on needs its state."""
    given.setdefault("stateful", True)
    given["changes"] = given.get("fits", False) or given.get("carries", False)
    given.setdefault("needs_state", given["stateful"] and not given["changes"])
    given.setdefault("origin", "notebook.ipynb")
    return OpSpec(name, code(name, *version), **given)


def pipeline(name: str, *ops: OpSpec, **given: Any) -> PipelineSpec:
    nodes = tuple(NodeSpec(one.name, (index,)) for index, one in enumerate(ops))
    return PipelineSpec(name, nodes, ops, **{"python": "3.11", **given})


def data(version: tuple[str, ...] = ()) -> OpSpec:
    return op("data", version, stateful=False)


def pca(version: tuple[str, ...] = (), **given: Any) -> OpSpec:
    return op("pca", version, **{"upstream": ("data",) if given.get("fits") else (), **given})


def clf(version: tuple[str, ...] = (), **given: Any) -> OpSpec:
    upstream = ("data", "pca") if given.get("fits") else ("pca",)
    return op("clf", version, **{"upstream": upstream, "level": PATCH, **given})


TRAIN = pipeline("train_iris", data(), pca(fits=True), clf(fits=True))
TRAIN_PCA = pipeline("train_pca", data(), pca(fits=True), takes_input=True)
TRAIN_CLF = pipeline("train_clf", data(), pca(), clf(fits=True))
PREDICT = pipeline("pred_iris", pca(), clf(), takes_input=True)
COUNT = pipeline("count", op("counter", carries=True))


def fit(
    spec: PipelineSpec,
    states: Mapping[str, bytes],
    before: Mapping[str, Version] | None = None,
    **given: Any,
) -> RunRecord:
    """What a run leaves that fits or changes the ops of ``states`` and uses those of ``before``."""
    after = dict(before or {})
    learned = []
    for name, payload in states.items():
        one = spec.stateful[name]
        fingerprint = digest(payload)
        version = one.version.learned(one.level, fingerprint)
        stateless = {other.name: other.version for other in spec.ops if not other.stateful}
        lineage = tuple(
            Link(up, stateless[up], False)
            if up in stateless
            else Link(up, after.get(up, spec.stateful[up].version), True)
            for up in one.upstream
        )
        after[name] = version
        learned.append(
            Learned(
                op=name,
                version=version,
                class_version=one.version,
                level=one.level,
                fingerprint=fingerprint,
                payload=payload,
                lineage=lineage if one.fits and not given.get("imported") else None,
                fitted=one.fits,
                learned=now(),
                facts=given.get("facts", {}),
            )
        )
    return RunRecord(uuid.uuid4().hex, tuple(learned), after, used=given.get("used", ()))


def run(
    store: OpStore, spec: PipelineSpec, *, save: bool = False, facts: Any = None, **states: str
) -> Committed:
    """Run a pipeline as a worker does: from what the store says, then commit."""
    started = store.sequence()
    before = store.start(spec).versions
    payloads = {name: value.encode() for name, value in states.items()}
    record = fit(spec, payloads, before, facts=facts or {})
    committed = store.commit(spec, record, started=started, who="ann")
    if save:
        store.save(spec.name, committed.run_id, who="ann")
    return committed


def submit(queue: OpStore, body: bytes = b"{}", **given: Any) -> Job:
    """A job that trains."""
    return queue.submit_job(TRAIN.name, body, **given)


def load(
    store: OpStore, spec: PipelineSpec, pins: Mapping[str, str] | None = None, cause: str = "load"
) -> Served:
    """Load a pipeline as the server does, states read and all."""
    choice = store.choose(spec, pins)
    for ref in choice.states.values():
        store.read(ref.op, ref.version)
    return store.commit_load(spec, choice, cause=cause, who="ann")


def state(store: OpStore, served: Served, name: str) -> str:
    """The state that a served set gives an op."""
    return store.read(name, served.versions[name]).decode()
