"""How pipelines show themselves: as text, as HTML, and as a graph in Mermaid's language."""

from __future__ import annotations

import html

from ..versioning.spec import NodeSpec, PipelineSpec

__all__ = ["as_html", "as_mermaid", "as_text"]

_INPUT, _OUTPUT = "__pipeline_input__", "__pipeline_output__"


def as_text(spec: PipelineSpec) -> str:
    """One line for the pipeline and one for each node, in the order in which they run."""
    lines = [f"<Pipeline {spec.name}>"]
    width = max(len(node.name) for node in spec.nodes)
    for node in spec.nodes:
        flow = " → ".join(part for part in (_names(node.inputs), _names(node.outputs)) if part)
        lines.append(f"  {node.name:{width}}  {flow}".rstrip())
    return "\n".join(lines)


def as_html(spec: PipelineSpec) -> str:
    """A table of the nodes, in the order in which they run."""
    rows = "".join(
        f"<tr><td>{_escaped(node.name)}</td><td>{_escaped(_kind(spec, node))}</td>"
        f"<td>{_escaped(_names(node.inputs))}</td><td>{_escaped(_names(node.outputs))}</td></tr>"
        for node in spec.nodes
    )
    return (
        f"<table><caption>Pipeline {_escaped(spec.name)}</caption>"
        "<thead><tr><th>node</th><th>op</th><th>takes</th><th>gives</th></tr></thead>"
        f"<tbody>{rows}</tbody></table>"
    )


def as_mermaid(spec: PipelineSpec) -> str:
    """A flow chart (https://mermaid.js.org/syntax/flowchart.html).

    Labels are escaped: Mermaid takes HTML in them for HTML.
    """
    lines = ["flowchart LR"]
    if spec.takes_input:
        lines.append('  input(["input"])')
    producers: dict[str, int] = {}
    for index, node in enumerate(spec.nodes):
        label = _escaped(node.name)
        shape = f'[["{label}"]]' if node.pipeline is not None else f'["{label}"]'
        if any(spec.ops[one].stateful for one in node.ops):
            shape = f'[["{label}"]]' if node.pipeline is not None else f'[("{label}")]'
        lines.append(f"  n{index}{shape}")
        producers.update(dict.fromkeys(node.outputs, index))
    by_name = {node.name: index for index, node in enumerate(spec.nodes)}
    for index, node in enumerate(spec.nodes):
        for name in node.inputs:
            if name == _INPUT:
                lines.append(f"  input --> n{index}")
            elif name in producers:
                lines.append(f'  n{producers[name]} -- "{_escaped(name)}" --> n{index}')
            else:
                lines.append(f"  n{by_name[name]} --> n{index}")
    if spec.gives_output:
        lines.append('  output(["output"])')
        lines.append(f"  n{producers[_OUTPUT]} --> output")
    return "\n".join(lines)


def _kind(spec: PipelineSpec, node: NodeSpec) -> str:
    if node.pipeline is not None:
        return f"pipeline {node.pipeline}"
    name = spec.ops[node.ops[0]].name
    return f"{name} ({node.mode})" if node.mode else name


def _names(names: tuple[str, ...]) -> str:
    return ", ".join({_INPUT: "input", _OUTPUT: "output"}.get(name, name) for name in names)


def _escaped(text: str) -> str:
    return html.escape(text).replace("\n", " ")
