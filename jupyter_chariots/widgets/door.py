"""What the panel asks of the server, and tells it. Nothing here prints or warns."""

from __future__ import annotations

import contextlib
import socket
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode

from ..client import PipelinesClient
from ..client.addresses import segment
from ..errors import Unavailable

__all__ = ["PROTOCOL", "Door"]

PROTOCOL = 1
"""The protocol of the snapshot that the panel understands."""

_CHOICES = 50


class Door(PipelinesClient):
    """A client that gives answers as they come. One that follows snapshots does nothing else."""

    _followed: socket.socket | None = None
    _hung_up = False

    def snapshot(self) -> dict[str, Any]:
        """Everything that a panel shows."""
        return dict(self._get("/snapshot"))

    def follow(self, last: Mapping[str, Any], wait: int) -> dict[str, Any]:
        """The snapshot after this one, as soon as there is something new.

        Args:
            last: the snapshot that is known.
            wait: seconds after which it comes in any case.

        Raises:
            Unavailable: :meth:`hang_up` was called, or the connection was lost.
            ServerNotFound: nobody answers.
        """
        asked = {"since": last["seq"], "state_since": last["state_seq"], "wait": wait}
        connection = self._connection or self._connect()
        # the socket first, then the flag: hang_up does it the other way round, so one of them sees
        self._followed = connection._open().connection.sock
        if self._hung_up:
            raise Unavailable("The panel does not listen any more.")
        return dict(self._request("GET", f"/snapshot?{urlencode(asked)}", repeatable=False))

    def hang_up(self) -> None:
        """End :meth:`follow` in another thread, now and for good."""
        self._hung_up = True
        if self._followed is not None:
            with contextlib.suppress(OSError):
                self._followed.shutdown(socket.SHUT_RDWR)

    def run(self, name: str, value: Any, use_worker: bool | None = None) -> dict[str, Any]:
        """Run a pipeline; the body of the answer."""
        fields = {"pipeline_input": value, "use_worker": use_worker}
        return dict(self._post(_path(name, "main"), fields))

    def save(self, name: str, run_id: str | None) -> dict[str, Any]:
        """Save what a run left; the body of the answer."""
        return dict(self._post(_path(name, "save"), {"run_id": run_id}))

    def load(self, name: str, versions: Mapping[str, str] | None) -> dict[str, Any]:
        """Load versions; the body of the answer."""
        return dict(self._post(_path(name, "load"), {"versions": versions}))

    def fitting(self, name: str, op: str) -> list[str]:
        """The numbers of an op that a load of the pipeline may choose, the latest first."""
        page = self._get(_path(name, "loadable"), limit=_CHOICES)["ops"].get(op, {})
        return [one["number"] for one in page.get("items", ()) if one["fits"]]

    def job_log(self, job: str, lines: int, after: str | None, wait: int) -> dict[str, Any]:
        """What a job has printed: ``text``, its ``offset``, and whether the job has ``ended``.

        Args:
            job: its id.
            lines: how many of the last lines.
            after: an earlier offset: only what was written since, as soon as there is something.
            wait: seconds to wait for that at most.
        """
        path = f"/jobs/{segment(job)}/log"
        if after is None:
            return dict(self._get(path, lines=lines))
        return dict(self._get(path, after=after, wait=wait))


def _path(pipeline: str, action: str) -> str:
    return f"/pipelines/{segment(pipeline)}/{action}"
