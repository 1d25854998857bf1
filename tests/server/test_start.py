"""What a server finds at its start: modules, definitions, served sets."""

from __future__ import annotations

import asyncio
import json
import os
import sqlite3
import textwrap
from contextlib import closing

import pytest

from .conftest import SAMPLES

MODULE = """
from jupyter_chariots import BaseMLOp, MLMode, Node, Pipeline, VersionedField, VersionType

class Level(BaseMLOp):
    op_name = "level"
    major = VersionedField({major!r}, VersionType.MAJOR)
    patch = VersionedField({patch!r}, VersionType.PATCH)

    def _init_model(self):
        return []

    def fit(self, numbers):
        self._model.append(max(numbers))

    def predict(self, numbers):
        return [number - self._model[0] for number in numbers]

fit = Pipeline([Node(Level(MLMode.FIT), ["__pipeline_input__"])], "fit_level")
use = Pipeline(
    [Node(Level(MLMode.PREDICT), ["__pipeline_input__"], "__pipeline_output__")], "use_level"
)
"""


def write(folder, name, text):
    (folder / f"{name}.py").write_text(textwrap.dedent(text))


def write_level(folder, *, name="levels", major=1, patch=1):
    write(folder, name, MODULE.format(major=major, patch=patch))


class TestBrokenModules:
    @pytest.fixture
    def app_pipelines(self, jp_root_dir):
        write(jp_root_dir, "broken", "import a_module_that_nobody_has")
        write(jp_root_dir, "ending", "import os; os._exit(3)")
        write(jp_root_dir, "empty", "")
        return ["broken", SAMPLES, "ending", "empty", "not.there", f"{SAMPLES}:nothing"]

    async def test_the_others_go_on_and_the_reasons_are_shown(self, fetch):
        called = await fetch("POST", "pipelines/doubled/main", {"pipeline_input": 2})
        assert called.body["pipeline_output"] == 4
        failures = (await fetch("GET", "snapshot")).body["failures"]
        text = json.dumps(failures)
        for name in ["broken", "ending", "empty", "not.there", "nothing"]:
            assert name in text
        assert "a_module_that_nobody_has" in text
        unknown = await fetch("GET", "pipelines/one_of_broken")
        assert unknown.status == 404
        assert "broken" in unknown.body["hint"]


class TestTwoOfOneName:
    @pytest.fixture
    def app_pipelines(self, jp_root_dir):
        write_level(jp_root_dir, name="one")
        write_level(jp_root_dir, name="two", patch=2)
        return ["one", "two", SAMPLES]

    async def test_none_of_them_is_served_and_the_log_names_both(self, fetch, caplog):
        for method, route in [("POST", "main"), ("POST", "load"), ("GET", "versions")]:
            answer = await fetch(method, f"pipelines/use_level/{route}")
            assert answer.status == 409
            assert "one:use" in answer.body["message"]
            assert "two:use" in answer.body["message"]
        health = await fetch("GET", "pipelines/use_level/health_check")
        assert health.status == 419
        assert health.body["is_loaded"] is False
        assert "use_level" not in (await fetch("GET", "available_pipelines")).body
        assert (await fetch("GET", "health_check")).body["use_level"] is False
        shown = {p["name"]: p for p in (await fetch("GET", "snapshot")).body["pipelines"]}
        assert shown["use_level"]["state"] == "failed"
        assert shown["doubled"]["state"] != "failed"
        assert any(
            "one:use" in r.getMessage() and "two:use" in r.getMessage()
            for r in [*caplog.get_records("setup"), *caplog.records]  # it begins in a fixture
            if r.levelname == "ERROR"
        )


