"""Workers on a Dask cluster."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from typing import Any

from ...errors import ConfigurationError
from .cluster import ClusterWorkerPool, Ended
from .errand import Errand, run_worker

__all__ = ["DaskWorkerPool"]

_CONNECT_S = 10.0


class DaskWorkerPool(ClusterWorkerPool):
    """Has a Dask cluster run workers: each is a task that lasts for as long as it has jobs.

    The machines of the cluster need jupyter_chariots, the packages of the pipelines, and a way to
    the server. Making a pool connects to nothing.

    Args:
        address: of the scheduler, such as ``tcp://scheduler:8786``.
        resources: what each worker needs of Dask's resources, such as ``{"GPU": 1}``.
        **settings: as for :class:`ClusterWorkerPool`: ``max_workers``, ``url``, ``idle_s``,
            ``lease_s``.
    """

    kind = "dask"

    def __init__(
        self, address: str, *, resources: Mapping[str, float] | None = None, **settings: Any
    ) -> None:
        super().__init__(**settings)
        self._address, self._resources = address, dict(resources or {})
        self._client: Any = None

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self._address}>"

    def send(self, errand: Errand) -> Any:
        """Submit a task."""
        if self._client is None:
            self._client = self._connect()
        return self._client.submit(
            run_worker, errand, key=errand.name, pure=False, resources=self._resources or None
        )

    def _connect(self) -> Any:
        try:
            import distributed
        except ImportError as error:
            raise ConfigurationError(
                "Dask's `distributed` is not installed beside the Jupyter server.",
                hint="pip install 'jupyter-chariots[dask]'",
            ) from error
        client: Any = distributed.Client
        return client(self._address, timeout=_CONNECT_S, set_as_default=False)

    def look(self, workers: Mapping[str, Any]) -> dict[str, Ended]:
        """Those whose tasks have ended; a task that lost its machine is run again by Dask."""
        ended: dict[str, Ended] = {}
        for name, future in workers.items():
            if future.status == "finished":
                ended[name] = Ended(jobs=future.result(timeout=_CONNECT_S))
            elif future.status == "error":
                ended[name] = Ended(failed=str(future.exception(timeout=_CONNECT_S)))
            elif future.status != "pending":
                ended[name] = Ended(failed=f"its task is {future.status}")
        if self._client is not None and self._client.status == "closed":
            self._client = None  # the next worker connects again
        return ended

    def close(self, workers: Mapping[str, Any]) -> None:
        """Disconnect; Dask forgets tasks that have not begun."""
        client, self._client = self._client, None
        if client is not None:
            with contextlib.suppress(TimeoutError):
                client.close(timeout=_CONNECT_S)
