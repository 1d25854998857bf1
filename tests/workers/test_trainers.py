"""Runs that change state: from what the store says, committed before they are answered."""

from __future__ import annotations

import asyncio
import json
import os
import signal
from dataclasses import replace

import pytest

from jupyter_chariots.errors import (
    Cancelled,
    InvalidInput,
    NodeFailed,
    SerializationError,
    Unavailable,
    VersionError,
    WorkerLost,
)
from jupyter_chariots.op_store import OpStore
from jupyter_chariots.workers.trainers import MOST_BUSY, Trainers

from .conftest import alive, until

TRAINED = """
import os, time
from pathlib import Path
from jupyter_chariots import BaseMLOp, LoadableOp, MLMode, Node, Pipeline

def prepare(order):
    match order:
        case {"fail": text}:
            raise RuntimeError(text)
        case {"meet": [mine, other]}:
            Path(mine).touch()
            while not Path(other).exists():
                time.sleep(0.005)
        case {"exit": code}:
            os._exit(code)
    return order["values"]

class Mean(BaseMLOp):
    op_name = "mean"

    def _init_model(self):
        return [0.0]

    def fit(self, values):
        self._model[0] = sum(values) / len(values)

    def predict(self, values):
        return [value - self._model[0] for value in values]

class Scale(Mean):
    op_name = "scale"

def pid(values):
    return os.getpid()

train = Pipeline(
    [
        Node(prepare, ["__pipeline_input__"], "values"),
        Node(Mean(MLMode.FIT_PREDICT), ["values"], "centred"),
        Node(pid, ["centred"], "__pipeline_output__"),
    ],
    "train",
)
train_scale = Pipeline(
    [
        Node(Mean(MLMode.PREDICT), ["__pipeline_input__"], "centred"),
        Node(Scale(MLMode.FIT), ["centred"]),
        Node(lambda rows: rows, ["centred"], "__pipeline_output__"),
    ],
    "train_scale",
)
bad_output = Pipeline(
    [
        Node(Mean(MLMode.FIT), ["__pipeline_input__"]),
        Node(lambda: object(), output_nodes="__pipeline_output__"),
    ],
    "bad_output",
)

class Counter(LoadableOp):
    op_name = "counter"

    def __init__(self):
        self.count = 0

    def execute(self, order):
        count = self.count
        self.count += 1
        match order:
            case "fail":
                raise RuntimeError("on purpose")
            case "none":
                self.count = count
            case "wait":
                Path("seen").touch()
                while not Path("go").exists():
                    time.sleep(0.005)
            case "loop":
                Path("seen").touch()
                while True:
                    pass
        return [self.count, os.getpid()]

    def serialize(self):
        return str(self.count).encode()

    def load(self, state):
        self.count = int(bytes(state))

count = Pipeline([Node(Counter(), ["__pipeline_input__"], "__pipeline_output__")], "count")
"""


class Trained:
    """Trainers, as one server has them."""

    def __init__(self, workshop):
        self.workshop = workshop

    async def __aenter__(self):
        self.definitions = await self.workshop.define(TRAINED)
        self.trainers = Trainers(self.workshop.launcher, self.workshop.in_thread)
        return self

    async def __aexit__(self, *_):
        pids = [pid for name in self.definitions for pid in self.trainers.pids(name)]
        await self.trainers.stop()
        assert not any(map(alive, pids))

    async def run(self, name, value=None, trainers=None, **fields):
        content = json.dumps({"pipeline_input": value, **fields}).encode()
        header, answer = await (trainers or self.trainers).run(
            self.definitions[name], content, who="me"
        )
        return header, json.loads(answer)

    async def output(self, name, value=None, **fields):
        return (await self.run(name, value, **fields))[1]["pipeline_output"]

    async def count(self, order="on", **fields):
        return (await self.output("count", order, **fields))[0]

    async def begun(self, order):
        """A count that has begun to run."""
        counting = asyncio.ensure_future(self.count(order))
        await self.workshop.seen("seen")
        return counting


def test_a_fit_is_committed_before_it_is_answered(workshop, run):
    async def work():
        async with Trained(workshop) as trained:
            header, answer = await trained.run("train", {"values": [1, 3]})
            spec = trained.definitions["train"].spec
            current = workshop.store.current(spec)
            assert workshop.store.unsaved(spec) == answer["run_id"] == header["run_id"]
            assert header["versions"]["mean"] == str(current["mean"]) == answer["versions"]["mean"]
            assert not header["saved"]
            assert answer["job_id"] is None
            assert answer["job_status"] == "done"
            assert set(answer["versions"]) == {node.name for node in spec.nodes}

    run(work())


