"""A server and its store, from the start on."""

from __future__ import annotations

import os
import sqlite3
import textwrap
from contextlib import closing
from functools import partial

import pytest

from ..live import wait_for
from .conftest import SAMPLES


class TestStoreInTheHandsOfOthers:
    def test_a_start_waits_for_a_store_that_is_locked(self, live_server):
        server = live_server(app_pipelines=[SAMPLES])
        assert server.post("pipelines/learn/main", {"pipeline_input": [1, 3]}).status == 200
        assert server.post("pipelines/learn/save").status == 200
        assert server.post("pipelines/apply/load").status == 200
        server.stop()
        store = server.root / ".chariots" / "op_store.db"
        server.arguments = ["--PipelinesServer.start_timeout=0.1"]
        with closing(sqlite3.connect(store, isolation_level=None)) as other:
            other.execute("BEGIN EXCLUSIVE")
            server.begin()
            wait_for(lambda: "Waiting for the op store" in server.log.read_text(), "a refusal")
            refused = server.get("health_check")
            assert refused.status == 503
            assert int(refused.headers["Retry-After"]) > 0
            other.execute("ROLLBACK")
        body = {"pipeline_input": [4]}
        called = wait_for(
            lambda: (found := server.post("pipelines/apply/main", body)).status == 200 and found,
            "the pipeline",
        )
        assert called.body["pipeline_output"] == [2]
        wait_for(lambda: all(server.get("health_check").body.values()), "the other pipelines")

    async def test_a_store_that_comes_back_needs_no_other_start(self, fetch, settings, folder):
        refused = await fetch("POST", "pipelines/doubled/main", {"pipeline_input": 2})
        assert refused.status == 500
        assert "store.db" in refused.body["message"]
        (folder / "store.db").unlink()
        called = await fetch("POST", "pipelines/doubled/main", {"pipeline_input": 2})
        assert called.body["pipeline_output"] == 4

    @pytest.fixture
    def folder(self, jp_root_dir):
        (jp_root_dir / "store.db").write_bytes(b"this is no database at all" * 100)
        return jp_root_dir

    @pytest.fixture
    def settings(self, folder):
        return {"op_store_path": "store.db"}


class TestCandidates:
    def test_old_ones_are_removed_at_the_start(self, live_server):
        server = live_server(app_pipelines=[SAMPLES])

        def known():
            return len(server.get("ops/mean/versions").body["items"])

        for numbers in ([1, 3], [5, 9]):
            assert server.post("pipelines/learn/main", {"pipeline_input": numbers}).status == 200
        server.restart()
        assert known() == 2
        server.stop()
        server.arguments = ["--PipelinesServer.candidate_ttl=0"]
        server.start()
        wait_for(lambda: known() == 1, "the removal of what is not current")
        assert server.post("pipelines/learn/save").status == 200


BULKY = """
from jupyter_chariots import BaseMLOp, MLMode, Node, Pipeline

class Bulky(BaseMLOp):
    def _init_model(self):
        return []

    def fit(self):
        self._model.append(b"x" * 100_000)

    def predict(self):
        return len(self._model[0])

train = Pipeline([Node(Bulky(MLMode.FIT))], "train_bulky")
use = Pipeline([Node(Bulky(MLMode.PREDICT), output_nodes="__pipeline_output__")], "use_bulky")
"""


class TestChecksAtTheStart:
    def test_they_hold_no_request(self, live_server, tmp_path):
        root = tmp_path / "root"
        root.mkdir()
        (root / "bulky.py").write_text(textwrap.dedent(BULKY))
        server = live_server(root=root, app_pipelines=["bulky", SAMPLES])
        for route in ("train_bulky/main", "train_bulky/save", "use_bulky/load", "use_bulky/main"):
            assert server.post(f"pipelines/{route}").status == 200
        server.stop()
        (blob,) = (file for file in root.glob(".chariots/*.blobs/*/*") if file.is_file())
        blob.unlink()
        os.mkfifo(blob)  # whoever reads it waits until somebody writes
        server.arguments = ["--PipelinesServer.start_timeout=0.5"]
        server.start()

        def is_taken_up(name):
            return server.get(f"pipelines/{name}/health_check").status == 200

        try:
            for name in ("doubled", "use_bulky"):
                wait_for(partial(is_taken_up, name), f"{name} to be taken up")
            called = server.post("pipelines/doubled/main", {"pipeline_input": 2})
            assert called.body["pipeline_output"] == 4
            assert server.get("pipelines/use_bulky/versions").status == 200
            assert is_taken_up("use_bulky")
        finally:
            blob.open("wb").close()
        health = wait_for(
            lambda: (
                (found := server.get("pipelines/use_bulky/health_check")).status == 419 and found
            ),
            "the result of the check",
        )
        assert "changed" in health.body["reason"]


class TestRefusalsThatAreKept:
    @pytest.fixture
    def app_pipelines(self, jp_root_dir):
        for name, factor in (("one", 1), ("two", 2)):
            (jp_root_dir / f"{name}.py").write_text(
                "from jupyter_chariots import Node, Pipeline\n"
                f"same = Pipeline([Node(lambda: {factor}, output_nodes='__pipeline_output__')], "
                "'same')\n"
            )
        return ["one", "two"]

    async def test_they_keep_nothing_of_the_requests(self, fetch, extension):
        for _ in range(2):
            assert (await fetch("POST", "pipelines/same/main")).status == 409
            assert (await fetch("POST", "pipelines/same/load")).status == 409
        (refusal,) = extension.manager.refused.values()
        assert refusal.__traceback__ is None
