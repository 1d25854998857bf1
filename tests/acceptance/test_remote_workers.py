"""Workers in other folders, with another user's secrets: jobs go there and come back over HTTP."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from ..live import LiveServer, wait_for
from ..remote import Worker, ended, fetched, job, processes_with, submit

MODULES = ["tests.server.samples", "tests.acceptance.far_pipelines"]
REMOTE = ["--PipelinesServer.worker_pool=remote"]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveServer]:
    folder = tmp_path_factory.mktemp("remote")
    options: dict[str, Any] = {"app_pipelines": MODULES, "arguments": REMOTE}
    with LiveServer(folder / "root", folder / "home", **options) as live:
        yield live
        assert live.get("snapshot").body["job_counts"]["running"] == 0


class Gated:
    """Jobs of ``far_train``, which run until they are let go."""

    def __init__(self, server: LiveServer, folder: Path) -> None:
        self.server, self.folder = server, folder
        self.asked = {"gate": str(folder / "gate"), "log": str(folder / "started")}

    def submit(self, **asked: Any) -> str:
        return submit(self.server, "far_train", {**self.asked, **asked})

    def started(self) -> list[int]:
        path = Path(self.asked["log"])
        return [int(line) for line in path.read_text().split()] if path.exists() else []

    def wait_for_start(self, times: int = 1) -> int:
        return wait_for(lambda: len(self.started()) >= times and self.started()[-1], "a start")

    def let_go(self) -> None:
        Path(self.asked["gate"]).touch()


@pytest.fixture
def gated(server: LiveServer, tmp_path: Path) -> Gated:
    return Gated(server, tmp_path)


@pytest.fixture
def worker(server: LiveServer, tmp_path: Path) -> Iterator[Callable[..., Worker]]:
    """Starts workers of this server; they are killed at the end."""
    started: list[Worker] = []

    def start(name: str, *arguments: str, **options: Any) -> Worker:
        started.append(Worker(server, tmp_path / name, *arguments, **options))
        return started[-1]

    yield start
    for one in started:
        one.kill()
    for one in started:
        wait_for(lambda one=one: not processes_with(f"{one.folder}"), "its processes to end")


def saved(server: LiveServer, op: str) -> list[str]:
    """The numbers of the versions of an op, the latest first."""
    answer = server.get(f"ops/{op}/versions")
    return [one["number"] for one in answer.body["items"]] if answer.status == 200 else []


def test_what_is_trained_elsewhere_is_served_here(server, worker):
    far = worker("far")
    numbers = [1.0, 2.0, 6.0]
    trained = ended(server, submit(server, "learn", numbers))
    assert (trained["status"], trained["worker"], trained["attempts"]) == ("done", "far", 1)
    assert server.post("pipelines/apply/load").status == 200
    here = server.post("pipelines/apply/main", {"pipeline_input": [6.0]}).body
    # and what is served here is what a job elsewhere answers with
    there = fetched(server, ended(server, submit(server, "apply", [6.0]))["id"])
    assert there["pipeline_output"] == here["pipeline_output"] == [1.0]
    assert there["versions"] == here["versions"]
    info = server.get(f"ops/mean/versions/{saved(server, 'mean')[0]}").body
    assert info["facts"]["pipeline"] == "learn"
    assert info["run_id"] == trained["run_id"]
    assert far.end() == 0


def test_large_states_and_results_go_in_pieces(server, worker, gated):
    worker("far")
    gated.let_go()
    size = 9 << 20
    first = ended(server, gated.submit(size=size, seed=1))
    assert fetched(server, first["id"])["pipeline_output"] == [1, size]
    assert server.post("pipelines/far_apply/load").status == 200
    # now the state goes there
    again = fetched(server, ended(server, submit(server, "far_apply", 0))["id"])
    assert again["pipeline_output"] == [1, size]
    long = fetched(server, ended(server, submit(server, "far_answer", {"size": size}))["id"])
    assert long["pipeline_output"] == "x" * size


def test_runs_that_carry_state_on_follow_one_another(server, worker):
    worker("one")
    worker("two")
    jobs = [submit(server, "count") for _ in range(6)]
    found = [ended(server, one) for one in jobs]
    assert sorted(fetched(server, one)["pipeline_output"] for one in jobs) == [1, 2, 3, 4, 5, 6]
    assert {one["worker"] for one in found} <= {"one", "two"}


def test_what_it_prints_is_in_the_log_of_the_job_and_the_token_is_not(server, worker):
    far = worker("far")
    done = submit(server, "far_talk", "here")
    assert ended(server, done)["status"] == "done"
    assert fetched(server, done)["pipeline_output"] is None
    wait_for(lambda: server.get(f"jobs/{done}/log").body["ended"], "the whole log")
    assert server.get(f"jobs/{done}/log").body["text"] == "heard here\n"
    assert server.token not in far.said


def test_an_error_there_is_an_error_here(server, worker):
    worker("far")
    failed = ended(server, submit(server, "failing", "this"))
    assert (failed["status"], failed["attempts"]) == ("failed", 1)
    assert failed["error"]["code"] == "node_failed"
    assert failed["error"]["node"] == "digest"
    assert "cannot digest this" in failed["error"]["traceback"]


def test_without_anything_to_start_from_it_fails_with_the_reason(live_server, tmp_path):
    server = live_server(app_pipelines=MODULES, arguments=REMOTE)
    with Worker(server, tmp_path / "far"):
        failed = ended(server, submit(server, "apply", [1.0]))
    assert (failed["status"], failed["error"]["code"]) == ("failed", "not_loaded")
    assert "learn" in failed["error"]["hint"]


def test_cancelling_ends_it(server, worker, gated):
    worker("far", "--lease", "5")
    one = gated.submit()
    pid = gated.wait_for_start()
    server.request("DELETE", f"jobs/{one}")
    assert ended(server, one)["status"] == "cancelled"
    gated.let_go()
    assert ended(server, gated.submit())["status"] == "done"
    assert pid > 0


def test_sigterm_hands_back_what_is_under_way(server, worker, gated):
    first = worker("first")
    one = gated.submit()
    gated.wait_for_start()
    first.signal(signal.SIGTERM)
    assert first.process.wait(20) == 0
    wait_for(lambda: job(server, one)["status"] == "queued", "the job to come back")
    worker("second")
    gated.wait_for_start(2)
    gated.let_go()
    done = ended(server, one)
    assert (done["status"], done["worker"], done["attempts"]) == ("done", "second", 1)


def test_sigint_lets_it_end_and_a_second_one_hands_it_back(server, worker, gated):
    first = worker("first")
    one = gated.submit()
    gated.wait_for_start()
    first.signal(signal.SIGINT)
    first.wait_until_said("ends after its job")
    first.signal(signal.SIGINT)
    assert first.process.wait(20) == 0
    assert job(server, one)["status"] == "queued"
    second = worker("second")
    gated.wait_for_start(2)
    second.signal(signal.SIGINT)
    second.wait_until_said("ends after its job")
    gated.let_go()
    assert second.process.wait(20) == 0
    assert ended(server, one)["worker"] == "second"


def test_a_killed_process_is_told_at_once(server, worker, gated):
    worker("far")
    one = gated.submit()
    os.kill(gated.wait_for_start(), signal.SIGKILL)
    gated.wait_for_start(2)
    gated.let_go()
    done = ended(server, one)
    assert (done["status"], done["attempts"], len(gated.started())) == ("done", 2, 2)


def test_a_killed_worker_is_missed_after_its_lease(server, worker, gated):
    first = worker("first", "--lease", "5")
    one = gated.submit()
    pid = gated.wait_for_start()
    first.kill()
    wait_for(lambda: not Path(f"/proc/{pid}").exists(), "the guard to end what it started")
    worker("second", "--lease", "5")
    gated.wait_for_start(2)
    gated.let_go()
    done = ended(server, one)
    assert (done["status"], done["worker"], done["attempts"]) == ("done", "second", 2)


def test_a_late_result_is_refused(server, worker, gated):
    first = worker("first", "--lease", "5")
    before = saved(server, "far")
    one = gated.submit(seed=7)
    gated.wait_for_start()
    first.signal(signal.SIGSTOP)  # as if its network was gone
    worker("second", "--lease", "5")
    gated.wait_for_start(2)
    gated.let_go()
    assert ended(server, one)["worker"] == "second"
    first.signal(signal.SIGCONT)
    wait_for(lambda: "taken by another" in first.said or "given up" in first.said, "it to hear")
    assert len(saved(server, "far")) == len(before) + 1
    assert first.process.poll() is None  # it asks for the next job


def test_it_goes_on_while_the_server_is_gone(live_server, tmp_path):
    server = live_server(app_pipelines=MODULES, arguments=REMOTE)
    gated = Gated(server, tmp_path)
    with Worker(server, tmp_path / "far", "--lease", "20") as far:
        one = gated.submit(seed=3)
        gated.wait_for_start()
        server.kill()
        far.wait_until_said("not reached")
        gated.let_go()
        server.start()
        done = ended(server, one)
        assert (done["status"], done["attempts"], len(gated.started())) == ("done", 1, 1)
        assert "reached again" in far.said
        assert saved(server, "far") == ["1.0.0"]


def test_a_wrong_token_or_address_ends_it_and_is_not_told(server, tmp_path):
    environment = {**os.environ, "CHARIOTS_URL": server.url, "CHARIOTS_TOKEN": "secret-and-wrong"}
    command = [sys.executable, "-m", "jupyter_chariots.cli", "worker", "--url"]
    for url in (server.url, "http://127.0.0.1:1/"):
        environment["CHARIOTS_URL"] = url
        done = subprocess.run(
            [*command, url], env=environment, cwd=tmp_path, capture_output=True, text=True
        )
        assert done.returncode == 3
        assert "error: " in done.stderr
        assert "secret-and-wrong" not in done.stderr + done.stdout


def test_what_it_cannot_open_is_left_to_others(live_server, tmp_path):
    root = tmp_path / "root"
    root.mkdir()
    (root / "only_here.py").write_text(
        "from jupyter_chariots import Pipeline, Node\n"
        "p = Pipeline([Node(lambda x: x + 1, ['__pipeline_input__'], '__pipeline_output__')],"
        " 'only_here')\n"
    )
    server = live_server(root=root, app_pipelines=["only_here"], arguments=REMOTE)
    with Worker(server, tmp_path / "far") as far:
        one = submit(server, "only_here", 1)
        far.wait_until_said("cannot be opened here; its jobs are left to other workers")
        assert wait_for(lambda: job(server, one)["status"] == "queued", "it to come back")
        path = os.pathsep.join([str(root), os.environ.get("PYTHONPATH", "")])
        with Worker(server, tmp_path / "near", environment={"PYTHONPATH": path}):
            done = ended(server, one)
    assert (done["status"], done["worker"], done["attempts"]) == ("done", "near", 1)


SCRIPT = """
    from jupyter_chariots import BaseMLOp, MLMode, Node, Pipeline, PipelinesClient

    class Sum(BaseMLOp):
        op_name = "sum_of_script"
        def _init_model(self): return {}
        def fit(self, numbers): self._model["sum"] = sum(numbers)
        def predict(self, numbers): return self._model["sum"]

    learn = Pipeline([Node(Sum(MLMode.FIT_PREDICT), ["__pipeline_input__"],
                           "__pipeline_output__")], "script_learn")
    PipelinesClient().serve(learn)
