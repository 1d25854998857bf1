"""Limits of children."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from jupyter_chariots.errors import ConfigurationError, NodeFailed
from jupyter_chariots.workers.limits import parse_size
from jupyter_chariots.workers.replicas import Replicas

from .served import Called, Nothing, body


@pytest.mark.parametrize(
    ("setting", "size"),
    [
        (None, None),
        ("", None),
        (1000, 1000),
        ("1000", 1000),
        ("2G", 2 << 30),
        ("1.5 GiB", 3 << 29),
        ("512 mb", 512 << 20),
        ("3K", 3072),
        ("1TB", 1 << 40),
    ],
)
def test_amounts_of_memory(setting, size):
    assert parse_size(setting) == size


@pytest.mark.parametrize("setting", ["much", "-1G", 0, "0", "2X", "G", -5])
def test_what_is_no_amount_is_refused(setting):
    with pytest.raises(ValueError, match="2G"):
        parse_size(setting)


TAKE = """
from jupyter_chariots import Node, Pipeline

def take(size):
    import numpy as np
    return int(np.ones(size, np.uint8).sum() > 0)

take = Pipeline([Node(take, ["__pipeline_input__"], "__pipeline_output__", name="taker")], "take")
"""


def test_a_pipeline_that_takes_more_memory_than_it_may(workshop, run):
    """The limit is named, and the process survives."""

    async def work():
        definitions = await workshop.define(TAKE)
        replicas = Replicas(definitions["take"], Nothing, workshop.launch(memory_limit=3 << 30))
        try:
            _, answer = await replicas.call(body(10_000))
            assert json.loads(answer)["pipeline_output"] == 1
            (pid,) = replicas.pids
            with pytest.raises(NodeFailed, match="MemoryError") as failed:
                await replicas.call(body(4 << 30))
            assert "3 GiB" in failed.value.hint
            assert "memory_limit" in failed.value.hint
            assert failed.value.details["memory_limit"] == 3 << 30
            assert failed.value.details["node"] == "taker"
            await replicas.call(body(10_000))
            assert replicas.pids == [pid]
        finally:
            await replicas.stop()

    run(work())


def test_without_a_limit_it_is_not_mentioned(workshop, run):
    async def work():
        async with Called(workshop, "play") as called:
            with pytest.raises(NodeFailed) as failed:
                await called.call(["raise", "MemoryError"])
            assert "memory_limit" not in str(failed.value.hint)

    run(work())


def test_an_import_that_takes_too_much_names_the_limit(workshop, run):
    name = workshop.module("held = bytearray(1 << 30)\n")

    async def work():
        child = await workshop.launch(memory_limit=1 << 29).start("train")
        with pytest.raises(ConfigurationError, match="MemoryError") as failed:
            await child.request({"do": "describe", "module": name})
        assert "512 MiB" in failed.value.hint
        await child.stop()

    run(work())


def test_workers_give_way_and_replicas_do_not(workshop, run):
    async def work():
        launcher = workshop.launch(niceness=7)
        own = os.getpriority(os.PRIO_PROCESS, 0)
        for works, niceness in [(True, 7), (False, 0)]:
            child = await launcher.start("train", works=works)
            assert os.getpriority(os.PRIO_PROCESS, child.pid) == min(19, own + niceness)
            group = Path(f"/proc/{child.pid}/autogroup")
            if niceness and group.exists() and os.getuid() == 0:  # others may not at any moment
                assert group.read_text().endswith("nice 7\n")
            await child.stop()

    run(work())


def test_where_memory_runs_out_children_go_before_kernels(workshop, run):
    def score(pid):
        return int(Path(f"/proc/{pid}/oom_score_adj").read_text())

    async def work():
        child = await workshop.launcher.start("train")
        assert score(child.pid) == min(1000, score(os.getpid()) + 500)
        await child.stop()

    run(work())
