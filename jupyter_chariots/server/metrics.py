"""What Jupyter's ``/metrics`` tells about pipelines."""

from __future__ import annotations

from prometheus_client import Counter, Histogram

__all__ = ["CALLS", "SECONDS"]

CALLS = Counter(
    "jupyter_chariots_calls", "Calls of pipelines, by HTTP status.", ["pipeline", "status"]
)
SECONDS = Histogram(
    "jupyter_chariots_call_seconds",
    "Time from a call's arrival to its answer.",
    ["pipeline"],
    buckets=(0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.5, 1, 5, 30, 120),
)
