"""Where jobs run: the pools of workers that a server can have; see :mod:`.base`."""

from .base import BaseWorkerPool
from .dask import DaskWorkerPool
from .local import LocalWorkerPool
from .remote import RemoteWorkerPool
from .rq import RQWorkerPool

__all__ = [
    "BaseWorkerPool",
    "DaskWorkerPool",
    "LocalWorkerPool",
    "RQWorkerPool",
    "RemoteWorkerPool",
]