"""


def test_a_definition_by_value_needs_no_folder_there(live_server, tmp_path):
    server = live_server(arguments=REMOTE)
    folder = tmp_path / "gone"
    folder.mkdir()
    (folder / "script.py").write_text(textwrap.dedent(SCRIPT))
    secrets = {"CHARIOTS_URL": server.url, "CHARIOTS_TOKEN": server.token}
    environment = {**server.environment, **secrets}
    command = [sys.executable, "script.py"]
    subprocess.run(command, cwd=folder, env=environment, check=True, timeout=60)
    folder.rename(tmp_path / "moved")  # as on another machine
    with Worker(server, tmp_path / "far", "--once") as far:
        done = ended(server, submit(server, "script_learn", [1, 2]))
        assert done["status"] == "done", done
        assert fetched(server, done["id"])["pipeline_output"] == 3
        assert far.process.wait(20) == 0  # after one job


def test_other_pythons_are_left_to_others(live_server, tmp_path):
    from jupyter_chariots.ml.bundling import bundle_of

    from .far_pipelines import far_talk

    server = live_server(arguments=REMOTE)
    bundle = bundle_of([far_talk], replace=False, share=(), env=())
    bundle.header.update(python="3.9", notebook="a_script.py")
    request = urllib.request.Request(
        f"{server.url}/pipelines",
        bundle.to_bytes(),
        {"Authorization": f"token {server.token}", "Content-Type": "application/octet-stream"},
    )
    urllib.request.urlopen(request, timeout=60).close()
    one = submit(server, "far_talk", "x")
    # it is told when it has waited for a job in vain
    with Worker(server, tmp_path / "far", "--idle", "2") as far:
        far.wait_until_said("was defined with Python 3.9")
        assert job(server, one)["status"] == "queued"
