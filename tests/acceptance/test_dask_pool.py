"""Jobs on a real Dask cluster: a scheduler and workers in processes of their own."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from ..live import LiveServer, clean_environment, free_port, wait_for
from ..remote import ended, fetched, job, machine_of, processes_with, submit
from .test_remote_workers import MODULES, Gated, saved

pytest.importorskip("distributed")


class Cluster:
    """A scheduler, and workers that come and go."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.port, self.dashboard = folder, free_port(), free_port()
        self.address = f"tcp://127.0.0.1:{self.port}"
        self.workers: list[subprocess.Popen[bytes]] = []
        self.environment = {
            **clean_environment(folder / "home"),
            "DASK_DISTRIBUTED__WORKER__DAEMON": "False",
        }
        self.log = folder / "dask.log"
        dashboard = ["--dashboard-address", f"127.0.0.1:{self.dashboard}"]
        port = ["--host", "127.0.0.1", "--port", str(self.port)]
        self.scheduler = self._start("scheduler", *port, *dashboard)

    def _start(self, *arguments: str) -> subprocess.Popen[bytes]:
        folder = self.folder / f"{arguments[0]}-{len(self.workers)}"
        folder.mkdir()
        with self.log.open("ab") as log:
            return subprocess.Popen(
                [sys.executable, "-m", "dask", *arguments],
                cwd=folder,
                env=self.environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    def add_worker(self) -> subprocess.Popen[bytes]:
        """One more machine, with one place."""
        places = ["--nthreads", "1", "--nworkers", "1", "--no-nanny", "--no-dashboard"]
        self.workers.append(self._start("worker", self.address, *places))
        return self.workers[-1]

    def said(self) -> str:
        return self.log.read_text(errors="replace")

    def close(self) -> None:
        for process in (*self.workers, self.scheduler):
            if process.poll() is None:
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(process.pid, signal.SIGKILL)
            process.wait()


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    made = Cluster(tmp_path_factory.mktemp("dask"))
    yield made
    made.close()
    wait_for(lambda: not processes_with(f"{made.folder}"), "all of it to end")


@pytest.fixture(scope="module")
def server(cluster: Cluster, tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveServer]:
    folder = tmp_path_factory.mktemp("dask_server")
    options = {"address": cluster.address, "max_workers": 2, "lease_s": 4.0, "idle_s": 30.0}
    arguments = [
        "--PipelinesServer.worker_pool=dask",
        f"--PipelinesServer.worker_pool_options={options}",
    ]
    with LiveServer(
        folder / "root", folder / "home", app_pipelines=MODULES, arguments=arguments
    ) as live:
        yield live


def test_jobs_run_there_whatever_happens_to_the_workers(server, cluster, tmp_path):
    before = len(saved(server, "far"))
    # perhaps there is no machine yet: the job waits, the server does not
    first = submit(server, "learn", [1.0, 2.0, 6.0])
    assert server.get("health_check").status == 200
    cluster.add_worker()
    # scheduler, machine, worker and job are each a Python that starts now
    assert ended(server, first, 150)["worker"].startswith("dask-")
    # what it learned is here
    assert server.post("pipelines/apply/load").status == 200
    body = {"pipeline_input": [6.0]}
    assert server.post("pipelines/apply/main", body).body["pipeline_output"] == [1.0]
    # the machine dies in mid-job, another one is added
    gated = Gated(server, tmp_path)
    lost = gated.submit(seed=5)
    pid = gated.wait_for_start()
    machine = machine_of(pid, cluster.workers)
    os.killpg(machine.pid, signal.SIGKILL)
    machine.wait()
    wait_for(lambda: not Path(f"/proc/{pid}").exists(), "its processes to end with it")
    cluster.add_worker()
    gated.wait_for_start(2)
    # and one more while that runs, which takes what waits
    more = submit(server, "learn", [1.0, 2.0])
    cluster.add_worker()
    assert ended(server, more)["status"] == "done"
    assert job(server, lost)["status"] == "running"
    gated.let_go()
    done = ended(server, lost)
    assert (done["status"], len(gated.started())) == ("done", 2)
    assert fetched(server, lost)["pipeline_output"] == [5, 10]
    assert len(saved(server, "far")) == before + 1


def test_jobs_go_on_while_the_server_restarts(server, cluster, tmp_path):
    cluster.add_worker()
    gated = Gated(server, tmp_path)
    one = gated.submit(seed=8)
    gated.wait_for_start()
    server.kill()
    gated.let_go()
    server.start()
    done = ended(server, one)
    assert (done["status"], done["attempts"], len(gated.started())) == ("done", 1, 1)
    assert fetched(server, one)["pipeline_output"] == [8, 10]


def test_the_credential_is_shown_nowhere(server, cluster, tmp_path):
    secret = Path(server.environment["JUPYTER_DATA_DIR"]) / "chariots_worker_secret"
    files = server.runtime_dir.glob("jpchariots-*")
    credentials = [json.loads(file.read_text())["token"] for file in files]
    credentials += [secret.read_bytes().hex(), server.token]
    cluster.add_worker()
    gated = Gated(server, tmp_path)
    one = gated.submit()
    gated.wait_for_start()
    pages = ["info/main/workers.html", "json/identity.json", "metrics"]
    shown = cluster.said() + server.log.read_text(errors="replace")
    for page in pages:
        with urllib.request.urlopen(f"http://127.0.0.1:{cluster.dashboard}/{page}") as answer:
            shown += answer.read().decode()
    told = subprocess.run(
        [sys.executable, "-c", TASKS, cluster.address],
        env=cluster.environment,
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    assert "dask-" in told.stdout  # the task is there
    gated.let_go()
    ended(server, one)
    for text in (shown, told.stdout):
        assert not [one for one in credentials if one in text]


TASKS = """
import sys
from distributed import Client

def look(dask_scheduler):
    return [(key, repr(task), str(task.annotations)) for key, task in dask_scheduler.tasks.items()]

with Client(sys.argv[1]) as client:
    print(client.run_on_scheduler(look), client.call_stack(), client.processing())
"""


def test_making_a_pool_connects_to_nothing():
    from jupyter_chariots.workers.pools import DaskWorkerPool

    pool = DaskWorkerPool("tcp://nobody.invalid:1")
    assert pool.n_workers == 0
