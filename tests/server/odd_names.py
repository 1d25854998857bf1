"""Pipelines with all the names that are allowed and that somebody might stumble over."""

from __future__ import annotations

from jupyter_chariots import Node, Pipeline

# as many as are kept warm
NAMES = ["-", "--help", "main", "fetch", "1.0.0", "a..b", "x" * 128, "null"]


def named(name: str) -> Pipeline:
    def said() -> str:
        return name

    node = Node(said, output_nodes="__pipeline_output__", name="a node . of -- spaces")
    return Pipeline([node], name)


for number, name in enumerate(NAMES):
    globals()[f"pipeline_{number}"] = named(name)
