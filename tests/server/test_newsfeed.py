"""The news of the store reach who listens, also when the store was locked or a listener failed."""

from __future__ import annotations

import contextlib
import logging

from jupyter_chariots import Node, Pipeline
from jupyter_chariots.errors import StoreBusy
from jupyter_chariots.op_store import OpStore
from jupyter_chariots.server import newsfeed
from jupyter_chariots.server.newsfeed import Newsfeed
from jupyter_chariots.server.threads import StoreThreads

from ..workers.conftest import until


class LockedThreads(StoreThreads):
    """A store that is locked when its news are first asked for."""

    locked = False

    async def __call__(self, method, *args, **kwargs):
        if self.locked and method is OpStore.news:
            self.locked = False
            raise StoreBusy("Another process keeps it locked.")
        return await super().__call__(method, *args, **kwargs)


@contextlib.asynccontextmanager
async def feed_of(workshop, hear):
    threads = LockedThreads(lambda: OpStore(workshop.store_path))
    told = []
    feed = Newsfeed(
        threads, lambda kind, fields: told.append(fields), hear, logging.getLogger(__name__)
    )
    await feed.start()
    try:
        yield feed, threads, told
    finally:
        await feed.stop()
        await threads.close()


def one():
    return 1


async def define(workshop, *names):
    for name in names:
        pipeline = Pipeline([Node(one, output_nodes="__pipeline_output__")], name)
        await workshop.in_thread(
            lambda store, spec: store.register(spec, owner="tests", source={}), pipeline.spec
        )


def test_what_came_while_the_store_was_locked_is_told_without_another_change(
    workshop, run, monkeypatch
):
    monkeypatch.setattr(newsfeed, "_RETRY_S", 0.01)

    async def work():
        heard = []
        async with feed_of(workshop, heard.append) as (_, threads, told):
            threads.locked = True
            await define(workshop, "first")
            await until(lambda: heard and told)
            assert heard[0].pipeline == told[0]["pipeline"] == "first"

    run(work())


def test_a_listener_that_fails_keeps_nothing_from_the_others(workshop, run, caplog):
    async def work():
        heard = []

        def hear(entry):
            heard.append(entry.pipeline)
            if entry.pipeline == "first":
                raise RuntimeError("a defect")

        async with feed_of(workshop, hear) as (_, _, told):
            await define(workshop, "first", "second")
            await until(lambda: len(told) == 2)
            assert heard == ["first", "second"]

    run(work())
    assert "cannot be told" in caplog.text
    assert "a defect" in caplog.text
