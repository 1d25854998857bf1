"""Jobs through a real Redis server and real processes of ``rq worker``."""

from __future__ import annotations

import contextlib
import os
import pickle
import shutil
import signal
import subprocess
import sys
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ..live import LiveServer, clean_environment, free_port, wait_for
from ..remote import ended, fetched, job, machine_of, processes_with, submit
from .test_remote_workers import MODULES, Gated, saved

pytest.importorskip("rq")
if shutil.which("redis-server") is None:
    pytest.skip("needs redis-server (Debian's package)", allow_module_level=True)


class Redis:
    """A Redis server, and workers of RQ that come and go."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.port = folder, free_port()
        self.url = f"redis://127.0.0.1:{self.port}/0"
        self.log = folder / "rq.log"
        self.environment = clean_environment(folder / "home")
        self.workers: list[subprocess.Popen[bytes]] = []
        options = ["--port", str(self.port), "--bind", "127.0.0.1", "--save", ""]
        self.server = self._start(["redis-server", *options, "--dir", str(folder)], folder)
        wait_for(lambda: b"PONG" in self.ask("ping"), "Redis to answer")

    def ask(self, *words: str) -> bytes:
        command = ["redis-cli", "-p", str(self.port), *words]
        return subprocess.run(command, capture_output=True, check=False).stdout

    def _start(self, command: list[str], folder: Path) -> subprocess.Popen[bytes]:
        with self.log.open("ab") as log:
            return subprocess.Popen(
                command,
                cwd=folder,
                env=self.environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    def add_worker(self) -> subprocess.Popen[bytes]:
        """One more machine."""
        folder = self.folder / f"machine-{len(self.workers)}"
        folder.mkdir()
        command = [sys.executable, "-m", "rq.cli", "worker", "chariots_workers", "--url", self.url]
        self.workers.append(self._start(command, folder))
        return self.workers[-1]

    def close(self) -> None:
        for process in (*self.workers, self.server):
            kill(process)


def kill(process: subprocess.Popen[bytes]) -> None:
    """The machine is gone, with what it has forked: that has a group of its own."""
    found = [process.pid]
    for entry in Path("/proc").iterdir():
        with contextlib.suppress(OSError, ValueError):
            fields = (entry / "stat").read_text().rpartition(")")[2].split()
            if int(fields[1]) == process.pid:
                found.append(int(entry.name))
    for pid in found:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    process.wait()


@pytest.fixture(scope="module")
def redis(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Redis]:
    made = Redis(tmp_path_factory.mktemp("redis"))
    yield made
    made.close()
    wait_for(lambda: not processes_with(f"{made.folder}"), "all of it to end")


@pytest.fixture(scope="module")
def server(redis: Redis, tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveServer]:
    folder = tmp_path_factory.mktemp("rq_server")
    options = {"redis": redis.url, "max_workers": 2, "lease_s": 4.0, "idle_s": 30.0}
    arguments = [
        "--PipelinesServer.worker_pool=rq",
        f"--PipelinesServer.worker_pool_options={options}",
    ]
    with LiveServer(
        folder / "root", folder / "home", app_pipelines=MODULES, arguments=arguments
    ) as live:
        yield live


def test_jobs_run_there_whatever_happens_to_the_workers(server, redis, tmp_path):
    before = len(saved(server, "far"))
    first = submit(server, "learn", [1.0, 2.0, 6.0])  # perhaps there is no worker yet
    redis.add_worker()
    assert ended(server, first)["worker"].startswith("rq-")
    assert server.post("pipelines/apply/load").status == 200
    body = {"pipeline_input": [6.0]}
    assert server.post("pipelines/apply/main", body).body["pipeline_output"] == [1.0]
    gated = Gated(server, tmp_path)
    lost = gated.submit(seed=5)
    pid = gated.wait_for_start()
    machine = machine_of(pid, redis.workers)
    kill(machine)
    wait_for(lambda: not Path(f"/proc/{pid}").exists(), "its processes to end with it")
    redis.add_worker()
    gated.wait_for_start(2)
    more = submit(server, "learn", [1.0, 2.0])
    redis.add_worker()
    assert ended(server, more)["status"] == "done"
    assert job(server, lost)["status"] == "running"
    gated.let_go()
    done = ended(server, lost)
    assert (done["status"], len(gated.started())) == ("done", 2)
    assert fetched(server, lost)["pipeline_output"] == [5, 10]
    assert len(saved(server, "far")) == before + 1


def test_redis_says_the_credential_to_nobody_who_looks(server, redis):
    redis.add_worker()
    ended(server, submit(server, "learn", [1.0]))
    names = [key for key in redis.ask("keys", "rq:job:*").decode().split() if ":rq-" in key]
    assert names
    for name in names:
        assert redis.ask("hget", name, "description").strip().startswith(b"jupyter chariots worker")
    said = redis.log.read_text(errors="replace") + server.log.read_text(errors="replace")
    assert secret_of(redis, names[0]) not in said


def secret_of(redis: Redis, name: str) -> str:
    """What the worker gets in with; only who opens the job sees it."""
    raw = redis.ask("--raw", "hget", name, "data")[:-1]
    errand: Any = pickle.loads(zlib.decompress(raw))[2][0]
    assert errand.token
    assert errand.token not in repr(errand)
    return str(errand.token)


def test_without_redis_jobs_wait_and_the_server_says_why(live_server):
    options = {"redis": f"redis://127.0.0.1:{free_port()}/0"}
    arguments = [
        "--PipelinesServer.worker_pool=rq",
        f"--PipelinesServer.worker_pool_options={options}",
    ]
    server = live_server(app_pipelines=MODULES, arguments=arguments)
    one = submit(server, "learn", [3.0])
    wait_for(lambda: "Is the cluster up?" in server.log.read_text(), "the reason in the log")
    assert job(server, one)["status"] == "queued"
    assert server.get("health_check").status == 200


def test_making_a_pool_connects_to_nothing():
    from jupyter_chariots.workers.pools import RQWorkerPool

    pool = RQWorkerPool("redis://:a-password@nobody.invalid:1")
    assert pool.n_workers == 0
    assert "a-password" not in repr(pool)
