"""Pipelines: named graphs of ops, checked and compiled when they are made."""

from __future__ import annotations

import sys
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from ..errors import InvalidPipeline
from ..versioning.code import Code
from ..versioning.names import check_name
from ..versioning.spec import NodeSpec, OpSpec, PipelineSpec, RunRecord
from ..versioning.version import Version, VersionType
from .callbacks import PipelineCallback
from .display import as_mermaid, as_text
from .nodes import Composite, Node
from .ops import BaseOp, LoadableOp
from .plan import compile_plan
from .state import Store, imported_models, load_states, save_run

__all__ = ["Pipeline"]


class Pipeline(Composite):
    """A named graph of nodes. Nodes and edges are frozen.

    Nodes may stand in any order, and an output may feed any number of nodes. A pipeline can be
    the op of a node of another pipeline.

    Args:
        pipeline_nodes: the nodes.
        name: 1 to 128 letters, digits, ``_``, ``-`` and ``.``.
        pipeline_callbacks: what runs around the pipeline and its nodes.
        use_worker: whether calls become jobs; ``None`` leaves it to the call and the server.
        batchable: whether the server may run the rows of several calls as one.
        auto_load: whether the server serves what is newest without being asked.

    Attributes:
        callbacks: as given; settable until the pipeline is served, as ``use_worker`` is.
        node_for_name: the nodes by name.
        ops: the ops with state, by op name.
        last_run: what the last run that changed state left, until it is saved.

    Raises:
        InvalidPipeline: the graph cannot run: a cycle, an input that nobody produces, …
        InvalidName: a name is not allowed.
        InvalidField: the value of a versioned field of an op cannot be part of a version.
    """

    def __init__(
        self,
        pipeline_nodes: Iterable[Node],
        name: str,
        pipeline_callbacks: Iterable[PipelineCallback] | None = None,
        use_worker: bool | None = None,
        *,
        batchable: bool = False,
        auto_load: bool = False,
    ) -> None:
        self.name = check_name("pipeline", name)
        self.callbacks = list(pipeline_callbacks or ())
        self.use_worker = use_worker
        self.last_run: RunRecord | None = None
        nodes = tuple(pipeline_nodes)
        self._check_list(nodes)
        self.plan = compile_plan(nodes, self)
        self.node_for_name: Mapping[str, Node] = {node.name: node for node in self.plan.nodes}
        self.ops: Mapping[str, LoadableOp] = self.plan.ops
        codes: dict[Any, Code] = {}
        for step in self.plan.steps:
            if step.op is not None:
                step.op.enter_pipeline(codes)
        self._join_ops()
        self._spec = self._make_spec(batchable, auto_load)

    def _check_list(self, nodes: Sequence[Any]) -> None:
        if not nodes:
            raise InvalidPipeline(
                f"Pipeline {self.name!r} has no nodes.", hint="Give at least one Node."
            )
        for node in nodes:
            if not isinstance(node, Node):
                raise InvalidPipeline(
                    f"{node!r} in pipeline {self.name!r} is not a node.",
                    hint="Wrap it: Node(op, input_nodes=…, output_nodes=…).",
                )

    def _join_ops(self) -> None:
        """Ops with state of one name are one op, or refused."""
        for step in self.plan.steps:
            op = step.op
            if not isinstance(op, LoadableOp) or op is self.ops[op.name]:
                continue
            first = self.ops[op.name]
            same = type(op) is type(first) and op.__version__ == first.__version__
            if not (same and op.shares_state and first.shares_state):
                raise InvalidPipeline(
                    f"Pipeline {self.name!r} has two different ops with state that are named"
                    f" {op.name!r}: node {step.path!r} has the second.",
                    hint="Use one op object in both nodes, or give one an op_name of its own.",
                    pipeline=self.name,
                    node=step.path,
                    op=op.name,
                )
            if first.held_version is None and op.held_version is not None:
                first._op_state = op._op_state
            op._op_state = first._op_state

    # What it is made of.

    @property
    def pipeline_nodes(self) -> tuple[Node, ...]:
        """The nodes in the order in which they run."""
        return self.plan.nodes

    @property
    def batchable(self) -> bool:
        """Whether the server may run the rows of several calls as one."""
        return self._spec.batchable

    @property
    def auto_load(self) -> bool:
        """Whether the server serves what is newest without being asked."""
        return self._spec.auto_load

    @property
    def spec(self) -> PipelineSpec:
        """The pipeline as plain data: graph, ops with their class-level versions, settings."""
        if self._spec.use_worker is not self.use_worker:
            self._spec = replace(self._spec, use_worker=self.use_worker)
        return self._spec

    def _make_spec(self, batchable: bool, auto_load: bool) -> PipelineSpec:
        specs: list[OpSpec] = []
        index_of: dict[Any, int] = {}
        indices: list[int] = []  # of each step's op
        for number, step in enumerate(self.plan.steps):
            op = step.op
            if op is None:
                indices.append(-1)
                continue
            key = (op.name, True) if op.stateful else (op.name, False, op.__version__.digests)
            upstream = self._upstream(number)
            if key not in index_of:
                index_of[key] = len(specs)
                specs.append(_op_spec(op))
            index = index_of[key]
            indices.append(index)
            specs[index] = _merged(specs[index], op, upstream)
        return PipelineSpec(
            name=self.name,
            nodes=tuple(self._node_specs(indices)),
            ops=tuple(replace(o, needs_state=o.needs_state and not o.fits) for o in specs),
            takes_input=self.plan.takes_input,
            gives_output=self.plan.output >= 0,
            use_worker=self.use_worker,
            batchable=batchable,
            auto_load=auto_load,
            python="{}.{}".format(*sys.version_info),
        )

    def _upstream(self, number: int) -> list[str]:
        own = self.plan.steps[number].op
        found: dict[str, None] = {}
        for index in self.plan.upstream[number]:
            op = self.plan.steps[index].op
            if op is not None and own is not None and op.name != own.name:
                found[op.name] = None
        return list(found)

    def _node_specs(self, indices: Sequence[int]) -> Iterable[NodeSpec]:
        of_node: dict[str, list[int]] = {node.name: [] for node in self.plan.nodes}
        top = ""
        for step, index in zip(self.plan.steps, indices, strict=True):
            if step.pipeline is self:
                top = step.node.name  # the steps of a nested pipeline follow their entry
            if index >= 0:
                of_node[top].append(index)
        for node in self.plan.nodes:
            nested = isinstance(node.op, Composite)
            mode = getattr(getattr(node.op, "mode", None), "value", None)
            yield NodeSpec(
                name=node.name,
                ops=tuple(dict.fromkeys(of_node[node.name])),
                inputs=self.plan.inputs[node.name],
                outputs=node.output_nodes,
                mode=None if mode is None else str(mode),
                pipeline=node.op.name if nested else None,
            )

    def get_pipeline_versions(self) -> dict[str, Version]:
        """The version of each node, as it is now; a nested pipeline has one for all its ops."""
        return self.spec.node_versions({name: op.op_version for name, op in self.ops.items()})

    # Its state.

    def save(self, store: Store, *, share: Collection[str] = ()) -> Any:
        """Save what the last run in this process fitted or changed, or models that it imported.

        Saving again, or without such a run, does nothing.

        Args:
            store: the op store.
            share: ops with state whose names this notebook or module may use, for good, though
                they belong to another one, whose code is different.

        Returns:
            What the store committed; ``None`` if there was nothing to save.

        Raises:
            NameTaken: the name of an op with state belongs to another notebook or module.
        """
        record = self.last_run or imported_models(self.ops)
        if record is None:
            return None
        committed = save_run(self.spec, self.ops, record, store, share)
        self.last_run = None
        return committed

    def load(self, store: Store, versions: Mapping[str, str] | None = None) -> list[str]:
        """Load the newest state that fits together, or the versions given: all, or nothing.

        Args:
            store: the op store.
            versions: by op name: number, version string, or its digests.

        Returns:
            Warnings: differences that do not forbid the load.

        Raises:
            VersionError: nothing that fits together is in the store; the hint says what to do.
            SerializationError: an op cannot take its state.
        """
        warnings = load_states(self.spec, self.ops, store, versions)
        self.last_run = None
        return warnings

    def __getstate__(self) -> dict[str, Any]:
        # Learned state never travels in a definition.
        return {**self.__dict__, "last_run": None}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        self._join_ops()

    # How it shows itself.

    def __repr__(self) -> str:
        return as_text(self.spec)

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, str]:
        # No HTML: JupyterLab would prefer it to the graph.
        return {"text/plain": as_text(self.spec), "text/vnd.mermaid": as_mermaid(self.spec)}


def _op_spec(op: BaseOp) -> OpSpec:
    code = op.code
    return OpSpec(
        name=op.name,
        version=op.__version__,
        stateful=op.stateful,
        level=op.training_update_version if isinstance(op, LoadableOp) else VersionType.MAJOR,
        origin=code.origin,
        source=code.source,
        packages=dict(code.packages),
        facts=code.facts() if op.stateful else {},
    )


def _merged(spec: OpSpec, op: BaseOp, upstream: Sequence[str]) -> OpSpec:
    """The specification of an op with one more of its nodes.

    What is upstream of an op that is fitted here is what is upstream of where it is fitted.
    """
    if op.fits and not spec.fits:
        names = tuple(upstream)
    elif spec.fits and not op.fits:
        names = spec.upstream
    else:
        names = tuple(dict.fromkeys((*spec.upstream, *upstream)))
    return replace(
        spec,
        fits=spec.fits or op.fits,
        changes=spec.changes or op.changes,
        carries=spec.carries or op.carries,
        needs_state=spec.needs_state or op.needs_state,
        upstream=names,
    )
