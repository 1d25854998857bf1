"""What a user defines: ops, nodes, pipelines, callbacks; and what runs them."""

from .callbacks import OpCallBack, PipelineCallback
from .functions import FunctionOp, op
from .nodes import Node, ReservedNodes
from .ops import BaseOp, LoadableOp
from .pipeline import Pipeline
from .runners import BaseRunner, SequentialRunner, ThreadRunner
from .watching import progress

__all__ = [
    "BaseOp",
    "BaseRunner",
    "FunctionOp",
    "LoadableOp",
    "Node",
    "OpCallBack",
    "Pipeline",
    "PipelineCallback",
    "ReservedNodes",
    "SequentialRunner",
    "ThreadRunner",
    "op",
    "progress",
]
