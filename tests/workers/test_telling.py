"""How far a run is reaches those who listen while it goes on."""

from __future__ import annotations

import asyncio
import json
import queue
import threading
import time
from types import SimpleNamespace

import pytest

from jupyter_chariots import progress
from jupyter_chariots.workers.replicas import Replicas
from jupyter_chariots.workers.telling import Telling, is_progress

from .conftest import until
from .served import Nothing, body

MODULE = """
import time
from pathlib import Path
from jupyter_chariots import Node, Pipeline, progress

def wait(name):
    while not Path(name).exists():
        time.sleep(0.005)

def first(order):
    match order:
        case ["wait", go]:
            progress(1, 4, "waiting")
            Path("there").touch()
            wait(go)
        case ["silent", go]:
            Path("there").touch()
            wait(go)
        case ["often", seconds]:
            end = time.monotonic() + seconds
            count = 0
            while time.monotonic() < end:
                count += 1
                progress(count, None)
            return count
        case ["quick"]:
            progress(1, 1)
        case ["fail"]:
            progress(2, 3, "so far")
            raise RuntimeError("it failed")
    return order

def second(order):
    return order

IN, OUT = "__pipeline_input__", "__pipeline_output__"
telling = Pipeline(
    [Node(first, [IN], "x", name="first"), Node(second, ["x"], OUT, name="second")], "telling"
)
"""


# However slow the machine is: each run is over before anything is due to be told of it.
QUICK = """
from jupyter_chariots.workers import telling as tells
tells._PAUSE_S = 3600
"""


class Run:
    """Calls of a pipeline, and what was heard of them."""

    def __init__(self, workshop, module=MODULE):
        self.workshop, self.module, self.heard = workshop, module, []

    async def __aenter__(self):
        definitions = await self.workshop.define(self.module)
        self.replicas = Replicas(definitions["telling"], Nothing, self.workshop.launch())
        return self

    async def __aexit__(self, *_):
        await self.replicas.stop()

    async def call(self, *order):
        self.heard.clear()
        _, answer = await self.replicas.call(body(order), hear=self.heard.append)
        return json.loads(bytes(answer))["pipeline_output"]

    @property
    def notes(self):
        return [json.loads(line)["progress"] for line in self.heard if is_progress(line)]

    async def told(self, what):
        """The first note that has this."""
        await until(lambda: any(note[what] for note in self.notes))
        return next(note for note in self.notes if note[what])


def test_it_comes_while_the_run_goes_on_and_at_its_end(workshop, run):
    async def work():
        async with Run(workshop) as one:
            calling = asyncio.ensure_future(one.call("wait", "go"))
            note = await one.told("message")
            workshop.mark("go")
            await calling
            return note, one.notes[-1]

    first, last = run(work())
    assert first == {
        "done": 0, "total": 2, "node": "first",
        "i": 1, "n": 4, "message": "waiting", "fraction": 0.125,
    }  # fmt: skip
    assert last == {
        "done": 2, "total": 2, "node": None, "i": None, "n": None, "message": None, "fraction": 1,
    }  # fmt: skip


def test_nodes_tell_without_a_word_of_the_user(workshop, run):
    async def work():
        async with Run(workshop) as one:
            calling = asyncio.ensure_future(one.call("silent", "go"))
            note = await one.told("node")
            workshop.mark("go")
            await calling
            return note, one.notes[-1]

    first, last = run(work())
    assert (first["done"], first["total"], first["node"]) == (0, 2, "first")
    assert last["fraction"] == 1


def test_at_most_ten_a_second(workshop, run):
    async def work():
        async with Run(workshop) as one:
            await one.replicas.start()
            began = time.monotonic()
            count = await one.call("often", 0.75)
            return count, one.notes, time.monotonic() - began

    count, notes, took = run(work())
    assert 2 <= len(notes) <= 10 * took + 1  # and one at the end
    counts = [note["i"] for note in notes if note["i"]]  # none before and after that op
    assert counts
    assert counts == sorted(counts)
    assert count > 20_000  # it does not hold up the op


def test_quick_runs_tell_only_what_an_op_told(workshop, run):
    async def work():
        async with Run(workshop, MODULE + QUICK) as one:
            await one.call("ready")
            await one.call("nothing")
            silent = one.notes
            await one.call("quick")
            return silent, one.notes

    silent, told = run(work())
    assert silent == []
    assert [note["fraction"] for note in told] == [1]


def test_where_it_failed(workshop, run):
    async def work():
        async with Run(workshop) as one:
            try:
                await one.call("fail")
            except ValueError:
                return one.notes[-1]

    note = run(work())
    assert (note["done"], note["node"], note["i"], note["message"]) == (0, "first", 2, "so far")


def test_lines():
    assert is_progress(b'{"progress":{"done":1}}\n')
    assert not is_progress(b'{"stream":"stdout","text":"{\\"progress\\":"}\n')


@pytest.fixture
def by_hand(monkeypatch):
    """One that tells, what it has sent, its pauses, and what ends one of them."""
    pauses, over, sent = queue.SimpleQueue(), threading.Semaphore(0), queue.SimpleQueue()

    def sleep(seconds):
        pauses.put(seconds)
        over.acquire()

    monkeypatch.setattr("jupyter_chariots.workers.telling.time", SimpleNamespace(sleep=sleep))
    telling = Telling(lambda header, line: sent.put(header["id"]), threading.Lock())
    yield telling, sent, pauses, over.release
    telling.end()


def test_what_is_due_of_one_request_is_not_told_of_the_next(by_hand):
    telling, sent, pauses, end_pause = by_hand
    for request in (1, 2):
        telling.begin(request)
        progress(request, None)
        if request == 1:
            assert pauses.get(timeout=60)
        else:
            end_pause()  # what was due of the first one is due now
            assert pauses.get(timeout=60), "the other one has a pause of its own"
            assert sent.empty()
        telling.end()
        assert sent.get(timeout=60) == request
    end_pause()


def test_many_quick_requests_do_not_delay_what_is_told_of_the_next(by_hand):
    telling, sent, pauses, end_pause = by_hand
    for request in range(1, 100):
        telling.begin(request)
        progress(request, None)
        if request == 1:
            assert pauses.get(timeout=60), "of the first"
    end_pause()
    assert pauses.get(timeout=60), "of the last"
    end_pause()
    assert sent.get(timeout=60) == 99
