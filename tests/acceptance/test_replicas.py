"""Replicas that are killed, crowded, left and switched under load, behind a real server."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import threading
import time
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from jupyter_chariots import Node, Pipeline, PipelinesClient, op
from jupyter_chariots.errors import NodeFailed, PipelineNotFound, WorkerLost

from ..live import LiveServer, wait_for
from .pairs import WHOLE, Pair, calling, write_pair

MODULE = """
import os, time
from pathlib import Path
from jupyter_chariots import BaseMLOp, MLMode, Node, Pipeline

IN, OUT = "__pipeline_input__", "__pipeline_output__"

def obey(order):
    print("told to", order, flush=True)
    match order:
        case ["wait", seen, go]:
            Path(seen).touch()
            try:
                while not Path(go).exists():
                    time.sleep(0.005)
            except KeyboardInterrupt:
                Path(f"{seen}.interrupted").touch()
                raise
        case ["exit", code]:
            os._exit(code)
        case ["sleep", seconds]:
            time.sleep(seconds)
    return os.getpid()

class Waits(BaseMLOp):
    op_name = "waits"

    def _init_model(self):
        return {}

    def fit(self, order):
        self._model["pid"] = obey(order)

    def predict(self, order):
        return self._model["pid"]

play = Pipeline([Node(obey, [IN], OUT, name="obeys")], "play")
single = Pipeline([Node(obey, [IN], OUT, name="obeys")], "single")
fit = Pipeline([Node(Waits(MLMode.FIT), [IN])], "fit")
"""
ARGUMENTS = [
    "--PipelinesServer.replicas={'play': 2, 'p_apply': 2}",
    "--PipelinesServer.call_timeout=30",
]


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    """Shared; each test leaves the pipelines able to serve."""
    folder = tmp_path_factory.mktemp("replicas")
    (folder / "root").mkdir()
    (folder / "root" / "orders.py").write_text(MODULE)
    pair = write_pair(folder / "root", "p")
    made = LiveServer(
        folder / "root", folder / "home", app_pipelines=["orders", pair], arguments=ARGUMENTS
    )
    with made as server:
        yield server


@pytest.fixture
def files(server, request):
    """Gives names of files that no other test of this server uses."""
    return lambda word: f"{request.node.name}.{word}"


def view(server, name="play"):
    (found,) = [one for one in server.get("snapshot").body["pipelines"] if one["name"] == name]
    return found


def replicas(server, name="play"):
    return view(server, name)["replicas"]


def tell(server, *order, name="play"):
    return server.post(f"pipelines/{name}/main", {"pipeline_input": list(order)})


def all_alive(server, name="play", wanted=2):
    """Wait until all of them answer calls."""
    wait_for(lambda: tell(server, "pid", name=name).status == 200, f"{name} to answer")
    return wait_for(lambda: replicas(server, name)["alive"] == wanted, f"{wanted} replicas")


def send(server, *order, name="play"):
    return server.send(name, list(order))


def answer_of(connection):
    answer = connection.getresponse()
    body = json.loads(answer.read())
    connection.close()
    return answer, body


def test_one_is_killed_under_load(server, files):
    all_alive(server)
    restarts = replicas(server)["restarts"]
    first = send(server, "wait", files("one"), files("go"))
    wait_for((server.root / files("one")).exists, "the first call")
    free = tell(server, "pid").body["pipeline_output"]
    second = send(server, "wait", files("two"), files("go"))  # the one that is free
    wait_for((server.root / files("two")).exists, "the second call")
    with ThreadPoolExecutor(8) as pool:
        waiting = [pool.submit(tell, server, "pid") for _ in range(20)]
        os.kill(free, signal.SIGKILL)
        lost, why = answer_of(second)
        others = [future.result() for future in waiting]
    assert (lost.status, why["code"]) == (503, "worker_lost")
    assert "SIGKILL" in why["message"]
    assert lost.headers["Retry-After"]
    assert {other.status for other in others} == {200}
    assert free not in {other.body["pipeline_output"] for other in others}
    (server.root / files("go")).touch()
    assert answer_of(first)[0].status == 200
    wait_for(lambda: replicas(server)["restarts"] == restarts + 1, "the new one")
    assert replicas(server) == {"wanted": 2, "alive": 2, "restarts": restarts + 1}
    assert view(server)["state"] == "ready"


@pytest.mark.parametrize("name", ["play", "single"])
def test_the_client_repeats_what_was_lost(server, files, name):
    client = PipelinesClient(server.url, server.token)
    all_alive(server, name, 2 if name == "play" else 1)
    order = ["wait", files("seen"), files("go")]
    with ThreadPoolExecutor(1) as pool:
        call = pool.submit(client.call_pipeline, name, order)
        wait_for((server.root / files("seen")).exists, "the call")
        pids = pid_of_call(server, name)
        (server.root / files("seen")).unlink()
        os.kill(pids, signal.SIGKILL)
        wait_for((server.root / files("seen")).exists, "the call, once more")
        (server.root / files("go")).touch()
        assert call.result().value != pids


def pid_of_call(server, name):
    """The process that runs the only call, which all other processes are not."""
    listed = server.root / ".chariots" / "logs" / f"{name}.log"
    assert listed.exists()
    here = processes(server)
    if name == "single":
        return here[name][-1]
    free = tell(server, "pid", name=name).body["pipeline_output"]
    (busy,) = {*here[name]} - {free}
    return busy


def processes(server):
    """Ids of the children of the server, by the log that they write to."""
    found = {}
    listed = []
    for task in os.listdir(f"/proc/{server.pid}/task"):
        with contextlib.suppress(OSError):  # a thread that has just ended
            listed += Path(f"/proc/{server.pid}/task/{task}/children").read_text().split()
    for pid in map(int, listed):
        with contextlib.suppress(OSError):  # it has just ended
            log = os.path.basename(os.readlink(f"/proc/{pid}/fd/1"))
            found.setdefault(log.removesuffix(".log"), []).append(pid)
    return found


def test_a_call_that_kills_its_process_is_repeated_just_once(server):
    client = PipelinesClient(server.url, server.token)
    all_alive(server)
    restarts = replicas(server)["restarts"]
    with pytest.raises(WorkerLost, match="exit code 7"):
        client.call_pipeline("play", ["exit", 7])
    all_alive(server)
    assert replicas(server)["restarts"] <= restarts + 2


def test_the_next_call_waits_while_processes_that_died_are_given_a_rest(server):
    client = PipelinesClient(server.url, server.token)
    all_alive(server, "single", 1)
    with pytest.raises(WorkerLost, match="exit code 7"):  # it was repeated once
        client.call_pipeline("single", ["exit", 7])
    assert client.call_pipeline("single", "pid").value


def test_a_thousand_calls_at_once(server):
    all_alive(server)
    connections = [send(server, "pid") for _ in range(1000)]
    assert server.get("health_check").status == 200
    answers = [answer_of(connection) for connection in connections]
    assert {answer.status for answer, _ in answers} == {200}
    assert len({body["pipeline_output"] for _, body in answers}) == 2


def test_a_client_that_goes_away(server, files):
    all_alive(server, "single", 1)
    gone = send(server, "wait", files("seen"), files("never"), name="single")
    wait_for((server.root / files("seen")).exists, "the call")
    waiting = [send(server, "exit", 5, name="single") for _ in range(3)]
    wait_for(lambda: view(server, "single")["running"] == 4, "the server to have all of them")
    pid = processes(server)["single"]
    for connection in (*waiting, gone):
        connection.close()
    wait_for((server.root / f"{files('seen')}.interrupted").exists, "the interrupt")
    assert [tell(server, "pid", name="single").body["pipeline_output"]] == pid
    wait_for(lambda: not view(server, "single")["running"], "the end of all calls")


def test_a_fit_goes_on_without_its_client(server, files):
    gone = send(server, "wait", files("seen"), files("go"), name="fit")
    wait_for((server.root / files("seen")).exists, "the fit")
    gone.close()
    (server.root / files("go")).touch()
    wait_for(lambda: view(server, "fit")["unsaved"], "the candidate")
    assert not (server.root / f"{files('seen')}.interrupted").exists()


def test_a_load_while_calls_run(server):
    pair = Pair(server, "p")
    pair.serve([0, 2])
    whole = {}
    with calling(pair) as answers:
        for number in (4, 6, 8):
            served = pair.train([0, number])
            assert pair.load().status == 200
            now = pair.apply()
            assert now.body["pipeline_output"] == WHOLE
            whole[number] = now.body["versions"]
            assert served["versions"].keys()
            count = len(answers)
            wait_for(lambda count=count: len(answers) > count + 4, "more calls")
    assert [answer.body for answer in answers if answer.status != 200] == []
    assert all(answer.body["pipeline_output"] == WHOLE for answer in answers)
    sets = {json.dumps(answer.body["versions"], sort_keys=True) for answer in answers}
    assert {json.dumps(one, sort_keys=True) for one in whole.values()} <= sets
    assert len(sets) == 4  # no mixture of two
    assert replicas(server, "p_apply") == {"wanted": 2, "alive": 2, "restarts": 0}


def test_a_storm_of_crashes(server):
    all_alive(server)
    restarts = replicas(server)["restarts"]
    done = threading.Event()
    crashes = []

    def crash():
        while not done.is_set():
            crashes.append(tell(server, "exit", 3).status)

    threads = [threading.Thread(target=crash) for _ in range(8)]
    for thread in threads:
        thread.start()
    try:
        began = time.monotonic()
        while time.monotonic() < began + 4 or len(crashes) < 8:
            # a loop that a storm holds up does not answer in time
            assert server.get("health_check").status == 200
            assert len(processes(server).get("play", ())) <= 2
    finally:
        done.set()
        for thread in threads:
            thread.join()
    assert {*crashes} == {503}
    assert replicas(server)["restarts"] - restarts < 12
    all_alive(server)


def test_the_log_is_kept_and_followed(server, files):
    client = PipelinesClient(server.url, server.token)
    all_alive(server, "single", 1)
    client.call_pipeline("single", ["say", files("before")])
    log = client.logs("single", lines=5)
    assert files("before") in log
    assert len(log.splitlines()) <= 5
    assert repr(log) == log
    with pytest.raises(NodeFailed):
        client.call_pipeline("single", ["sleep", "no number"])
    assert "Traceback" in client.logs("single", after=log.offset)
    with pytest.raises(WorkerLost):
        client.call_pipeline("single", ["exit", 4])
    wait_for(lambda: tell(server, "pid", name="single").status == 200, "the next one")
    assert files("before") in client.logs("single", lines=10_000)  # of one that is dead
    more = client.logs("single", after=log.offset)
    assert "['exit', 4]" in more
    assert files("before") not in more
    assert client.logs("single", after=more.offset) == ""
    assert server.get("pipelines/single/log?after=x").status == 400
    assert server.get("pipelines/single/log?lines=x").status == 400
    with pytest.raises(PipelineNotFound):
        client.logs("none")


def test_the_gauges(server):
    all_alive(server)
    request = urllib.request.Request(
        f"{server.server_url}metrics", headers={"Authorization": f"token {server.token}"}
    )
    with urllib.request.urlopen(request, timeout=30) as answer:
        metrics = answer.read().decode()
    assert 'jupyter_chariots_replicas_alive{pipeline="play"} 2.0' in metrics
    assert 'jupyter_chariots_replicas_wanted{pipeline="play"} 2.0' in metrics


def test_the_server_ends_while_it_starts_replicas(live_server, tmp_path):
    root = tmp_path / "root"
    root.mkdir()
    (root / "orders.py").write_text(MODULE)
    server = live_server(root=root, app_pipelines=["orders"], arguments=ARGUMENTS)
    calls = [send(server, "pid") for _ in range(4)]
    pids = wait_for(lambda: processes(server).get("play"), "a process")
    server.stop()
    for pid in pids:
        wait_for(lambda pid=pid: not os.path.exists(f"/proc/{pid}"), "the end of the process")
    for call in calls:
        call.close()


def served_here(root):
    @op
    def where():
        return str(root)

    return Pipeline([Node(where, output_nodes="__pipeline_output__")], "where")


def test_the_number_is_no_part_of_the_version_and_survives(live_server, tmp_path):
    server = live_server(arguments=["--PipelinesServer.max_replicas=3"])
    client = PipelinesClient(server.url, server.token)
    pipeline = served_here(tmp_path)
    assert client.serve(pipeline, replicas=2).change == "served"
    before = view(server, "where")
    versions = client.pipeline_versions(pipeline)
    assert before["replicas"]["wanted"] == 2
    assert client.serve(pipeline, replicas=2).change == "unchanged"
    served = client.serve(pipeline, replicas=5)
    assert served.change == "scaled"
    assert any("max_replicas" in warning for warning in served.warnings)
    assert client.call_pipeline(pipeline).value == str(tmp_path)
    wait_for(lambda: replicas(server, "where")["alive"] == 3, "three of them")
    server.restart()
    wait_for(lambda: view(server, "where")["is_loaded"], "what was served before")
    after = view(server, "where")
    assert after["replicas"] == {"wanted": 3, "alive": 0, "restarts": 0}
    for key in ("definition", "revision", "served"):
        assert after[key] == before[key]
    assert client.pipeline_versions(pipeline) == versions
    assert client.serve(pipeline).change == "scaled"
    assert replicas(server, "where")["wanted"] == 1


def test_it_is_unserved_while_calls_run(live_server, tmp_path):
    server = live_server()
    client = PipelinesClient(server.url, server.token)
    seen, go = tmp_path / "seen", tmp_path / "go"

    @op
    def wait():
        import time

        seen.touch()
        while not go.exists():
            time.sleep(0.005)
        return 1

    pipeline = Pipeline([Node(wait, output_nodes="__pipeline_output__")], "waits")
    client.serve(pipeline)
    with ThreadPoolExecutor(4) as pool:
        calls = [pool.submit(client.call_pipeline, pipeline) for _ in range(4)]
        wait_for(seen.exists, "the first call")
        wait_for(lambda: view(server, "waits")["running"] == 4, "all calls")
        client.unserve(pipeline)
        with pytest.raises(PipelineNotFound):
            client.call_pipeline(pipeline)
        go.touch()
        assert [call.result().value for call in calls] == [1] * 4
    wait_for(lambda: not processes(server).get("waits"), "the end of the process")


def test_what_is_idle_is_culled(live_server, tmp_path):
    arguments = ["--PipelinesServer.cull_idle_timeout=0.5"]
    server = live_server(arguments=arguments)
    client = PipelinesClient(server.url, server.token)
    pipeline = served_here(tmp_path)
    client.serve(pipeline)
    client.call_pipeline(pipeline)
    wait_for(lambda: view(server, "where")["state"] == "cold", "the end of the idle one")
    assert client.is_pipeline_loaded(pipeline)
    assert client.call_pipeline(pipeline).value == str(tmp_path)


def test_two_servers_serve_the_same_definitions(live_server, tmp_path):
    root = tmp_path / "root"
    one = live_server(name="one", root=root)
    data = {"JUPYTER_DATA_DIR": one.environment["JUPYTER_DATA_DIR"]}
    two = live_server(name="two", root=root, environment=data)
    here, there = (PipelinesClient(server.url, server.token) for server in (one, two))
    pipeline = served_here(tmp_path)

    def known(server, check):
        def look():
            try:
                return check(view(server, "where"))
            except ValueError:
                return False

        wait_for(look, "the news")

    here.serve(pipeline, replicas=2)
    known(two, lambda view: view["is_loaded"] and view["replicas"]["wanted"] == 2)
    assert there.call_pipeline("where").value == str(tmp_path)
    assert len(here.served("where")) == 1  # the other one has followed, and written nothing
    here.serve(served_here(tmp_path / "elsewhere"))
    known(two, lambda view: view["is_loaded"] and view["revision"] == 2)
    assert there.call_pipeline("where").value == str(tmp_path / "elsewhere")
    assert len(here.served("where")) == 2
    there.unserve("where")
    wait_for(lambda: not one.get("available_pipelines").body, "the end of it")
    with pytest.raises(PipelineNotFound):
        here.call_pipeline("where")
    there.serve(pipeline)
    known(one, lambda view: view["is_loaded"])
    assert here.call_pipeline("where").value == str(tmp_path)


def test_what_does_not_start_is_said_by_serve(live_server, tmp_path):
    server = live_server()
    client = PipelinesClient(server.url, server.token)

    class Gone:
        def __reduce__(self):
            return __import__, ("no_such_package",)

    gone = Gone()

    @op
    def use():
        return gone

    served = client.serve(Pipeline([Node(use, output_nodes="__pipeline_output__")], "broken"))
    wait_for(lambda: view(server, "broken")["state"] == "failed", "the failed start")
    told = [*served.warnings, *server.get("pipelines/broken/health_check").body["warnings"]]
    assert any("no_such_package" in warning for warning in told)
    with pytest.raises(Exception, match="no_such_package"):
        client.call_pipeline("broken")
