"""Callbacks: code that runs around ops, nodes and pipelines.

The order in a run: pipeline ``before_execution``; for each node: pipeline
``before_node_execution``, op callbacks' ``before_execution``, the op's own ``before_execution``,
``execute``, the op's own ``after_execution``, op callbacks' ``after_execution``, pipeline
``after_node_execution``; then pipeline ``after_execution``.

All hooks are called positionally. ``args`` is a list; what a *before* hook changes in it, in place,
is what runs. Subclasses override the hooks that they need and need not call ``super().__init__``.
"""

from __future__ import annotations

from typing import Any

__all__ = ["OpCallBack", "PipelineCallback"]


class OpCallBack:
    """Runs before and after each execution of the ops that it is given to."""

    def before_execution(self, op: Any, args: list[Any]) -> None:
        """Called with the op and its arguments before it runs."""

    def after_execution(self, op: Any, args: list[Any], output: Any) -> None:
        """Called with the op, its arguments and what it returned."""


class PipelineCallback:
    """Runs before and after a pipeline, and before and after each of its nodes."""

    def before_execution(self, pipeline: Any, args: list[Any]) -> None:
        """Called before anything runs; ``args`` holds the input, if the pipeline takes one."""

    def after_execution(self, pipeline: Any, args: list[Any], output: Any) -> None:
        """Called when every node has run."""

    def before_node_execution(self, pipeline: Any, node: Any, args: list[Any]) -> None:
        """Called before each node, with its arguments."""

    def after_node_execution(self, pipeline: Any, node: Any, args: list[Any], output: Any) -> None:
        """Called after each node, with its arguments and what it returned."""
