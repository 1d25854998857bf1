"""What user code may do to its process, and what happens to processes, felt by nobody else.

Tests of other files show, each with real processes:

what a pipeline returns cannot be encoded
    → acceptance/test_defects_status.py::test_a_failure_is_json_that_says_what_happened_and_what_to_do
    → workers/test_codec.py::test_more_that_has_no_form
it cannot be unpickled in the child, for a package is missing there
    → acceptance/test_serve_from_a_cell.py::test_a_package_that_is_missing_in_the_child_is_named
    → acceptance/test_replicas.py::test_what_does_not_start_is_said_by_serve
it was defined with another Python (below, with one where there is another)
    → server/test_serving.py::test_another_python_is_refused_before_anything_is_opened
a thousand calls at once
    → acceptance/test_replicas.py::test_a_thousand_calls_at_once
a client goes away in mid-call
    → acceptance/test_replicas.py::test_a_client_that_goes_away
    → acceptance/test_replicas.py::test_a_fit_goes_on_without_its_client
two servers on one op store
    → acceptance/test_replicas.py::test_two_servers_serve_the_same_definitions
    → acceptance/test_served_semantics.py::test_two_servers_switch_together_while_calls_run
a load while calls run
    → acceptance/test_replicas.py::test_a_load_while_calls_run
    → acceptance/test_served_semantics.py::test_a_refused_load_changes_nothing_while_calls_run
one of several replicas is killed, again and again
    → acceptance/test_replicas.py::test_one_is_killed_under_load
    → acceptance/test_replicas.py::test_a_storm_of_crashes
C code ignores SIGINT, and somebody cancels
    → acceptance/test_the_cell_feels_right.py::test_interrupting_the_kernel_cancels_a_call
children of a server that is no Jupyter server
    → workers/test_guard.py::test_nothing_outlives_a_server_that_ends
"""  # noqa: E501

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import stat
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import pytest

from jupyter_chariots import Node, Pipeline, ReservedNodes, op
from jupyter_chariots.pipelines.bundle import Bundle, Sent
from jupyter_chariots.pipelines.header import make_header
from jupyter_chariots.pipelines.packing import pack
from jupyter_chariots.workers.logs import LIMIT

from ..live import wait_for
from ..processes import Process, descendants

MODULE = """
import ctypes, itertools, multiprocessing, os, subprocess, sys, time
from pathlib import Path
from jupyter_chariots import BaseMLOp, MLMode, Node, Pipeline

def started_loky():
    from joblib import Parallel, delayed  # as scikit-learn does, whose import takes its time
    Parallel(n_jobs=2, backend="loky")(delayed(abs)(number) for number in range(4))

def started_multiprocessing():
    context = multiprocessing.get_context("spawn")
    context.Process(target=time.sleep, args=[1000], daemon=False).start()

def started_session():
    subprocess.Popen(["sleep", "1000"], start_new_session=True)

def wait(seen):
    Path(seen).touch()
    while not Path(f"{seen}.go").exists():
        time.sleep(0.005)

def obey(orders):
    for what, *arguments in orders:
        match what:
            case "start":
                globals()[f"started_{arguments[0]}"]()
            case "wait":
                wait(*arguments)
            case "exit":
                os._exit(*arguments)
            case "segfault":
                ctypes.string_at(0)
            case "loop":
                while True:
                    pass
            case "loop in C":
                sum(itertools.repeat(0))
            case "print":
                for _ in range(arguments[0]):
                    print("x" * 99_999)
            case "allocate":
                bytearray(arguments[0])
    return os.getpid()

class Slow(BaseMLOp):
    def _init_model(self):
        return []

    def fit(self, orders):
        self._model.append(obey(orders))

    def predict(self, values):
        return self._model

play = Pipeline(
    [Node(obey, ["__pipeline_input__"], "__pipeline_output__", name="obeys")], "play"
)
other = Pipeline([Node(lambda: os.getpid(), output_nodes="__pipeline_output__")], "other")
train = Pipeline([Node(Slow(MLMode.FIT), ["__pipeline_input__"])], "train")
"""
MEMORY = 3 << 30


class Lab:
    """A running Jupyter server whose pipelines do as they are told."""

    def __init__(self, live_server, root, *arguments):
        root.mkdir(exist_ok=True)
        (root / "obedient.py").write_text(MODULE)
        self.root = root
        self.server = live_server(root=root, app_pipelines=["obedient"], arguments=arguments)

    def ask(self, *orders, pipeline="play"):
        return self.server.post(f"pipelines/{pipeline}/main", {"pipeline_input": list(orders)})

    def pid(self):
        answer = self.ask()
        assert answer.status == 200, answer
        return answer.body["pipeline_output"]

    def seen(self, name):
        wait_for((self.root / name).exists, name)

    def children(self) -> set[Process]:
        """What the server has started, but for the guard."""
        return {p for p in descendants(self.server.pid) if "workers.guard" not in p.command}

    def guards(self) -> set[Process]:
        return {p for p in descendants(self.server.pid) if "workers.guard" in p.command}


@pytest.fixture
def lab(live_server, tmp_path):
    return Lab(live_server, tmp_path / "root")


@pytest.fixture
def at_once():
    with ThreadPoolExecutor(4) as pool:
        yield pool.submit


