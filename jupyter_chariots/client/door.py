"""The routes for workers on other machines, as calls."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote, urlencode

from ..formats import Body, Received
from ..op_store.records import Lease
from ..workers.remote.protocol import PROTOCOL, Wanted
from .addresses import Address
from .answers import decode
from .connection import Connection

__all__ = ["HTTPDoor"]

_ANSWER_S = 15.0
_TRANSFER_S = 60.0


class HTTPDoor:
    """The server behind an address. Threads may share it, and each has a connection of its own.

    Args:
        address: the server.
        worker: who asks, for people to read.
        answer_s: seconds after which a short request counts as lost.
    """

    def __init__(self, address: Address, worker: str, answer_s: float = _ANSWER_S) -> None:
        self.address = address
        self._worker = {"Chariots-Worker": quote(worker)}
        self._answer_s = answer_s
        self._quick = Connection(address, answer_s)
        self._slow = Connection(address, _TRANSFER_S)

    def claim(self, wanted: Wanted, token: str, wait: float) -> Mapping[str, Any]:
        """Take a job, or nothing after ``wait`` seconds."""
        body = {
            "protocol": PROTOCOL,
            "worker": wanted.worker,
            "python": wanted.python,
            "pipelines": None if wanted.pipelines is None else list(wanted.pipelines),
            "refused": [list(one) for one in wanted.refused],
            "lease_s": wanted.lease_s,
            "token": token,
            "wait": wait,
        }
        patient = Connection(self.address, wait + self._answer_s)
        try:
            return self._said(patient, "/workers/claim", body)
        finally:
            patient.close()

    def start(self, lease: Lease, lease_s: float) -> Mapping[str, Any]:
        """What the run starts from."""
        return self._said(self._slow, _path(lease, "start"), {"lease_s": lease_s}, lease)

    def fetch(self, lease: Lease, what: Mapping[str, str]) -> Received:
        """Bytes that the run needs."""
        answer = self._slow.request(
            "POST",
            _path(lease, "bytes"),
            json.dumps(what).encode(),
            {**self._headers(lease), "Content-Type": "application/json"},
            repeatable=True,
        )
        if answer.status == 200 and answer.headers.get_content_type() == "application/octet-stream":
            return answer.body
        decode(answer, self.address)  # raises what the server said
        raise AssertionError("unreachable")

    def renew(self, lease: Lease, said: Mapping[str, Any]) -> Mapping[str, Any]:
        """Keep the lease."""
        return self._said(self._quick, _path(lease, "renew"), said, lease)

    def put(self, lease: Lease, digest: str, size: int, offset: int, piece: memoryview) -> int:
        """Send a piece of something large."""
        query = urlencode({"digest": digest, "size": size, "offset": offset})
        answer = self._raw(_path(lease, f"pieces?{query}"), piece, lease)
        return int(answer["have"])

    def finish(self, lease: Lease, report: bytes) -> list[str]:
        """Report the result; gives the digests of what is missing."""
        answer = self._raw(_path(lease, "finish"), report, lease)
        return list(answer["missing"])

    def end(self, lease: Lease, how: str, said: Mapping[str, Any]) -> None:
        """Report any other end."""
        self._said(self._quick, _path(lease, "end"), {**said, "how": how}, lease)

    def _said(
        self,
        connection: Connection,
        path: str,
        body: Mapping[str, Any],
        lease: Lease | None = None,
    ) -> dict[str, Any]:
        headers = {**self._headers(lease), "Content-Type": "application/json"}
        answer = connection.request(
            "POST", path, json.dumps(body).encode(), headers, repeatable=True
        )
        return dict(decode(answer, self.address))

    def _raw(self, path: str, body: Body, lease: Lease) -> dict[str, Any]:
        headers = {**self._headers(lease), "Content-Type": "application/octet-stream"}
        answer = self._slow.request("POST", path, body, headers, repeatable=True)
        return dict(decode(answer, self.address))

    def _headers(self, lease: Lease | None) -> dict[str, str]:
        # not in the path: servers and proxies write paths into their logs
        return {**self._worker, **({} if lease is None else {"Chariots-Lease": lease.token})}


def _path(lease: Lease, what: str) -> str:
    return f"/workers/jobs/{lease.job}/{what}"
