"""The client: the pipelines of a Jupyter server, from Python."""

from __future__ import annotations

from .calls import Calls
from .looking import Looking
from .publishing import Publishing

__all__ = ["PipelinesClient"]


class PipelinesClient(Calls, Publishing, Looking):
    """Calls, saves and loads the pipelines that a Jupyter server serves.

    It finds the server of the kernel or folder that it runs in by itself (see
    :mod:`jupyter_chariots.client.discovery`), at the first request. Threads may share a client.
    Wherever a pipeline is asked for, its name will do. Errors are those of
    :mod:`jupyter_chariots.errors`, of the class that was raised in the server.

    Args:
        backend_url: address of the server, such as ``http://localhost:8888/``.
        token: credential for it.
        timeout: seconds to wait for an answer; training may take long, so the default is no limit.
    """

    def __init__(
        self,
        backend_url: str | None = None,
        token: str | None = None,
        *,
        timeout: float | None = None,
    ) -> None:
        super().__init__(backend_url, token, timeout=timeout)
