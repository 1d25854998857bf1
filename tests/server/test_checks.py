"""States that are served are checked, each once."""

from __future__ import annotations

import asyncio
import sqlite3
from contextlib import closing

import pytest

from jupyter_chariots import OpStore, SequentialRunner
from jupyter_chariots.errors import NotTrusted
from jupyter_chariots.server.checks import Checks
from jupyter_chariots.server.threads import StoreThreads

from .samples import apply, learn


class Noting(StoreThreads):
    """Notes what is asked of the store."""

    def __init__(self, open_store):
        super().__init__(open_store)
        self.asked = []

    async def __call__(self, method, *args, **kwargs):
        self.asked.append((method.__name__, *args))
        return await super().__call__(method, *args, **kwargs)


@pytest.fixture
def store(tmp_path):
    with OpStore(tmp_path / "store.db", secret=b"s" * 32) as store:
        SequentialRunner().run(learn, [1, 3])
        learn.save(store)
        yield store


def test_each_state_is_checked_once(store):
    async def work():
        threads = Noting(lambda: store)
        checks = Checks(threads)
        choice = store.choose(apply.spec)
        await asyncio.gather(*(checks.check(choice) for _ in range(3)))
        await checks.check(choice)
        await threads.close()
        assert sorted(threads.asked) == [
            ("verify", op, choice.versions[op]) for op in ("mean", "scale")
        ]

    asyncio.run(work())


def test_what_was_refused_is_checked_again(store):
    async def work():
        threads = Noting(lambda: store)
        checks = Checks(threads)
        choice = store.choose(apply.spec)
        with closing(sqlite3.connect(store.path)) as db, db:
            db.execute("UPDATE versions SET signature = x'00'")
        for _ in range(2):
            with pytest.raises(NotTrusted):
                await checks.check(choice)
        await threads.run(store.trust)
        await checks.check(choice)
        await threads.close()

    asyncio.run(work())
