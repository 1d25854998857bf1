"""How pipelines show themselves: as text, and as a graph in Mermaid's language."""

from __future__ import annotations

import re

from ..versioning.spec import NodeSpec, PipelineSpec

__all__ = ["as_mermaid", "as_text", "escaped"]

_INPUT, _OUTPUT = "__pipeline_input__", "__pipeline_output__"


def as_text(spec: PipelineSpec) -> str:
    """One line for the pipeline and one for each node, in the order in which they run."""
    lines = [f"<Pipeline {spec.name}>"]
    heads = [" ".join(filter(None, (node.name, _kind(node)))) for node in spec.nodes]
    takes = [_names(node.inputs) for node in spec.nodes]
    left, middle = (max(map(len, column)) for column in (heads, takes))
    for head, taken, node in zip(heads, takes, spec.nodes, strict=True):
        lines.append(f"  {head:{left}}  {taken:{middle}} → {_names(node.outputs)}".rstrip())
    return "\n".join(lines)


def as_mermaid(spec: PipelineSpec) -> str:
    """A flow chart (https://mermaid.js.org/syntax/flowchart.html).

    Cylinders are ops with state, double frames nested pipelines.
    """
    lines = ["flowchart LR"]
    if spec.takes_input:
        lines.append('  input(["input"])')
    producers: dict[str, int] = {}
    for index, node in enumerate(spec.nodes):
        label = "<br>".join(escaped(text) for text in (node.name, _kind(node)) if text)
        shape = f'["{label}"]'
        if node.pipeline is not None:
            shape = f'[["{label}"]]'
        elif any(spec.ops[one].stateful for one in node.ops):
            shape = f'[("{label}")]'
        lines.append(f"  n{index}{shape}")
        producers.update(dict.fromkeys(node.outputs, index))
    by_name = {node.name: index for index, node in enumerate(spec.nodes)}
    for index, node in enumerate(spec.nodes):
        for name in node.inputs:
            if name == _INPUT:
                lines.append(f"  input --> n{index}")
            elif name in producers:
                lines.append(f'  n{producers[name]} -- "{escaped(name)}" --> n{index}')
            else:
                lines.append(f"  n{by_name[name]} --> n{index}")
    if spec.gives_output:
        lines.append('  output(["output"])')
        lines.append(f"  n{producers[_OUTPUT]} --> output")
    return "\n".join(lines)


def _kind(node: NodeSpec) -> str:
    """What the name of a node does not tell: the mode of a model, and which pipeline is nested."""
    if node.pipeline is not None:
        return "" if node.pipeline == node.name else f"(pipeline {node.pipeline})"
    return f"({node.mode})" if node.mode else ""


def _names(names: tuple[str, ...]) -> str:
    return ", ".join({_INPUT: "input", _OUTPUT: "output"}.get(name, name) for name in names)


def escaped(text: str) -> str:
    """The text with Mermaid's codes for all that could mean something there, or in HTML."""
    return re.sub(r"[^\w (),.:/+=-]", lambda found: f"#{ord(found[0])};", text)
