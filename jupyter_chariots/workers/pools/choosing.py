"""The pool that the configuration names."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ...errors import ChariotsError, ConfigurationError
from ..modules import load_object
from .base import BaseWorkerPool

__all__ = ["POOLS", "make_pool"]

_OURS = __package__
POOLS = {
    "local": f"{_OURS}.local.LocalWorkerPool",
    "dask": f"{_OURS}.dask.DaskWorkerPool",
    "rq": f"{_OURS}.rq.RQWorkerPool",
}
"""The pools that have a short name."""

_SETTING = "PipelinesServer.worker_pool"


def make_pool(name: str, options: Mapping[str, Any]) -> BaseWorkerPool:
    """Make the pool of a configuration; it connects to nothing yet.

    Args:
        name: ``local``, ``dask``, ``rq``, or the dotted path of a class.
        options: its arguments.

    Raises:
        ConfigurationError: there is no such class, it is no pool, or it does not take these
            options.
    """
    found = load_object(POOLS.get(name, name), _SETTING)
    if not (isinstance(found, type) and issubclass(found, BaseWorkerPool)):
        raise ConfigurationError(
            f"{_SETTING} = {name!r} is not a pool.",
            hint="Derive a class from jupyter_chariots.BaseWorkerPool, or name one of: "
            f"{', '.join(POOLS)}.",
        )
    try:
        return found(**options)
    except ChariotsError:
        raise
    except Exception as error:
        raise ConfigurationError(
            f"{_SETTING} = {name!r} cannot be made with worker_pool_options = "
            f"{dict.fromkeys(options, '…')}: {type(error).__name__}: {error}",
            hint="These options are the arguments of its class.",
        ) from error
