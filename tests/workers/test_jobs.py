"""What a worker does with a job: load once, run, and end the row with what it commits."""

from __future__ import annotations

import asyncio
import json

import pytest

from jupyter_chariots.errors import JobCancelled, LeaseLost, NotLoaded
from jupyter_chariots.versioning.status import JobStatus
from jupyter_chariots.workers.trainers import Trainers

MODULE = """
import os
from pathlib import Path
from jupyter_chariots import BaseMLOp, MLMode, Node, Pipeline

IN, OUT = "__pipeline_input__", "__pipeline_output__"
loads = []

class Mean(BaseMLOp):
    def _init_model(self):
        return {}

    def fit(self, order):
        if "seen" in order:
            Path(order["seen"]).touch()
            while not Path(order["go"]).exists():
                pass
        self._model["mean"] = order["value"]

    def predict(self, number):
        return [self._model["mean"], len(loads), os.getpid()]

    def load(self, serialized_object):
        loads.append(1)
        super().load(serialized_object)

train = Pipeline([Node(Mean(MLMode.FIT), [IN])], "train")
predict = Pipeline([Node(Mean(MLMode.PREDICT), [IN], OUT)], "predict")
plain = Pipeline([Node(lambda x: x, [IN], OUT)], "plain")
"""


class Worked:
    def __init__(self, workshop):
        self.workshop, self.store = workshop, workshop.store

    async def __aenter__(self):
        self.definitions = await self.workshop.define(MODULE)
        self.trainers = Trainers(self.workshop.launcher, self.workshop.in_thread)
        return self

    async def __aexit__(self, *_):
        await self.trainers.stop()

    async def run(self, name, value=None, **given):
        body = json.dumps({"pipeline_input": value}).encode()
        header, result = await self.trainers.run_job(self.definitions[name], body, **given)
        return header, json.loads(bytes(result))

    def claim(self, name):
        self.store.submit_job(name, b"")
        return self.store.claim_job("w", [name])

    def serve(self, name):
        spec = self.definitions[name].spec
        return self.store.commit_load(spec, self.store.choose(spec), cause="load")


def test_a_set_that_a_worker_has_is_not_loaded_again(workshop, run):
    async def work():
        async with Worked(workshop) as worked:
            pids = set()
            for value in (1, 2):
                await worked.run("train", {"value": value}, promote=True)
                served = worked.serve("predict")
                for _ in range(3):
                    header, (mean, loads, pid) = await worked.run("predict", 5, served=served)
                    assert (mean, loads) == (value, value)
                    assert not header["ended"]
                    versions = header["about"]["versions"]
                    assert versions == {"mean": str(served.versions["mean"])}
                    pids.add(pid)
            assert len(pids) == 1

    run(work())


def test_without_a_served_set_it_takes_what_a_load_would(workshop, run):
    async def work():
        async with Worked(workshop) as worked:
            with pytest.raises(NotLoaded):
                await worked.run("predict", 5)
            await worked.run("train", {"value": 3}, promote=True)
            assert (await worked.run("predict", 5))[1][0] == 3
            assert worked.store.served("predict") is None

    run(work())


def test_a_training_ends_its_job_as_it_commits(workshop, run):
    async def work():
        async with Worked(workshop) as worked:
            claim = worked.claim("train")
            header, output = await worked.run(
                "train", {"value": 1}, lease=claim.lease, promote=True
            )
            assert header["ended"]
            job = worked.store.job(claim.job.id)
            assert (job.status, job.run_id) == (JobStatus.DONE, header["about"]["run_id"])
            assert job.header == header["about"]
            assert json.loads(worked.store.job_result(job.id)) is output is None
            assert worked.store.unsaved(worked.definitions["train"].spec) is None

    run(work())


@pytest.mark.parametrize("taken", ["cancelled", "lost"])
def test_a_late_result_is_refused(workshop, run, taken):
    async def work():
        async with Worked(workshop) as worked:
            claim = worked.claim("train")
            order = {"value": 1, "seen": "seen", "go": "go"}
            running = asyncio.ensure_future(worked.run("train", order, lease=claim.lease))
            await workshop.seen("seen")
            before = worked.store.sequence()
            if taken == "lost":
                worked.store.lose_job(claim.lease, "silent")
            else:
                worked.store.cancel_job(claim.job.id)
            workshop.mark("go")
            with pytest.raises(LeaseLost if taken == "lost" else JobCancelled):
                await running
            assert {one.kind for one in worked.store.news(before)} == {"job"}
            status = worked.store.job(claim.job.id).status
            assert status is (JobStatus.QUEUED if taken == "lost" else JobStatus.CANCELLED)
            # the worker has kept nothing of it
            await worked.run("train", {"value": 2}, promote=True)
            assert (await worked.run("predict", 5))[1][0] == 2

    run(work())


def test_what_needs_no_state_touches_no_store(workshop, run):
    async def work():
        async with Worked(workshop) as worked:
            worked.store.close()
            assert (await worked.run("plain", 7, served=_Nothing()))[1] == 7

    run(work())


class _Nothing:
    versions: dict = {}
    states: dict = {}
