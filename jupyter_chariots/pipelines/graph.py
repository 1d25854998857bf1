"""The graph of a pipeline: names, edges, order; and what is wrong with them."""

from __future__ import annotations

import heapq
from collections.abc import Iterator, Sequence

from ..errors import InvalidPipeline
from ..versioning.names import did_you_mean
from .nodes import Composite, Node, Plan, ReservedNodes
from .ops import BaseOp

__all__ = ["Graph", "named_nodes"]

_INPUT = ReservedNodes.pipeline_input.reference
_OUTPUT = ReservedNodes.pipeline_output.reference


def named_nodes(nodes: Sequence[Node], pipeline: str) -> list[Node]:
    """The nodes under the names that they bear in the pipeline, each of which is unique."""
    if len({id(node) for node in nodes}) < len(nodes):
        twice = next(node for node in nodes if sum(node is other for other in nodes) > 1)
        raise InvalidPipeline(
            f"Node {twice.name!r} stands twice in pipeline {pipeline!r}.",
            hint="Make a node for each use of an op.",
            pipeline=pipeline,
            node=twice.name,
        )
    taken: set[str] = set()
    for node in nodes:
        if node.named and node.name in taken:
            raise InvalidPipeline(
                f"Two nodes of pipeline {pipeline!r} are named {node.name!r}.",
                hint="Give each node a name of its own: Node(…, name=…).",
                pipeline=pipeline,
                node=node.name,
            )
        if node.named:
            taken.add(node.name)
    named: list[Node] = []
    for node in nodes:
        name, number = node.name, 2
        while not node.named and name in taken:
            name, number = f"{node.name}_{number}", number + 1
        taken.add(name)
        named.append(node.called(name))
    return named


