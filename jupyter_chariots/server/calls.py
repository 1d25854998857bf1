"""What is remembered of the calls of one pipeline."""

from __future__ import annotations

from typing import Any

from prometheus_client import Counter

from ..errors import ChariotsError
from ..versioning.secrets import without_secrets
from ..versioning.version import now
from .metrics import ALIVE, BATCH, CALLS, RESTARTS, SECONDS, WANTED
from .recent import Recent

__all__ = ["Calls"]

_TOLD = ("code", "node", "op")
_LONGEST = 300  # characters of a message


class Calls:
    """Counts the calls of a pipeline, for ``/metrics`` and for the snapshot.

    Labels of metrics are looked up once, not with every call.
    """

    def __init__(self, pipeline: str) -> None:
        self._pipeline = pipeline
        self._recent = Recent()
        self._last_error: dict[str, Any] | None = None
        self._seconds = SECONDS.labels(pipeline)
        self._answers: dict[int, Counter] = {}
        self._restarts = 0
        self.sent = BATCH.labels(pipeline).observe
        """Takes how many calls went to a replica together."""

    def answered(self, status: int, seconds: float) -> None:
        """A call was answered, with this HTTP status and after so many seconds."""
        self._recent.add(seconds)
        self._seconds.observe(seconds)
        answers = self._answers.get(status)
        if answers is None:
            answers = self._answers[status] = CALLS.labels(self._pipeline, status)
        answers.inc()

    def failed(self, error: ChariotsError) -> None:
        """A call failed."""
        payload = error.payload()
        told = {key: payload[key] for key in _TOLD if payload.get(key) is not None}
        # it is shown to whoever may look, not only to who called
        message = without_secrets(error.message.partition("\n")[0])
        self._last_error = {**told, "message": message[:_LONGEST], "at": now().isoformat()}

    def replicas(self, wanted: int, alive: int, restarts: int) -> None:
        """So many replicas there shall be and are, and so many restarts there have been by now."""
        WANTED.labels(self._pipeline).set(wanted)
        ALIVE.labels(self._pipeline).set(alive)
        if restarts > self._restarts:
            RESTARTS.labels(self._pipeline).inc(restarts - self._restarts)
            self._restarts = restarts

    def view(self) -> dict[str, Any]:
        """What the snapshot tells of them."""
        return {"calls": self._recent.view(), "last_error": self._last_error}
