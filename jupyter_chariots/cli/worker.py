"""``jupyter chariots worker``: runs jobs of a server on this machine."""

from __future__ import annotations

import asyncio
import logging
import os
import sys
from argparse import Namespace
from typing import Any

__all__ = ["shown", "work"]


def work(given: Namespace) -> dict[str, Any]:
    """Work until there is a reason to end.

    Raises:
        AccessDenied: the server does not let this worker in.
        ServerNotFound: there is no server.
    """
    from ..client.discovery import find
    from ..client.door import HTTPDoor
    from ..workers.remote.worker import Limits, RemoteWorker, default_name

    address = find(given.url, given.token)
    for secret in ("CHARIOTS_TOKEN", "CHARIOTS_URL"):  # not for the code of the jobs
        os.environ.pop(secret, None)
    log = _log(logging.WARNING if given.quiet else logging.INFO)
    name = given.name or default_name()
    limits = Limits(1 if given.once else given.max_jobs, given.idle, given.patience, given.attached)

    async def run() -> int:
        worker = RemoteWorker(
            HTTPDoor(address, name),
            log,
            name=name,
            pipelines=tuple(given.pipeline) if given.pipeline else None,
            lease_s=given.lease,
            limits=limits,
        )
        log.info("Worker %s waits for jobs of %s.", name, address.url)
        return await worker.run()

    return {"worker": name, "jobs": asyncio.run(run())}


def shown(result: dict[str, Any]) -> str:
    """What it has done."""
    return f"Worker {result['worker']} has ended; it has had {result['jobs']} jobs."


def _log(level: int) -> logging.Logger:
    log = logging.getLogger("jupyter_chariots.worker")
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(logging.Formatter("%(asctime)s %(message)s"))
    log.addHandler(handler)
    log.setLevel(level)
    log.propagate = False
    return log
