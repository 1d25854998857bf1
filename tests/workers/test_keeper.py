"""Keeping the lease of a job for a server that is not always there."""

from __future__ import annotations

import asyncio
import logging

from jupyter_chariots.errors import ServerNotFound
from jupyter_chariots.op_store import Lease
from jupyter_chariots.workers.remote.keeper import Keeper

LOG = logging.getLogger(__name__)


class Away:
    """A server that is not there for so many renewals, and has taken the job then."""

    def __init__(self, times):
        self.left = times

    def renew(self, lease, said):
        self.left -= 1
        if self.left >= 0:
            raise ServerNotFound("Nobody answers.")
        return {"held": False}


def test_while_nobody_answers_it_tries_as_often_as_it_renews(monkeypatch, run):
    pauses, sleep = [], asyncio.sleep

    def note(seconds):
        pauses.append(seconds)
        return sleep(0)

    monkeypatch.setattr("jupyter_chariots.workers.remote.patience.asyncio.sleep", note)

    async def work():
        stopped = asyncio.Event()
        keeper = Keeper(Away(9), Lease("job", "token"), 2.0, "pipeline", stopped.set, LOG)
        async with keeper:
            await stopped.wait()
        return keeper.lost

    assert run(work())
    assert len(pauses) == 9
    # a fifth of the lease: a server that is back finds it renewed before it has watched it go
    assert max(pauses) <= 0.4