class TestSlowModules:
    @pytest.fixture
    def settings(self):
        return {"start_timeout": 0.2}

    @pytest.fixture
    def app_pipelines(self, jp_root_dir):
        write(
            jp_root_dir,
            "lazy",
            """
            import os, pathlib, time
            pathlib.Path("draft").write_text(str(os.getpid()))
            pathlib.Path("draft").rename("pid")
            while not pathlib.Path("go").exists():
                time.sleep(0.01)
            from jupyter_chariots import Node, Pipeline
            def one():
                return 1
            lazy = Pipeline([Node(one, output_nodes="__pipeline_output__")], "lazy")
            """,
        )
        return ["lazy"]

    async def test_requests_get_503_until_it_is_imported(self, fetch, jp_root_dir):
        for method, path in [("POST", "pipelines/lazy/main"), ("GET", "health_check")]:
            answer = await fetch(method, path)
            assert answer.status == 503
            assert int(answer.headers["Retry-After"]) > 0
            assert "lazy" in answer.body["message"]
        assert (await fetch("GET", "snapshot")).body["starting"] is True
        assert (await fetch("GET", "openapi.yaml")).status == 200
        (jp_root_dir / "go").touch()
        while (answer := await fetch("POST", "pipelines/lazy/main")).status == 503:
            await asyncio.sleep(0.01)
        assert answer.body["pipeline_output"] == 1
        assert (await fetch("GET", "snapshot")).body["starting"] is False

    async def test_a_server_that_is_stopped_meanwhile_leaves_no_process(
        self, extension, jp_root_dir
    ):
        while not (jp_root_dir / "pid").exists():
            await asyncio.sleep(0.01)
        await extension.stop_extension()
        with pytest.raises(ProcessLookupError):
            os.kill(int((jp_root_dir / "pid").read_text()), 0)


class TestBrokenStore:
    @pytest.fixture
    def settings(self, jp_root_dir):
        (jp_root_dir / "store.db").write_bytes(b"this is no database at all" * 100)
        return {"op_store_path": "store.db"}

    async def test_a_store_that_cannot_be_opened_is_said_everywhere(self, fetch):
        for method, path in [
            ("GET", "health_check"),
            ("POST", "pipelines/doubled/main"),
            ("GET", "ops"),
        ]:
            answer = await fetch(method, path)
            assert answer.status == 500
            assert answer.body["code"] == "store_error"
            assert "store.db" in answer.body["message"]
        assert (await fetch("GET", "snapshot")).body["failures"]


class TestBrokenSettings:
    @pytest.fixture
    def settings(self):
        return {"runner": "no.such.Runner"}

    async def test_a_runner_that_does_not_exist_is_named(self, fetch):
        answer = await fetch("POST", "pipelines/doubled/main", {"pipeline_input": 1})
        assert answer.status == 500
        assert answer.body["code"] == "configuration_error"
        assert "no.such.Runner" in answer.body["message"]


