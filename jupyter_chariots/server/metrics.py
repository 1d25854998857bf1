"""What Jupyter's ``/metrics`` tells about pipelines."""

from __future__ import annotations

import asyncio

from prometheus_client import Counter, Gauge, Histogram

__all__ = ["ALIVE", "BATCH", "CALLS", "JOBS", "LAG", "RESTARTS", "SECONDS", "WANTED", "LoopLag"]

CALLS = Counter(
    "jupyter_chariots_calls", "Calls of pipelines, by HTTP status.", ["pipeline", "status"]
)
SECONDS = Histogram(
    "jupyter_chariots_call_seconds",
    "Time from a call's arrival to its answer.",
    ["pipeline"],
    buckets=(0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.5, 1, 5, 30, 120),
)
BATCH = Histogram(
    "jupyter_chariots_batch_calls",
    "Calls that went to a replica together, of pipelines that are batchable.",
    ["pipeline"],
    buckets=(1, 2, 4, 8, 16, 32, 64, 128),
)
RESTARTS = Counter(
    "jupyter_chariots_replica_restarts", "Replicas that were started again.", ["pipeline"]
)
WANTED = Gauge(
    "jupyter_chariots_replicas_wanted", "Replicas that shall answer calls.", ["pipeline"]
)
ALIVE = Gauge("jupyter_chariots_replicas_alive", "Replicas that answer calls now.", ["pipeline"])
JOBS = Gauge("jupyter_chariots_jobs", "Jobs in the op store, by status.", ["status"])
LAG = Histogram(
    "jupyter_chariots_loop_lag_seconds",
    "How late the server's event loop was, asked once a second.",
    buckets=(0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1, 5),
)


class LoopLag:
    """Watches how late the running event loop is."""

    _EVERY_S = 1.0

    def __init__(self) -> None:
        self._timer: asyncio.TimerHandle | None = None

    def start(self) -> None:
        """Begin; belongs to the loop that it watches."""
        loop = asyncio.get_running_loop()
        self._timer = loop.call_later(self._EVERY_S, self._tick, loop)

    def _tick(self, loop: asyncio.AbstractEventLoop) -> None:
        assert self._timer is not None
        LAG.observe(max(0.0, loop.time() - self._timer.when()))
        self._timer = loop.call_later(self._EVERY_S, self._tick, loop)

    def stop(self) -> None:
        """End it."""
        if self._timer:
            self._timer.cancel()
