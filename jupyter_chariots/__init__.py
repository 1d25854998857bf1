"""Versioned machine-learning pipelines, served from the Jupyter server that you have open."""

from __future__ import annotations

import importlib
from typing import Any

__version__ = "0.1.0"

# Where each public name lives. Nothing is imported before it is used: kernels and the Jupyter
# server import this package at their start.
_PLACES = {
    "BaseMLOp": "ml",
    "BaseOp": "pipelines",
    "BaseWorkerPool": "workers.pools.base",
    "JobStatus": "client",
    "LoadableOp": "pipelines",
    "MLMode": "ml",
    "Node": "pipelines",
    "OpCallBack": "pipelines",
    "OpStore": "op_store.store",
    "Pipeline": "pipelines",
    "PipelineCallback": "pipelines",
    "PipelineResponse": "client",
    "PipelinesClient": "client",
    "PipelinesServer": "server.app",
    "ReservedNodes": "pipelines",
    "SKSupervisedOp": "ml",
    "SKUnsupervisedOp": "ml",
    "SequentialRunner": "pipelines",
    "ThreadRunner": "pipelines",
    "Version": "versioning",
    "VersionType": "versioning",
    "VersionedField": "versioning",
    "VersionedFieldDict": "versioning",
    "as_op": "ml",
    "errors": "",
    "op": "pipelines",
}

__all__ = sorted(_PLACES)


def __getattr__(name: str) -> Any:
    if name not in _PLACES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    place = _PLACES[name]
    if place:
        value = getattr(importlib.import_module(f".{place}", __name__), name)
    else:
        value = importlib.import_module(f".{name}", __name__)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})


def _jupyter_server_extension_points() -> list[dict[str, Any]]:
    from .server.app import PipelinesServer

    return [{"module": "jupyter_chariots", "app": PipelinesServer}]
