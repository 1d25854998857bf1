"""What happens around the op of a step, whatever runs it."""

from __future__ import annotations

import traceback
from collections.abc import Sequence
from typing import Any

from ..errors import ChariotsError, InvalidInput, NodeFailed, NotLoaded, below_own_frames
from .nodes import Step

__all__ = ["after", "before", "failed", "pass_on", "unpack"]


def before(step: Step, args: list[Any]) -> None:
    """Fire the callbacks of the pipeline before a node."""
    for callback in step.pipeline.callbacks:
        callback.before_node_execution(step.pipeline, step.node, args)


def after(step: Step, args: list[Any], output: Any) -> None:
    """Fire the callbacks of the pipeline after a node."""
    for callback in step.pipeline.callbacks:
        callback.after_node_execution(step.pipeline, step.node, args, output)


def pass_on(step: Step, args: list[Any], slots: list[Any]) -> Any:
    """Enter a nested pipeline, or leave it: fire the callbacks of both, pass the value on."""
    assert step.inner is not None
    inner = step.inner
    if step.enters:
        before(step, args)
        for callback in inner.callbacks:
            callback.before_execution(inner, args)
        if inner.callbacks or step.pipeline.callbacks:
            slots[step.frame] = args
        return args[0] if args else None
    output = args[0] if args else None
    given, slots[step.frame] = slots[step.frame] or [], None
    for callback in inner.callbacks:
        callback.after_execution(inner, given, output)
    after(step, given, output)
    return output


def unpack(step: Step, output: Any, slots: list[Any]) -> None:
    """Put each of several outputs into its slot."""
    names = step.node.output_nodes
    if not isinstance(output, Sequence) or isinstance(output, (str, bytes)):
        raise TypeError(
            f"Node {step.path!r} has {len(names)} outputs ({', '.join(names)}) and needs a tuple of"
            f" as many values, but got one {type(output).__name__}."
        )
    if len(output) != len(names):
        raise ValueError(
            f"Node {step.path!r} has {len(names)} outputs ({', '.join(names)}) and needs a tuple of"
            f" as many values, but got {len(output)}."
        )
    for slot, value in zip(step.targets, output, strict=True):
        if slot >= 0:
            slots[slot] = value


def failed(pipeline: str, step: Step, exc: Exception | SystemExit) -> ChariotsError:
    """The error that says where an op failed; what already says what to do passes through."""
    op = step.op.name if step.op is not None else step.node.op.name
    where = {"pipeline": pipeline, "node": step.path, "op": op}
    if isinstance(exc, (InvalidInput, NotLoaded)):
        exc.details = {**where, **exc.details}
        return exc
    # What the reader looks for is below the frames of the runner and of the op's base class.
    exc.__traceback__ = below_own_frames(exc.__traceback__)
    text = "".join(traceback.format_exception(exc))
    return NodeFailed(
        f"Node {step.path!r} (op {op!r}) of pipeline {pipeline!r} failed:"
        f" {type(exc).__name__}: {exc}",
        traceback=text,
        **where,
    )