def test_a_worker_stays_warm(workshop, run):
    async def work():
        async with Trained(workshop) as trained:
            pids = {await trained.output("train", {"values": [n]}) for n in range(3)}
            assert pids == set(trained.trainers.pids("train"))
            await trained.trainers.forget(trained.definitions["train"])
            assert trained.trainers.pids("train") == []
            assert not any(map(alive, pids))

    run(work())


def test_a_worker_that_nobody_needs_ends(workshop, run):
    async def work():
        async with Trained(workshop) as trained:
            trained.trainers.idle_s = 0.2
            pid = await trained.output("train", {"values": [1]})
            await until(lambda: not alive(pid))
            assert trained.trainers.pids("train") == []
            assert await trained.output("train", {"values": [1]}) != pid

    run(work())


def test_the_end_of_a_definition_leaves_the_worker_of_the_next_one(workshop, run):
    async def work():
        async with Trained(workshop) as trained:
            await trained.output("train", {"values": [1]})
            (old,) = trained.trainers.pids("train")
            before = trained.definitions["train"]
            after = trained.definitions["train"] = replace(before, seq=before.seq + 1)
            await trained.trainers.warm(after)
            (new,) = set(trained.trainers.pids("train")) - {old}
            await trained.trainers.forget(before)
            assert trained.trainers.pids("train") == [new]
            assert await trained.output("train", {"values": [1]}) == new

    run(work())


def test_fits_run_side_by_side(workshop, run):
    async def work():
        async with Trained(workshop) as trained:
            first, second = await asyncio.gather(
                trained.output("train", {"meet": ["a", "b"], "values": [1]}),
                trained.output("train", {"meet": ["b", "a"], "values": [2]}),
            )
            assert first != second
            assert sorted(trained.trainers.pids("train")) == sorted([first, second])

    run(work())


def test_many_fits_share_a_few_workers(workshop, run):
    async def work():
        async with Trained(workshop) as trained:
            runs = (trained.output("train", {"values": [n]}) for n in range(4 * MOST_BUSY))
            assert len(set(await asyncio.gather(*runs))) <= MOST_BUSY

    run(work())


def test_what_is_promoted(workshop, run):
    async def work():
        async with Trained(workshop) as trained:
            for fields, saved in (
                ({}, False),
                ({"save": True}, True),
                ({"save": False}, False),
                ({"use_worker": True}, False),
            ):
                header, _ = await trained.run("train", {"values": [len(fields), saved]}, **fields)
                assert header["saved"] is saved, fields

    run(work())


def test_a_training_starts_from_what_a_load_would_choose(workshop, run):
    async def work():
        async with Trained(workshop) as trained:
            with pytest.raises(VersionError):
                await trained.run("train_scale", [10])
            await trained.run("train", {"values": [1, 3]}, save=True)
            _, answer = await trained.run("train_scale", [10])
            assert answer["pipeline_output"] == [8]
            mean = answer["versions"]["mean"]
            # not saved: not what a load would choose
            await trained.run("train", {"values": [5]})
            _, answer = await trained.run("train_scale", [10])
            assert (answer["pipeline_output"], answer["versions"]["mean"]) == ([8], mean)
            await trained.run("train", {"values": [4]}, save=True)
            _, answer = await trained.run("train_scale", [10])
            assert answer["pipeline_output"] == [6]
            assert answer["versions"]["mean"] != mean
            assert len(trained.trainers.pids("train_scale")) == 1

    run(work())


def test_a_failed_run_commits_nothing(workshop, run):
    async def work():
        async with Trained(workshop) as trained:
            await trained.run("train", {"values": [1]})
            before = workshop.store.sequence()
            with pytest.raises(NodeFailed, match="too hot"):
                await trained.run("train", {"fail": "too hot", "values": [1]})
            with pytest.raises(InvalidInput):
                await trained.run("train")
            with pytest.raises(SerializationError, match="bad_output"):
                await trained.run("bad_output", [1])
            with pytest.raises(WorkerLost, match=r"'train' ended with exit code 7.*not repeated"):
                await trained.run("train", {"exit": 7, "values": [1]})
            assert workshop.store.sequence() == before
            await trained.output("train", {"values": [1]})

    run(work())


def test_an_op_counts_its_runs_one_after_the_other(workshop, run):
    async def work():
        async with Trained(workshop) as trained:
            counts = await asyncio.gather(*(trained.count() for _ in range(5)))
            assert sorted(counts) == [1, 2, 3, 4, 5]
            assert len(trained.trainers.pids("count")) == 1

    run(work())


