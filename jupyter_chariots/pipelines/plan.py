"""From a graph to a plan: gives out slots, flattens what is nested, says what waits for what."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from .graph import Graph, named_nodes
from .nodes import Composite, Node, Plan, ReservedNodes, Step
from .ops import BaseOp, LoadableOp

__all__ = ["compile_plan"]

_OUTPUT = ReservedNodes.pipeline_output.reference


def _hooked(op: BaseOp) -> bool:
    hooks = ("before_execution", "after_execution", "execute_with_all_callbacks")
    return any(getattr(type(op), hook) is not getattr(BaseOp, hook) for hook in hooks)


def compile_plan(nodes: Sequence[Node], owner: Composite) -> Plan:
    """Check and order the nodes of a pipeline.

    Raises:
        InvalidPipeline: the graph cannot run; the message names the node.
    """
    named = named_nodes(nodes, owner.name)
    graph = Graph(nodes, named, owner.name)
    order = graph.order()
    slots: dict[tuple[int, str | None], int] = {(-1, None): 0}
    wanted = {source for sources in graph.inputs for source in sources}
    if _OUTPUT in graph.producers:
        wanted.add((graph.producers[_OUTPUT], _OUTPUT))
    size = 1
    for source in sorted(wanted - {(-1, None)}, key=lambda one: (one[0], one[1] or "")):
        slots[source], size = size, size + 1
    steps: list[Step] = []
    for index in order:
        node = named[index]
        inputs = tuple(slots[source] for source in graph.inputs[index])
        outputs = tuple(slots.get((index, name), -1) for name in node.output_nodes)
        single = outputs[0] if outputs else slots.get((index, None), -1)
        results = {"targets": outputs} if len(outputs) > 1 else {"target": single}
        if isinstance(node.op, Composite):
            graph.check_nested(node, node.op.plan, taken=single >= 0)
            entry, size = size, size + node.op.plan.size + 1
            steps += _flattened(node, owner, entry, len(steps), inputs)
            steps[-1] = replace(steps[-1], **results)
        else:
            op = node.op
            step = Step(node.name, node, owner, op, inputs=inputs, hooked=_hooked(op))
            steps.append(replace(step, **results))
    output = slots[graph.producers[_OUTPUT], _OUTPUT] if _OUTPUT in graph.producers else -1
    ops = _stateful(steps)
    _link(steps, output)
    return Plan(
        pipeline=owner.name,
        nodes=tuple(named[index] for index in order),
        inputs={node.name: graph.input_names(index) for index, node in enumerate(named)},
        steps=tuple(steps),
        size=size,
        output=output,
        takes_input=(-1, None) in wanted,
        ops=ops,
        changing=tuple(op for op in ops.values() if op.changes),
        upstream=_upstream(steps),
    )


def _flattened(
    node: Node, owner: Composite, base: int, first: int, inputs: tuple[int, ...]
) -> Iterator[Step]:
    """The steps of a nested pipeline between its entry and its exit.

    Its slots follow ``base``, which keeps the arguments; its steps follow step ``first``.
    """
    inner = node.op
    assert isinstance(inner, Composite)
    plan = inner.plan

    def moved(slot: int) -> int:
        return slot if slot < 0 else slot + base + 1

    yield Step(
        node.name, node, owner, None, inner, True, inputs, target=moved(0), frame=base, after=()
    )
    for step in plan.steps:
        yield replace(
            step,
            path=f"{node.name}.{step.path}",
            inputs=tuple(map(moved, step.inputs)),
            target=moved(step.target),
            targets=tuple(map(moved, step.targets)),
            frame=moved(step.frame),
            after=(first, *(index + first + 1 for index in step.after)),
        )
    last = first + len(plan.steps) + 1
    results = (moved(plan.output),) if plan.output >= 0 else ()
    ends = tuple(range(first, last))
    yield Step(node.name, node, owner, None, inner, False, results, frame=base, after=ends)


def _stateful(steps: Sequence[Step]) -> dict[str, LoadableOp]:
    """The ops with state by name, each by the instance that is fitted, if one is."""
    ops: dict[str, LoadableOp] = {}
    for step in steps:
        op = step.op
        if isinstance(op, LoadableOp) and (op.name not in ops or op.fits):
            ops[op.name] = op
    return ops


def _link(steps: list[Step], output: int) -> None:
    """Say for each step what it waits for, and which values it is the last to take."""
    writer: dict[int, int] = {}
    changed: dict[str, int] = {}  # the last step that changed an op's state
    last_use: dict[int, int] = {}
    for index, step in enumerate(steps):
        after = {writer[slot] for slot in step.inputs if slot in writer} | set(step.after)
        if step.op is not None and step.op.stateful:
            if step.op.name in changed:
                after.add(changed[step.op.name])
            if step.op.changes:
                changed[step.op.name] = index
        step.after = tuple(sorted(after))
        last_use.update({slot: index for slot in step.inputs if slot != output})
        writer.update({slot: index for slot in (step.target, *step.targets) if slot >= 0})
    for step in steps:
        step.drop = ()
    for slot, index in last_use.items():
        steps[index].drop += (slot,)


def _upstream(steps: Sequence[Step]) -> Mapping[int, tuple[int, ...]]:
    """For each step of an op the steps of ops that its arguments were made by, and from."""
    writer: dict[int, int] = {}
    reached: list[set[int]] = []
    for index, step in enumerate(steps):
        direct = {writer[slot] for slot in step.inputs if slot in writer}
        reached.append(direct.union(*(reached[one] for one in direct)))
        writer.update({slot: index for slot in (step.target, *step.targets) if slot >= 0})
    return {
        index: tuple(sorted(one for one in reached[index] if steps[one].op is not None))
        for index, step in enumerate(steps)
        if step.op is not None
    }