class Graph:
    """The edges between the nodes of one pipeline, by their indices."""

    def __init__(self, nodes: Sequence[Node], named: Sequence[Node], pipeline: str) -> None:
        self.nodes, self.pipeline = named, pipeline
        self._positions = {id(node): index for index, node in enumerate(nodes)}
        self._positions.update({id(node): index for index, node in enumerate(named)})
        self._by_name = {node.name: index for index, node in enumerate(named)}
        self.producers = self._producers()
        # What each node takes: the producer's index (-1: the pipeline's input) and the name of
        # the output (None: the whole value).
        self.inputs = [[self._source(node, one) for one in node.input_nodes] for node in self.nodes]

    def _error(self, what: str, node: Node, hint: str | None = None) -> InvalidPipeline:
        message = f"Pipeline {self.pipeline!r} is refused: {what}."
        return InvalidPipeline(message, hint=hint, pipeline=self.pipeline, node=node.name)

    def _producers(self) -> dict[str, int]:
        producers: dict[str, int] = {}
        for index, node in enumerate(self.nodes):
            for output in node.output_nodes:
                if output == _INPUT:
                    raise self._error(f"node {node.name!r} gives the reserved {_INPUT!r}", node)
                if output in producers:
                    other = self.nodes[producers[output]].name
                    by = f"nodes {other!r} and {node.name!r}" if other != node.name else repr(other)
                    raise self._error(
                        f"output {output!r} is given twice, by {by}",
                        node,
                        "A pipeline has one output; several values go out as a tuple or a dict."
                        if output == _OUTPUT
                        else "Rename one of them.",
                    )
                producers[output] = index
        return producers

    def _source(self, node: Node, wanted: str | Node) -> tuple[int, str | None]:
        if isinstance(wanted, Node):
            index = self._positions.get(id(wanted), -1)
            if index < 0:
                raise self._error(
                    f"node {node.name!r} takes node {wanted.name!r}, which is not in the pipeline",
                    node,
                    "List that node too.",
                )
        elif wanted == _INPUT:
            return -1, None
        elif wanted in self.producers:
            return self.producers[wanted], wanted
        elif wanted in self._by_name:
            index = self._by_name[wanted]
        else:
            known = [*self.producers, *self._by_name, _INPUT]
            raise self._error(
                f"nobody gives {wanted!r}, which node {node.name!r} takes",
                node,
                did_you_mean(wanted, (name for name in known if name != node.name)),
            )
        outputs = self.nodes[index].output_nodes
        if len(outputs) > 1:
            raise self._error(
                f"node {node.name!r} takes node {self.nodes[index].name!r}, which has several"
                f" outputs ({', '.join(outputs)})",
                node,
                "Name the one that is meant.",
            )
        return index, outputs[0] if outputs else None

    def input_names(self, index: int) -> tuple[str, ...]:
        """What a node takes, by name."""
        return tuple(
            name or (self.nodes[source].name if source >= 0 else _INPUT)
            for source, name in self.inputs[index]
        )

    def order(self) -> list[int]:
        """Indices in an order that works: the listed one as far as possible."""
        before: list[set[int]] = [{i for i, _ in sources if i >= 0} for sources in self.inputs]
        for fits, uses in self._fit_edges():
            before[uses].add(fits)
        followers: list[list[int]] = [[] for _ in self.nodes]
        for index, sources in enumerate(before):
            for source in sources:
                followers[source].append(index)
        open_ = [len(sources) for sources in before]
        ready = [index for index, count in enumerate(open_) if not count]
        ordered: list[int] = []
        while ready:
            index = heapq.heappop(ready)
            ordered.append(index)
            for follower in followers[index]:
                open_[follower] -= 1
                if not open_[follower]:
                    heapq.heappush(ready, follower)
        if len(ordered) < len(self.nodes):
            raise self._cycle(before, set(range(len(self.nodes))) - set(ordered))
        return ordered

    def _cycle(self, before: list[set[int]], rest: set[int]) -> InvalidPipeline:
        path = [min(rest)]
        while True:
            step = min(before[path[-1]] & rest)
            if step in path:
                names = [repr(self.nodes[i].name) for i in [*path[path.index(step) :], step]]
                return self._error(
                    f"its nodes form a cycle: {' ← '.join(names)}",
                    self.nodes[step],
                    "A node runs after all that it takes, and one that predicts after the one that"
                    " fits its op.",
                )
            path.append(step)

    def _fit_edges(self) -> Iterator[tuple[int, int]]:
        """A node that uses an op runs after the one that fits it."""
        fitted: dict[str, int] = {}
        used: dict[str, set[int]] = {}
        for index, node in enumerate(self.nodes):
            for op in _ops_of(node):
                if op.fits and fitted.setdefault(op.name, index) != index:
                    raise self._fitted_twice(op, self.nodes[fitted[op.name]], node)
                if op.stateful and not op.fits:
                    used.setdefault(op.name, set()).add(index)
            fits = [op.name for op in _ops_of(node) if op.fits]
            for name in fits:
                if fits.count(name) > 1:
                    raise self._error(f"the op {name!r} is fitted twice in {node.name!r}", node)
        for name, index in fitted.items():
            yield from ((index, other) for other in used.get(name, ()) if other != index)

    def _fitted_twice(self, op: BaseOp, first: Node, second: Node) -> InvalidPipeline:
        return self._error(
            f"the op {op.name!r} is fitted by two nodes, {first.name!r} and {second.name!r}",
            second,
            "Fit it once, or tell the ops apart with op_name.",
        )

    def check_nested(self, node: Node, inner: Plan, taken: bool) -> None:
        """A nested pipeline is called as it is made: with its one input, or with none."""
        takes, given = int(inner.takes_input), len(node.input_nodes)
        if takes != given:
            needs = "one input" if takes else "no input"
            raise self._error(
                f"the nested pipeline {node.name!r} takes {needs} and is given {given}",
                node,
                "A pipeline takes one value; pass several as a tuple or a dict." if takes else None,
            )
        if (node.output_nodes or taken) and inner.output < 0:
            raise self._error(
                f"the nested pipeline {node.name!r} gives no output",
                node,
                f"Name an output of one of its nodes {_OUTPUT!r}.",
            )


def _ops_of(node: Node) -> Iterator[BaseOp]:
    if isinstance(node.op, Composite):
        yield from (step.op for step in node.op.plan.steps if step.op is not None)
    else:
        yield node.op