def test_servers_on_one_store_count_together(workshop, run):
    async def work():
        async with Trained(workshop) as trained:
            other = Trainers(workshop.launcher, workshop.in_thread)
            try:
                counts = await asyncio.gather(
                    *(trained.count(trainers=each) for each in (trained.trainers, other) * 4)
                )
            finally:
                await other.stop()
            assert sorted(counts) == list(range(1, 9))

    run(work())


def test_a_new_process_goes_on_from_the_store(workshop, run):
    async def work():
        async with Trained(workshop) as trained:
            assert [await trained.count() for _ in range(3)] == [1, 2, 3]
        again = Trainers(workshop.launcher, workshop.in_thread)
        assert await trained.count(trainers=again) == 4
        await again.stop()

    run(work())


def test_a_failed_count_is_not_counted(workshop, run):
    async def work():
        async with Trained(workshop) as trained:
            with pytest.raises(NodeFailed):  # there is nothing in the store to go back to
                await trained.count("fail")
            assert await trained.count() == 1
            with pytest.raises(NodeFailed):
                await trained.count("fail")
            assert await trained.count() == 2
            (pid,) = trained.trainers.pids("count")
            header, answer = await trained.run("count", "none")
            assert "run_id" not in header
            assert "run_id" not in answer
            assert answer["pipeline_output"] == [2, pid]
            assert await trained.count() == 3

    run(work())


def test_a_load_of_an_older_count_is_where_the_next_run_starts(workshop, run):
    async def work():
        async with Trained(workshop) as trained:
            spec = trained.definitions["count"].spec
            for _ in range(2):
                _, answer = await trained.run("count", "on", save=True)
            (newest,) = answer["versions"].values()
            number = (await workshop.in_thread(OpStore.history, "counter"))[-1].number
            choice = await workshop.in_thread(OpStore.choose, spec, {"counter": number})
            await workshop.in_thread(load, spec, choice)
            _, answer = await trained.run("count", "on")
            assert answer["pipeline_output"][0] == 2
            assert list(answer["versions"].values()) == [newest]

    run(work())


def load(store, spec, choice):
    store.commit_load(spec, choice, cause="load", who="me")


def test_a_worker_that_is_killed_in_a_run(workshop, run):
    async def work():
        async with Trained(workshop) as trained:
            assert await trained.count() == 1
            running = await trained.begun("wait")
            waiting = asyncio.ensure_future(trained.count())
            (pid,) = trained.trainers.pids("count")
            os.kill(pid, signal.SIGKILL)
            with pytest.raises(WorkerLost, match="SIGKILL"):
                await running
            assert await waiting == 2

    run(work())


@pytest.mark.usefixtures("patient")
def test_a_cancelled_run_leaves_nothing_and_its_worker_warm(workshop, run):
    async def work():
        async with Trained(workshop) as trained:
            assert await trained.count() == 1
            caller = await trained.begun("loop")
            before = trained.trainers.pids("count")
            sequence = await workshop.in_thread(OpStore.sequence)
            caller.cancel()
            with pytest.raises(Cancelled, match="nothing was saved"):
                await caller
            assert await workshop.in_thread(OpStore.sequence) == sequence
            assert await trained.output("count", "on") == [2, *before]

    run(work())


def test_a_run_that_waits_for_its_turn_is_cancelled_at_once(workshop, run):
    async def work():
        async with Trained(workshop) as trained:
            first = await trained.begun("wait")
            waiting = asyncio.ensure_future(trained.count())
            await asyncio.sleep(0)
            waiting.cancel()
            with pytest.raises(asyncio.CancelledError):
                await waiting
            workshop.mark("go")
            assert await first == 1
            assert await trained.count() == 2

    run(work())


@pytest.mark.usefixtures("patient")
def test_an_interrupted_run(workshop, run):
    async def work():
        async with Trained(workshop) as trained:
            running = await trained.begun("loop")
            (pid,) = trained.trainers.pids("count")
            trained.trainers.interrupt("count")
            with pytest.raises(Unavailable, match="interrupted"):
                await running
            assert alive(pid)
            assert await trained.count() == 1

    run(work())


def test_an_idle_worker_that_dies_is_not_asked(workshop, run):
    async def work():
        async with Trained(workshop) as trained:
            await trained.count()
            (pid,) = trained.trainers.pids("count")
            os.kill(pid, signal.SIGKILL)
            await until(lambda: not trained.trainers.pids("count"))
            assert await trained.count() == 2

    run(work())


def test_the_end(workshop, run):
    async def work():
        async with Trained(workshop) as trained:
            running = await trained.begun("wait")
            await trained.trainers.stop()
            for call in (running, trained.count()):
                with pytest.raises(Unavailable):
                    await call

    run(work())
