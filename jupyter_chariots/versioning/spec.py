"""What the version rules must know of a pipeline, as plain data.

A :class:`PipelineSpec` is made once, in the process that defines the pipeline, and travels as JSON
to the op store, the server and the panels: none of them needs the code.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import datetime
from functools import cached_property
from typing import Any

from .version import Version, VersionType, combine, digest

__all__ = ["Learned", "Link", "NodeSpec", "OpSpec", "PipelineSpec", "RunRecord"]


@dataclass(frozen=True)
class OpSpec:
    """An op as one pipeline uses it.

    Attributes:
        name: the identity of the op in the store.
        version: the class-level version, without learned state.
        stateful: the op has state that the store keeps.
        fits: this pipeline fits it.
        changes: running this pipeline changes its state (it fits, or ``changes_when_run``).
        carries: such a run goes on from the current state (``incremental``, ``changes_when_run``).
        needs_state: it cannot run without learned state.
        level: the level that learned state goes into (``training_update_version``).
        upstream: names of the ops upstream of it in this pipeline, through stateless ops and
            nested pipelines; for an op that is fitted here, upstream of where it is fitted.
        origin: the notebook or module that defines it.
        source: its source code, where it could be had.
        packages: the installed packages that its modules use, with their versions.
        facts: what else is known of its code: the cell, texts of what it names; no part of its
            identity.
    """

    name: str
    version: Version
    stateful: bool = False
    fits: bool = False
    changes: bool = False
    carries: bool = False
    needs_state: bool = False
    level: VersionType = VersionType.MAJOR
    upstream: tuple[str, ...] = ()
    origin: str = ""
    source: str | None = None
    packages: Mapping[str, str] = field(default_factory=dict)
    facts: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class NodeSpec:
    """A node as the user wrote it; a nested pipeline is one node with several ops.

    ``ops`` are indices into :attr:`PipelineSpec.ops`.
    """

    name: str
    ops: tuple[int, ...]
    inputs: tuple[str, ...] = ()
    outputs: tuple[str, ...] = ()
    mode: str | None = None
    pipeline: str | None = None


@dataclass(frozen=True)
class PipelineSpec:
    """A pipeline: its graph, its ops and its settings.

    A stateful op stands once in ``ops``, whatever the number of its nodes; stateless ops of one
    name stand once for each version.
    """

    name: str
    nodes: tuple[NodeSpec, ...]
    ops: tuple[OpSpec, ...]
    takes_input: bool = False
    gives_output: bool = False
    use_worker: bool | None = None
    batchable: bool = False
    auto_load: bool = False
    python: str = ""

    @cached_property
    def stateful(self) -> dict[str, OpSpec]:
        """The ops with state, by name, in plan order."""
        return {op.name: op for op in self.ops if op.stateful}

    @property
    def changes(self) -> bool:
        """Whether a run changes state."""
        return any(op.changes for op in self.ops)

    @property
    def carries(self) -> bool:
        """Whether runs must follow one another, each going on from where the last one ended."""
        return any(op.carries for op in self.ops)

    @cached_property
    def digest(self) -> str:
        """The identity of the definition: its graph, its settings and its code."""
        data = self.to_json()
        del data["python"]
        for op in data["ops"]:
            op["version"] = op["version"].partition("_")[0]
            del op["packages"], op["source"], op["origin"], op["facts"]
        return digest(json.dumps(data, sort_keys=True).encode())

    def node_versions(self, versions: Mapping[str, Version]) -> dict[str, Version]:
        """The version of each node, given those of the stateful ops.

        Ops without an entry count with their class-level version; a nested pipeline has the
        combined version of its ops.
        """
        result: dict[str, Version] = {}
        for node in self.nodes:
            ops = [self.ops[index] for index in node.ops]
            held = [versions.get(op.name, op.version) if op.stateful else op.version for op in ops]
            named = [(f"{index}.{op.name}", held[index]) for index, op in enumerate(ops)]
            result[node.name] = named[0][1] if node.pipeline is None else combine(named)
        return result

    def to_json(self) -> dict[str, Any]:
        """The specification as JSON values."""
        data = asdict(self)
        for op, own in zip(data["ops"], self.ops, strict=True):
            op["version"], op["level"] = str(own.version), own.level.value
        loaded: dict[str, Any] = json.loads(json.dumps(data))
        return loaded

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> PipelineSpec:
        """Read what :meth:`to_json` wrote."""
        fields: list[dict[str, Any]] = [
            {key: tuple(value) if isinstance(value, list) else value for key, value in node.items()}
            for node in data["nodes"]
        ]
        nodes = tuple(NodeSpec(**one) for one in fields)
        ops = tuple(
            OpSpec(
                **{
                    **op,
                    "version": Version.parse(op["version"]),
                    "level": VersionType(op["level"]),
                    "upstream": tuple(op["upstream"]),
                }
            )
            for op in data["ops"]
        )
        return cls(**{**data, "nodes": nodes, "ops": ops})


@dataclass(frozen=True)
class Link:
    """One entry of a lineage: the op ``name`` was upstream, at ``version``."""

    name: str
    version: Version
    stateful: bool


@dataclass(frozen=True)
class Learned:
    """New state of one op, as a run left it and as the store takes it.

    Attributes:
        op: name of the op.
        version: the version with the state in it.
        class_version: the version without it.
        level: the level that the state went into.
        fingerprint: digest of the learned state.
        payload: the serialised state.
        lineage: what the op was trained on; ``None`` where that is unknown (an imported model)
            or does not matter (``fitted`` is false: the state was carried on, not trained).
        fitted: whether the run fitted the op.
        learned: when, as naive UTC.
        facts: provenance as JSON values (parameters, input schema, duration, metrics, host, git,
            Python, packages, notebook, cell, source …).
    """

    op: str
    version: Version
    class_version: Version
    level: VersionType
    fingerprint: str
    payload: bytes
    lineage: tuple[Link, ...] | None
    fitted: bool
    learned: datetime
    facts: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class RunRecord:
    """What one run of a pipeline left, as the store takes it.

    Attributes:
        run_id: unique among all runs.
        learned: the states that the run fitted or changed.
        used: versions of the ops that the run used without fitting or changing them and whose
            state no store holds yet (a bare run in a kernel); they are committed with it, unnamed.
        after: the version of every op with state after the run, by op name.
    """

    run_id: str
    learned: tuple[Learned, ...]
    after: Mapping[str, Version]
    used: tuple[Learned, ...] = ()
