"""Workers started by RQ, over Redis."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ...errors import ConfigurationError
from .cluster import ClusterWorkerPool, Ended
from .errand import Errand, run_worker

__all__ = ["QUEUE", "RQWorkerPool"]

QUEUE = "chariots_workers"
"""The queue that ``rq worker`` has to serve."""

_KEPT_S = 3600  # how long Redis keeps what became of a worker


class RQWorkerPool(ClusterWorkerPool):
    """Has processes of ``rq worker chariots_workers`` run workers: each is a job of RQ that lasts
    for as long as it has jobs.

    Their machines need jupyter_chariots, the packages of the pipelines, and a way to the server.
    Making a pool connects to nothing.

    Args:
        redis: address of Redis, such as ``redis://redis:6379/0``; or the arguments of
            ``redis.Redis``.
        queue: name of the queue.
        **settings: as for :class:`ClusterWorkerPool`: ``max_workers``, ``url``, ``idle_s``,
            ``lease_s``.
    """

    kind = "rq"

    def __init__(
        self,
        redis: str | Mapping[str, Any] = "redis://localhost:6379",
        *,
        queue: str = QUEUE,
        **settings: Any,
    ) -> None:
        super().__init__(**settings)
        self._redis, self._name = redis, queue
        self._queue: Any = None

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self._name}>"  # the address may have a password in it

    def send(self, errand: Errand) -> str:
        """Put a job into the queue."""
        self._connected().enqueue_call(
            run_worker,
            args=(errand,),
            job_id=errand.name,
            description=f"jupyter chariots worker {errand.name}",
            timeout=-1,
            result_ttl=_KEPT_S,
            failure_ttl=_KEPT_S,
        )
        return errand.name

    def _connected(self) -> Any:
        if self._queue is None:
            try:
                from redis import Redis
                from rq import Queue
            except ImportError as error:
                raise ConfigurationError(
                    "RQ is not installed beside the Jupyter server.",
                    hint="pip install 'jupyter-chariots[rq]'",
                ) from error
            given = self._redis
            redis = Redis.from_url(given) if isinstance(given, str) else Redis(**given)
            self._queue = Queue(self._name, connection=redis)
        return self._queue

    def look(self, workers: Mapping[str, Any]) -> dict[str, Ended]:
        """Those whose jobs of RQ have ended."""
        from rq.job import Job

        names = list(workers)
        found = Job.fetch_many(names, connection=self._connected().connection)
        ended: dict[str, Ended] = {}
        for name, job in zip(names, found, strict=True):
            if job is None:
                ended[name] = Ended(failed="Redis has forgotten it")
            elif job.is_finished:
                ended[name] = Ended(jobs=int(job.return_value() or 0))
            elif job.is_failed or job.is_stopped or job.is_canceled:
                result = job.latest_result()
                lines = ((result and result.exc_string) or "it was stopped").splitlines()
                ended[name] = Ended(failed=lines[-1])
        return ended

    def close(self, workers: Mapping[str, Any]) -> None:
        """Take what has not begun out of the queue."""
        from rq.job import Job

        if self._queue is None:
            return
        redis = self._queue.connection
        for job in Job.fetch_many(list(workers), connection=redis):
            if job is not None and job.is_queued:
                job.delete()
        redis.close()
