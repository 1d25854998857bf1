"""The event loop runs no user code, touches neither SQLite nor files, and hashes no state."""

from __future__ import annotations

import asyncio
import gc
import os
import sys
from pathlib import Path

import pytest

import jupyter_chariots.op_store

STORE = str(Path(jupyter_chariots.op_store.__file__).parent)
HARMLESS = {"cpu_count", "fspath", "getpid", "kill", "killpg", "urandom"}


class Watch:
    """What the thread that made it calls, as far as the loop must not."""

    def __init__(self):
        self.seen = set()

    def __enter__(self):
        sys.setprofile(self._look)
        return self

    def __exit__(self, *_):
        sys.setprofile(None)

    def _look(self, frame, event, arg):
        if event == "call":
            path = frame.f_code.co_filename
            if path.endswith("samples.py"):
                self.seen.add(f"user code: {frame.f_code.co_name}")
            elif path.startswith(STORE) and not path.endswith("records.py"):
                self.seen.add(f"store: {path.removeprefix(STORE)}:{frame.f_code.co_name}")
        elif event == "c_call":
            module = arg.__module__ or type(arg.__self__).__module__
            where = f"{frame.f_code.co_filename}:{frame.f_lineno}"
            if module == "posix" and arg.__name__ not in HARMLESS:
                self.seen.add(f"os.{arg.__name__} in {where}")
            elif module in ("_io", "io") and arg.__name__ == "open":
                self.seen.add(f"open in {where}")
            elif module in ("_sqlite3", "sqlite3", "pickle", "_pickle"):
                self.seen.add(f"{module}.{arg.__name__} in {where}")


def test_the_watch_sees_what_it_looks_for(tmp_path):
    from jupyter_chariots.op_store import OpStore

    with Watch() as watch:
        os.stat(tmp_path)
        OpStore(tmp_path / "store.db").close()
    seen = "\n".join(watch.seen)
    for what in ["os.stat", "open in", "sqlite3.connect", "execute", "store: /base.py"]:
        assert what in seen


@pytest.fixture
def watch(jp_serverapp):
    """Watches from before the start of the extension."""
    gc.collect()  # what other tests have left is not closed meanwhile
    with Watch() as watch:
        yield watch


async def test_nothing_slow_happens_on_the_loop(watch, extension, fetch):
    async def ask(method, path, body=b"", **options):
        return (await fetch(method, path, body, **options)).body

    watch.seen.clear()  # other extensions, and what is imported at the first request
    while (await ask("GET", "snapshot"))["starting"]:
        await asyncio.sleep(0)
    for numbers in ([1, 3], [5, 9]):
        run = await ask("POST", "pipelines/learn/main", {"pipeline_input": numbers})
        assert await ask("POST", "pipelines/learn/save", {"run_id": run["run_id"]}) == {}
    for versions in ({}, {"mean": "1.0.0"}):
        body = {"versions": versions}
        assert await ask("POST", "pipelines/apply/load", body) == {}
        called = await ask("POST", "pipelines/apply/main", {"pipeline_input": [4]})
        assert "pipeline_output" in called
    assert (await ask("POST", "pipelines/count/main"))["pipeline_output"] == 1
    for pipeline in ("failing", "dying", "dying"):
        assert "code" in await ask("POST", f"pipelines/{pipeline}/main", {"pipeline_input": 1})
    body = {"pipeline_input": [4], "use_worker": True}
    for pipeline in ("apply", "learn", "dying"):
        job_id = (await ask("POST", f"pipelines/{pipeline}/main", body))["job_id"]
        seen = 0
        while (view := await ask("GET", f"jobs/{job_id}", query={"wait": 5, "seen": seen}))[
            "ended"
        ] is None:
            seen = view["seen"]
        await ask("POST", "jobs/fetch/", {"job_id": job_id})
        await ask("GET", f"jobs/{job_id}/log")
    sleeping = await ask("POST", "pipelines/sleeper/main", {**body, "pipeline_input": 60})
    assert "cancelling" in await ask("DELETE", f"jobs/{sleeping['job_id']}")
    for path in (
        "health_check",
        "available_pipelines",
        "pipelines",
        "pipelines/apply",
        "pipelines/apply/versions",
        "pipelines/apply/health_check",
        "pipelines/apply/loadable",
        "pipelines/apply/served",
        "ops",
        "ops/mean/versions",
        "jobs",
        "snapshot",
        "openapi.yaml",
        "nothing",
    ):
        await ask("GET", path)
    query = {"a": "1.0.0", "b": "2.0.0"}
    assert await ask("GET", "ops/mean/diff", query=query)
    await extension.stop_extension()
    assert not watch.seen
