"""What a pipeline serves changes while it is called."""

from __future__ import annotations

import asyncio
import contextlib
import logging

import pytest

from jupyter_chariots.errors import Unavailable
from jupyter_chariots.op_store import OpStore
from jupyter_chariots.server.checks import Checks
from jupyter_chariots.server.loading import Loading
from jupyter_chariots.server.threads import StoreThreads

from ..workers.conftest import until
from ..workers.served import Called


class HeldChecks(Checks):
    """Checks that go on when they are told, and refuse so many times."""

    def __init__(self, store):
        super().__init__(store)
        self.reached, self.go_on = asyncio.Event(), asyncio.Event()
        self.refusals = 0

    async def check(self, chosen):
        self.reached.set()
        await self.go_on.wait()
        if self.refusals:
            self.refusals -= 1
            raise Unavailable("Not now.")
        await super().check(chosen)


def nothing():
    """Nobody is told."""


@contextlib.asynccontextmanager
async def loading_of(called, workshop):
    """A pipeline that serves the newest that there is, its process not started yet."""
    store = StoreThreads(lambda: OpStore(workshop.store_path))
    checks = HeldChecks(store)
    checks.go_on.set()
    log = logging.getLogger(__name__)
    loading = Loading(called.definition, store, checks, called.replicas, nothing, nothing, log)
    try:
        await loading.restore()
        await loading.checking
        assert loading.is_loaded
        assert called.replicas.state == "cold"
        checks.reached.clear()
        checks.go_on.clear()
        yield loading, checks
    finally:
        await loading.stop()
        await store.close()


async def switch_here(loading, called):
    """As after a cell that has saved."""
    await loading.load_newest("ada")


async def switch_elsewhere(loading, called):
    """As another server does, which this one follows."""
    spec, choice = called.definition.spec, await called.choose()

    def commit(store):
        return store.commit_load(spec, choice, cause="load", who="ada")

    await asyncio.to_thread(commit, called.workshop.store)
    await loading.follow()


@pytest.mark.parametrize("switch", [switch_here, switch_elsewhere])
def test_a_call_that_starts_the_process_during_a_load_runs_on_what_is_loaded(workshop, run, switch):
    async def work():
        async with Called(workshop, "centre", served=None) as called:
            await called.train([1, 1])
            async with loading_of(called, workshop) as (loading, checks):
                await called.train([3, 3])
                switching = asyncio.ensure_future(switch(loading, called))
                await checks.reached.wait()
                call = asyncio.ensure_future(called.call([3]))
                for _ in range(10):  # it goes as far as it can
                    await asyncio.sleep(0)
                checks.go_on.set()
                await switching
                await call
                answer = await called.call([3])
                assert answer["pipeline_output"] == [0]
                served = {op: str(version) for op, version in loading.served.versions.items()}
                assert answer["versions"] == served

    run(work())


def test_a_load_by_itself_that_failed_is_made_again(workshop, run, caplog):
    async def work():
        async with Called(workshop, "follow", served=None) as called:
            await called.train([1, 1])
            async with loading_of(called, workshop) as (loading, checks):
                await called.train([3, 3])
                checks.refusals = 2
                checks.go_on.set()
                loading.looks.first_s = 0.01
                loading.look_for_newer()
                await until(lambda: loading.served.cause == "auto_load")
                assert await called.output([3]) == [0]

    run(work())
    assert caplog.text.count("does not load by itself: Not now. Again in") == 2


class LateSet(StoreThreads):
    """A store into which another server writes the served set when this one has looked."""

    commit = None

    async def __call__(self, method, *args, **kwargs):
        result = await super().__call__(method, *args, **kwargs)
        if method is OpStore.choose and self.commit:
            commit, self.commit = self.commit, None
            await commit()
        return result


def test_what_another_server_is_about_to_serve_is_waited_for(workshop, run):
    async def work():
        async with Called(workshop, "centre", served=None) as called:
            await called.train([1, 1])
            store = LateSet(lambda: OpStore(workshop.store_path))
            log = logging.getLogger(__name__)
            loading = Loading(
                called.definition, store, Checks(store), called.replicas, nothing, nothing, log
            )

            async def commit():
                spec, choice = called.definition.spec, await called.choose()
                await workshop.in_thread(
                    lambda known: known.commit_load(spec, choice, cause="serve", who="ada")
                )

            store.commit = commit
            await loading.restore("elsewhere")
            assert loading.is_loaded
            await loading.stop()
            await store.close()

    run(work())
