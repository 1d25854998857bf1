"""Nodes, and the plan that a pipeline is compiled to: the data, without the rules."""

from __future__ import annotations

import copy
import enum
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

from ..errors import InvalidPipeline
from ..versioning.names import check_name
from .callbacks import PipelineCallback
from .functions import FunctionOp
from .ops import BaseOp, LoadableOp

__all__ = ["Composite", "Node", "Plan", "ReservedNodes", "Step"]


class ReservedNodes(enum.Enum):
    """The names under which a pipeline's own input and output stand in its nodes."""

    pipeline_input = "__pipeline_input__"
    pipeline_output = "__pipeline_output__"

    @property
    def reference(self) -> str:
        """The name, as a string."""
        return self.value


_Output: TypeAlias = "str | ReservedNodes"
_Input: TypeAlias = "str | ReservedNodes | Node"


class Composite:
    """What stands as one node and is made of several: a pipeline."""

    name: str
    callbacks: list[PipelineCallback]
    plan: Plan


class Node:
    """A slot in a pipeline: an op, with names for what goes in and what comes out. Frozen.

    Args:
        op: an op, a function, or a whole pipeline.
        input_nodes: what the op's arguments are, in order: names of outputs of other nodes, or
            nodes, or :class:`ReservedNodes`. A single one may stand without a list.
        output_nodes: the name of what the op returns; several names unpack a tuple. A node without
            any offers its value to whoever names the node.
        name: unique in the pipeline; by default the op's name, then ``<name>_2``, …

    Raises:
        InvalidPipeline: ``op`` is not an op, or an input or output is not a name.
        InvalidName: ``name`` is not allowed.
    """

    __slots__ = ("input_nodes", "name", "named", "op", "output_nodes")

    op: BaseOp | Composite
    input_nodes: tuple[str | Node, ...]
    output_nodes: tuple[str, ...]
    name: str
    named: bool

    def __init__(
        self,
        op: BaseOp | Composite | Callable[..., Any],
        input_nodes: _Input | Iterable[_Input] | None = None,
        output_nodes: _Output | Iterable[_Output] | None = None,
        name: str | None = None,
    ) -> None:
        op = _as_op(op)
        own = op.name if name is None else check_name("node", name)
        state = {
            "op": op,
            "name": own,
            "named": name is not None,
            "input_nodes": tuple(_reference(own, one) for one in _listed(input_nodes)),
            "output_nodes": tuple(_label(own, one, "output") for one in _listed(output_nodes)),
        }
        self.__setstate__(state)

    def __setattr__(self, attribute: str, value: object) -> None:
        raise AttributeError(f"Nodes are frozen: {attribute} of {self!r} cannot be set.")

    def __delattr__(self, attribute: str) -> None:
        raise AttributeError(f"Nodes are frozen: {attribute} of {self!r} cannot be deleted.")

    def __reduce__(self) -> Any:
        return _bare_node, (), {name: getattr(self, name) for name in self.__slots__}

    def __setstate__(self, state: Mapping[str, Any]) -> None:
        for name, value in state.items():
            super().__setattr__(name, value)

    def __repr__(self) -> str:
        return f"<Node {self.name}>"

    def called(self, name: str) -> Node:
        """This node under another name: itself, if that is its name already."""
        if name == self.name:
            return self
        node = copy.copy(self)
        object.__setattr__(node, "name", name)
        return node


def _bare_node() -> Node:
    return Node.__new__(Node)


def _as_op(value: Any) -> BaseOp | Composite:
    if isinstance(value, (BaseOp, Composite)):
        return value
    if isinstance(value, type):
        raise InvalidPipeline(
            f"{value.__name__} is a class; a node takes an op.",
            hint=f"Make one: Node({value.__name__}(…), …).",
        )
    if callable(value) and not hasattr(value, "fit"):
        return FunctionOp(value)
    hint = "Give an op, a function or a pipeline."
    if hasattr(value, "fit"):
        hint = "Make an op of an estimator with as_op(estimator, name=…, mode=…)."
    raise InvalidPipeline(f"{value!r} is not an op.", hint=hint)


def _listed(value: Any) -> Iterable[Any]:
    if value is None:
        return ()
    return (value,) if isinstance(value, (str, Node, ReservedNodes)) else tuple(value)


def _reference(node: str, value: Any) -> str | Node:
    return value if isinstance(value, Node) else _label(node, value, "input")


def _label(node: str, value: Any, kind: str) -> str:
    if isinstance(value, ReservedNodes):
        return value.reference
    if isinstance(value, str) and value:
        return value
    raise InvalidPipeline(
        f"{value!r} cannot be an {kind} of node {node!r}.",
        hint="Give names (strings), or the nodes themselves as inputs.",
        node=node,
    )


@dataclass(slots=True)
class Step:
    """One step of a plan: an op's run, or the entry into a nested pipeline, or the exit from it.

    Attributes:
        path: the node's name, with the names of the nodes around it (``inner.node``).
        node: the node; for an entry or exit that of the nested pipeline.
        pipeline: the pipeline that the node is part of, whose callbacks fire.
        op: the op; ``None`` for an entry or exit.
        inner: the nested pipeline, for an entry or exit.
        enters: whether this is an entry.
        inputs: the slots of the arguments.
        target: the slot of the result; -1 if nobody takes it.
        targets: the slots of the parts of the result, if it is unpacked.
        drop: the slots that nobody needs after this step has taken its arguments.
        after: indices of the steps that must have ended before this one starts.
        frame: the slot that keeps the arguments of a nested pipeline for its callbacks.
        hooked: whether the op has hooks of its own.
    """

    path: str
    node: Node
    pipeline: Composite
    op: BaseOp | None
    inner: Composite | None = None
    enters: bool = False
    inputs: tuple[int, ...] = ()
    target: int = -1
    targets: tuple[int, ...] = ()
    drop: tuple[int, ...] = ()
    after: tuple[int, ...] = ()
    frame: int = -1
    hooked: bool = False


@dataclass(frozen=True)
class Plan:
    """A pipeline as it runs: steps in an order that works, and slots for the values between them.

    Slot 0 holds the input of the pipeline.

    Attributes:
        pipeline: the name of the pipeline.
        nodes: the nodes of the pipeline in the order in which they run, nested ones as one.
        inputs: for each node, by name, the names of what it takes.
        steps: what runs, nested pipelines flattened.
        size: the number of slots.
        output: the slot of the pipeline's output; -1 if it gives none.
        takes_input: whether a node takes the pipeline's input.
        ops: the ops with state, by name; where several nodes share one, the one that is fitted.
        changing: those whose state a run changes.
        upstream: for each index of a step of an op, the indices of those upstream of it.
    """

    pipeline: str
    nodes: tuple[Node, ...]
    inputs: Mapping[str, tuple[str, ...]]
    steps: tuple[Step, ...]
    size: int
    output: int
    takes_input: bool
    ops: Mapping[str, LoadableOp]
    changing: tuple[LoadableOp, ...]
    upstream: Mapping[int, tuple[int, ...]]