class TestDefinitionsThatChange:
    """One server after another on one root; the module is edited in between."""

    @pytest.fixture
    def level(self, live_server, tmp_path):
        root = tmp_path / "root"
        root.mkdir()
        write_level(root)
        server = live_server(root=root, app_pipelines=["levels"])
        assert server.post("pipelines/fit_level/main", {"pipeline_input": [1, 3]}).status == 200
        assert server.post("pipelines/fit_level/save").status == 200
        assert server.post("pipelines/use_level/load").status == 200
        return server

    def call(self, server):
        return server.post("pipelines/use_level/main", {"pipeline_input": [4]})

    def test_the_same_code_line_is_still_loaded_with_a_warning(self, level):
        before = self.call(level)
        level.stop()
        write_level(level.root, patch=2)
        level.start()
        health = level.get("pipelines/use_level/health_check")
        assert health.status == 200
        assert any("level" in warning for warning in health.body["warnings"])
        after = self.call(level)
        assert after.body["pipeline_output"] == before.body["pipeline_output"] == [1]
        assert after.body["versions"] != before.body["versions"]
        known = level.get("ops/level/versions").body["items"]
        assert after.body["versions"]["level"] in {item["version"] for item in known}
        served = level.get("pipelines/use_level/served").body["items"]
        assert [item["cause"] for item in served] == ["definition", "load"]
        level.restart(kill=True)
        assert self.call(level).body == after.body

    def test_another_code_line_is_not_loaded_and_says_why(self, level):
        level.stop()
        write_level(level.root, major=2)
        level.start()
        health = level.get("pipelines/use_level/health_check")
        assert health.status == 419
        assert health.body["remedy"] == ["fit_level"]
        refused = self.call(level)
        assert refused.status == 419
        assert refused.body["remedy"] == ["fit_level"]
        old = level.get("pipelines/use_level/served").body["items"]
        assert [item["cause"] for item in old] == ["load"]
        for remedy in refused.body["remedy"]:
            assert level.post(f"pipelines/{remedy}/main", {"pipeline_input": [7]}).status == 200
            assert level.post(f"pipelines/{remedy}/save").status == 200
        assert level.post("pipelines/use_level/load").status == 200
        assert self.call(level).body["pipeline_output"] == [-3]

    def test_code_that_was_edited_under_a_running_server_is_409(self, level):
        write_level(level.root, patch=3)
        answer = level.post("pipelines/fit_level/main", {"pipeline_input": [1]})
        # the worker is warm and runs the code that was served
        assert answer.status == 200
        assert level.post("pipelines/use_level/load").status == 409
        assert self.call(level).body["pipeline_output"] == [1]

    def test_a_module_that_was_renamed_takes_its_pipelines_along(self, level):
        before = self.call(level)
        level.stop()
        (level.root / "levels.py").rename(level.root / "heights.py")
        level.app_pipelines = ["heights"]
        level.start()
        after = self.call(level)
        assert after.status == 200, after.body
        assert after.body == before.body

    def test_the_name_of_a_module_that_is_still_there_is_taken(self, level):
        level.stop()
        write_level(level.root, name="heights")
        level.app_pipelines = ["heights"]
        level.start()
        answer = self.call(level)
        assert answer.status == 409
        assert answer.body["code"] == "name_taken"

    def test_what_can_no_longer_be_imported_is_shown_as_failed(self, level):
        level.stop()
        write(level.root, "levels", "import a_module_that_nobody_has")
        level.start()
        shown = {p["name"]: p for p in level.get("snapshot").body["pipelines"]}
        assert shown["use_level"]["state"] == "failed"
        assert "a_module_that_nobody_has" in shown["use_level"]["reason"]
        assert self.call(level).status == 500
        assert level.get("pipelines/use_level/health_check").status == 419


class TestTamperedStates:
    def test_what_is_not_signed_is_neither_opened_nor_reported_as_loaded(
        self, live_server, tmp_path
    ):
        server = live_server(app_pipelines=[SAMPLES])
        body = {"pipeline_input": [4]}
        assert server.post("pipelines/learn/main", {"pipeline_input": [1, 3]}).status == 200
        assert server.post("pipelines/learn/save").status == 200
        assert server.post("pipelines/apply/load").status == 200
        server.stop()
        with closing(sqlite3.connect(server.root / ".chariots" / "op_store.db")) as db, db:
            db.execute("UPDATE versions SET signature = x'00' WHERE signature IS NOT NULL")
        server.start()
        health = server.get("pipelines/apply/health_check")
        assert health.status == 419
        assert "not signed" in health.body["reason"]
        for route, sent in [("main", body), ("load", None)]:
            refused = server.post(f"pipelines/apply/{route}", sent)
            assert refused.status == 500
            assert refused.body["code"] == "not_trusted"
            assert "jupyter chariots trust" in refused.body["hint"]


class TestOpsOfOneName:
    def test_other_code_under_a_stateful_name_is_refused_before_training(
        self, live_server, tmp_path
    ):
        root = tmp_path / "root"
        root.mkdir()
        write_level(root)
        other = MODULE.format(major=1, patch=1).replace("max(", "min(")
        other = other.replace("fit_level", "fit_low").replace("use_level", "use_low")
        write(root, "lows", other)
        server = live_server(root=root, app_pipelines=["levels", "lows"])
        answer = server.post("pipelines/fit_low/main", {"pipeline_input": [1, 3]})
        assert answer.status == 409
        assert answer.body["code"] == "name_taken"
        assert "level" in answer.body["message"]
        assert server.get("ops/level/versions").body["items"] == []
        assert server.post("pipelines/fit_level/main", {"pipeline_input": [1, 3]}).status == 200