def test_whatever_a_call_does_to_its_process_the_next_one_is_answered(live_server, tmp_path):
    limits = [
        f"--PipelinesServer.memory_limit={MEMORY}",
        "--PipelinesServer.call_timeout=4",
    ]
    lab = Lab(live_server, tmp_path / "root", *limits)
    bystander = lab.server.post("pipelines/other/main").body["pipeline_output"]
    for orders, status, said in [
        ([["exit", 7]], 503, "exit code 7"),
        ([["segfault"]], 503, "SIGSEGV"),
        ([["allocate", 2 * MEMORY]], 500, "MemoryError"),
        ([["loop"]], 504, "took longer than 4 s"),
        ([["start", "session"], ["loop in C"]], 504, "took longer than 4 s"),
        ([["print", 50]], 200, ""),
    ]:
        before = lab.pid()
        answer = lab.ask(*orders)
        assert answer.status == status, answer
        assert said in json.dumps(answer.body), answer
        survives = "exit" not in said and said != "SIGSEGV" and ["loop in C"] not in orders
        assert (lab.pid() == before) is survives, orders
        if status == 500:
            assert "3 GiB (c.PipelinesServer.memory_limit)" in answer.body["hint"]
        # the one that lasts longest, for what it had started gets two seconds to end by itself
        wait_for(lambda: not [p for p in lab.children() if "sleep" in p.command], "no sleepers")
    assert lab.server.post("pipelines/other/main").body["pipeline_output"] == bystander
    written = sum(path.stat().st_size for path in (lab.root / ".chariots" / "logs").glob("play*"))
    assert LIMIT < written < 10 * LIMIT
    assert "xxx" not in lab.server.log.read_text()


def test_a_replica_that_is_killed_in_mid_call(lab, at_once):
    pid = lab.pid()
    call = at_once(lab.ask, ["start", "loky"], ["wait", "seen"])
    lab.seen("seen")
    os.kill(pid, signal.SIGKILL)
    lost = call.result()
    assert (lost.status, lost.body["code"]) == (503, "worker_lost")
    assert "SIGKILL" in lost.body["message"]
    assert lab.pid() != pid
    wait_for(lambda: not [p for p in lab.children() if "loky" in p.command], "the end of loky's")


def test_a_worker_that_is_killed_in_mid_fit_leaves_nothing(lab, at_once):
    assert lab.ask(pipeline="train").status == 200
    before = lab.server.get("pipelines/train").body
    (worker,) = {p for p in lab.children() if "workers.child" in p.command}
    fit = at_once(lab.ask, ["start", "multiprocessing"], ["wait", "seen"], pipeline="train")
    lab.seen("seen")
    os.kill(worker.pid, signal.SIGKILL)
    lost = fit.result()
    assert (lost.status, lost.body["code"]) == (503, "worker_lost")
    after = lab.server.get("pipelines/train").body
    assert (after["current"], after["unsaved"]) == (before["current"], before["unsaved"])
    wait_for(lambda: not lab.children(), "the end of what it had started")
    assert lab.ask(pipeline="train").status == 200


def test_a_guard_that_is_killed_is_replaced_and_nobody_feels_it(lab):
    pid = lab.pid()
    (guard,) = lab.guards()
    os.kill(guard.pid, signal.SIGKILL)
    wait_for(lambda: lab.guards() - {guard}, "another guard")
    assert lab.pid() == pid
    processes = descendants(lab.server.pid)
    lab.server.kill()
    wait_for(lambda: not any(p.alive for p in processes), "the end of all")


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_no_process_outlives_the_server(lab, at_once, number):
    starts = [["start", "multiprocessing"], ["start", "session"]]
    calls = [
        at_once(lab.ask, ["start", "loky"], *starts, ["wait", "call"]),
        at_once(lab.ask, *starts, ["wait", "fit"], pipeline="train"),
        at_once(lab.server.post, "pipelines/other/main"),
    ]
    for name in ("call", "fit"):
        lab.seen(name)
    calls.pop().result()
    processes = descendants(lab.server.pid)
    names = " ".join(process.command for process in processes)
    for part in ("loky", "multiprocessing", "sleep 1000", "workers.child", "workers.guard"):
        assert part in names
    lab.server.process.send_signal(number)
    lab.server.process.wait(60)
    wait_for(lambda: not [p.command for p in processes if p.alive], "the end of all")
    for call in calls:
        with contextlib.suppress(OSError):  # the connection went with the server
            assert call.result().status >= 500


def another_python() -> str | None:
    """An interpreter of another minor version, if there is one."""
    for minor in range(10, 15):
        found = shutil.which(f"python3.{minor}")
        if found and minor != sys.version_info.minor:
            asked = subprocess.run([found, "-c", "import sys; print(sys.executable)"],
                                   capture_output=True, text=True, check=False)  # fmt: skip
            if asked.returncode == 0:
                return asked.stdout.strip()
    return None


def test_an_environment_that_got_another_python_is_refused_without_a_crash(lab, tmp_path):
    other = another_python()
    if other is None:
        pytest.skip("there is one Python only")
    python = tmp_path / "python"

    def runs(interpreter):
        python.write_text(f'#!/bin/sh\nexec "{interpreter}" "$@"\n')
        python.chmod(python.stat().st_mode | stat.S_IXUSR)

    runs(sys.executable)
    node = Node(op(lambda: 7), output_nodes=ReservedNodes.pipeline_output)
    pipeline = Pipeline([node], "seven")
    header = {**make_header(), "executable": str(python)}
    body = Bundle(header, (Sent(pipeline.spec, pack(pipeline).data, ""),)).to_bytes()
    assert lab.server.request("POST", "pipelines", body).status == 200
    assert lab.server.post("pipelines/seven/main").body["pipeline_output"] == 7
    lab.server.kill()
    runs(other)
    lab.server.start()
    answer = lab.server.post("pipelines/seven/main")
    assert (answer.status, answer.body["code"]) == (409, "conflict"), answer
    assert f"made by Python 3.{sys.version_info.minor}" in answer.body["message"]
