"""What a cell shows and does while a pipeline runs for it, in a real kernel of a real server."""

from __future__ import annotations

import json
import re
import threading

import pytest
from jupyter_core.utils import ensure_event_loop

from ..kernels import CellFailed, Notebook
from ..live import LiveServer, wait_for
from .test_serve_from_a_cell import written

DEFINE = """
import itertools, os, sys, time, warnings
from pathlib import Path
from jupyter_chariots import BaseMLOp, MLMode, Node, Pipeline, PipelinesClient, ReservedNodes, op

def wait(name):
    Path("seen").touch()
    while not Path(name).exists():
        time.sleep(0.005)

def obey(order):
    match order:
        case ["wait", text]:
            print(text)
            wait("go")
            print("the end", file=sys.stderr)
        case ["warn", text]:
            for _ in range(3):
                warnings.warn(text)
        case ["fail"]:
            secret = 1
            return secret / 0  # a line of the cell
        case ["hang"]:
            Path("seen").touch()
            sum(itertools.repeat(0))  # no signal handler has its turn in there
        case ["much"]:
            for _ in range(200_000):
                print("x" * 50)
    return os.getpid()

class Slow(BaseMLOp):
    def _init_model(self):
        return [0]
    def fit(self, order):
        print("fitting")
        if order != "quick":
            wait("go")
        self._model[0] = len(order)
        print("fitted")
    def predict(self, values):
        return [value / self._model[0] for value in values]

given, result = ReservedNodes.pipeline_input, ReservedNodes.pipeline_output
play = Pipeline([Node(op(obey), input_nodes=[given], output_nodes=result)], "play")
train = Pipeline([Node(Slow(MLMode.FIT), input_nodes=[given])], "train")
pred = Pipeline(
    [Node(Slow(MLMode.PREDICT), input_nodes=[given], output_nodes=result)], "pred"
)
client = PipelinesClient()
client.serve(play, train, pred)
"""


@pytest.fixture(scope="module")
def kept_server(tmp_path_factory):
    folder = tmp_path_factory.mktemp("cells")
    with LiveServer(folder / "root", folder / "home") as server:
        yield server


@pytest.fixture
def server(kept_server):
    """It has served and trained for other tests, but nothing runs."""
    for name in ("go", "seen"):
        (kept_server.root / name).unlink(missing_ok=True)
    return kept_server


@pytest.fixture
def notebook(server):
    with Notebook(server) as opened:
        opened.run(DEFINE)
        yield opened


@pytest.fixture
def untrained(live_server):
    """A notebook of a server that has nothing saved yet."""
    with Notebook(live_server()) as opened:
        opened.run(DEFINE)
        yield opened


class Running:
    """A cell that runs in the background."""

    def __init__(self, notebook, source):
        self.notebook = notebook
        self.shown = []
        self.left = self.failure = None
        self._thread = threading.Thread(target=self._run, args=(source,))
        self._thread.start()

    def _run(self, source):
        try:
            self.left = self.notebook.run(source, heard=self.shown.append)
        except Exception as failure:
            self.failure = failure
        finally:
            ensure_event_loop().close()  # the one of this thread, in which the client has run

    @property
    def text(self):
        return "".join(self.shown)

    def seen(self, name="seen"):
        path = self.notebook.server.root / name
        wait_for(path.exists, f"the op to make {name}")
        path.unlink()

    def end(self):
        self._thread.join(60)
        assert not self._thread.is_alive()
        assert self.failure is None or isinstance(self.failure, CellFailed), self.failure
        return self.failure


@pytest.fixture
def start(notebook):
    return lambda source: Running(notebook, source)


def go(server):
    (server.root / "go").touch()


def call(server):
    answer = server.post("pipelines/play/main", {"pipeline_input": 1})
    return answer.body["pipeline_output"]


def test_prints_arrive_while_the_call_runs(server, start):
    cell = start("answer = client.call_pipeline(play, ['wait', 'hello from an op'])")
    wait_for(lambda: "hello from an op\n" in cell.text, "the print in the cell")
    assert not (server.root / "go").exists()
    go(server)
    assert cell.end() is None
    assert cell.text.count("hello from an op") == 1
    assert cell.text.count("the end") == 1


def test_a_fit_prints_into_the_cell_as_well(server, start):
    cell = start("client.call_pipeline(train, 'slowly')")
    wait_for(lambda: "fitting\n" in cell.text, "the print in the cell")
    go(server)
    assert cell.end() is None
    assert "fitting\nfitted\n" in cell.left  # a bar may have stood in between


def test_a_warning_appears_once_with_its_line(notebook):
    shown = notebook.run("client.call_pipeline(play, ['warn', 'mind the gap']);")
    assert shown.count("UserWarning: mind the gap") == 1
    assert "warnings.warn(text)" in shown


def test_the_traceback_shows_the_lines_of_the_cell(server, notebook):
    with pytest.raises(CellFailed) as failed:
        notebook.run("client.call_pipeline(play, ['fail'])")
    assert failed.value.name == "NodeFailed"
    for said in ("'play'", "'obey'", "ZeroDivisionError"):
        assert said in failed.value.said
    shown = str(failed.value)
    assert "return secret / 0  # a line of the cell" in shown
    assert "connection.py" not in shown
    # curl gets it too
    answer = server.post("pipelines/play/main", {"pipeline_input": ["fail"]})
    assert "return secret / 0  # a line of the cell" in answer.body["traceback"]
    assert "class Slow" not in json.dumps(answer.body)


def test_megabytes_do_not_drown_the_cell(notebook):
    shown = notebook.run("client.call_pipeline(play, ['much']);")
    assert len(shown) < 2 << 20
    assert "more characters are in the log" in shown


def test_a_first_call_says_what_it_waits_for(server, notebook):
    folder = server.root / "site-packages"  # what is installed is imported there
    folder.mkdir()
    (folder / "slow_library.py").write_text(
        "import time\nfrom pathlib import Path\nVALUE = 3\n"
        f"while Path({str(server.root / 'hold')!r}).exists():\n    time.sleep(0.01)\n"
    )
    notebook.run(
        f"""
        sys.path.append({str(folder)!r})
        import sklearn, slow_library
        @op
        def late():
            return [slow_library.VALUE, sklearn.__name__]
        look = Pipeline([Node(late, output_nodes=result)], "look")
        """
    )
    (server.root / "hold").touch()  # the kernel has imported it, the process will wait
    notebook.run("client.serve(look)")
    cell = Running(notebook, "print(client.call_pipeline(look).value)")
    wait_for(lambda: "Starting a process for 'look'" in cell.text, "the notice")
    (server.root / "hold").unlink()
    assert cell.end() is None
    assert "importing sklearn" in cell.text
    assert cell.text.endswith("[3, 'sklearn']\n")


@pytest.mark.parametrize("what", ["wait", "hang"])
def test_interrupting_the_kernel_cancels_a_call(server, notebook, start, what):
    first = call(server)
    order = ["wait", ""] if what == "wait" else ["hang"]
    cell = start(f"client.call_pipeline(play, {order})")
    cell.seen()
    notebook.interrupt()
    failure = cell.end()
    assert failure.name == "CallInterrupted"
    assert "nothing was saved" in failure.said
    assert (call(server) == first) == (what == "wait")
    assert notebook.run("print(client.call_pipeline(play, 1).value)") == f"{call(server)}\n"
    assert notebook.run("print(issubclass(type(sys.last_value), KeyboardInterrupt))") == "True\n"


def test_interrupting_the_kernel_cancels_a_fit(server, notebook, start):
    notebook.run("client.call_pipeline(train, 'quick'); client.save_pipeline(train)")
    cell = start("client.call_pipeline(train, 'slowly')")
    cell.seen()
    notebook.interrupt()
    failure = cell.end()
    assert failure.name == "CallInterrupted"
    assert "nothing was saved" in failure.said
    go(server)
    assert server.get("pipelines/train").body["unsaved"] is None
    assert server.get("pipelines/train").body["running"] == 0
    notebook.run("client.call_pipeline(train, 'quick')")
    assert server.get("pipelines/train").body["unsaved"]


def test_interrupting_twice_does_not_hang(server, notebook, start):
    cell = start(
        """
        import signal, threading
        def twice():
            while not Path("go").exists():
                time.sleep(0.005)
            for _ in range(2):
                os.kill(os.getpid(), signal.SIGINT)
                time.sleep(0.1)
        threading.Thread(target=twice).start()
        client.call_pipeline(play, ["hang"])
        """
    )
    cell.seen()
    go(server)
    assert cell.end().name in ("CallInterrupted", "KeyboardInterrupt")
    body = {"pipeline_input": 1}
    wait_for(lambda: server.post("pipelines/play/main", body).status == 200, "its process to end")
    assert notebook.run("print(client.call_pipeline(play, 1).value)") == f"{call(server)}\n"


FRAME = """
trace = sys.last_traceback
while trace.tb_next:
    trace = trace.tb_next
print("values" in trace.tb_frame.f_locals or "value" in trace.tb_frame.f_locals)
"""


def test_a_run_in_the_kernel(server, notebook):
    notebook.run(
        "client.call_pipeline(train, 'quick'); client.save_pipeline(train);"
        "client.load_pipeline(pred)"
    )
    before = written(server)
    for meant in ("pred", "'pred'"):
        assert notebook.run(f"print(client.run_here({meant}, [10]))") == "[2.0]\n"
        with pytest.raises(CellFailed) as failed:
            notebook.run(f"client.run_here({meant}, ['x'])")
        assert failed.value.name == "TypeError"
        shown = re.sub(r"\x1b\[[0-9;]*m", "", str(failed.value))
        assert "return [value / self._model[0] for value in values]" in shown
        assert notebook.run(FRAME) == "True\n"
    assert "fitted" in notebook.run("client.run_here(train, 'quick')")
    assert notebook.run("print(train.last_run, pred.ops['slow'].learned)") == "None None\n"
    assert written(server) == before
    assert notebook.run("print(client.run_here(play, 1) == os.getpid())") == "True\n"

    with Notebook(server, "other.ipynb") as other:
        other.run(
            "from jupyter_chariots import PipelinesClient\nmine = 1\nclient = PipelinesClient()"
        )
        assert other.run("print(client.run_here('pred', [10]), mine)") == "[2.0] 1\n"

    # code that is not served yet, with the state that is
    notebook.run(DEFINE.replace("value / self", "-value / self").replace("client.serve", "#"))
    assert notebook.run("print(client.run_here(pred, [10]))") == "[-2.0]\n"
    assert notebook.run("print(client.call_pipeline(pred, [10]).value)") == "[2.0]\n"


def test_a_run_in_the_kernel_that_is_refused(untrained):
    with pytest.raises(CellFailed) as refused:
        untrained.run("client.run_here(pred, [10])")
    assert refused.value.name == "NotLoaded"
    assert 'client.load_pipeline("pred")' in refused.value.said
    with pytest.raises(CellFailed) as refused:
        untrained.run("client.run_here('nothing')")
    assert refused.value.name == "PipelineNotFound"


def test_a_refusal_shows_the_line_to_paste(untrained):
    with pytest.raises(CellFailed) as refused:
        untrained.run("client.load_pipeline(pred)")
    line = str(refused.value).rstrip().splitlines()[-1]
    assert "client.call_pipeline" in line
    assert line.endswith('client.load_pipeline("pred")')


def test_a_client_that_goes_away_leaves_a_fit_to_its_end_and_ends_a_call(server, notebook, start):
    first = call(server)
    before = server.get("pipelines/train").body["unsaved"]
    for name, order in [("train", "slowly"), ("play", ["wait", ""])]:
        gone = server.send(name, order)
        seen = server.root / "seen"
        wait_for(seen.exists, "the op to run")
        seen.unlink()
        gone.close()
    wait_for(lambda: not server.get("pipelines/play").body["running"], "the call to end")
    assert call(server) == first
    assert server.get("pipelines/train").body["running"] == 1
    assert server.get("pipelines/train").body["unsaved"] == before
    go(server)
    wait_for(lambda: not server.get("pipelines/train").body["running"], "the fit to end")
    assert server.get("pipelines/train").body["unsaved"] not in (before, None)


def test_who_asks_for_nothing_gets_the_plain_answer(server, notebook):
    answer = server.post("pipelines/play/main", {"pipeline_input": ["warn", "mind the step"]})
    assert answer.headers["Content-Type"] == "application/json"
    for order, live in [(["warn", "mind the step"], False), (["much"], True)]:
        # the second request with the same headers takes the short way
        for _ in range(2):
            answer = server.post(
                "pipelines/play/main",
                {"pipeline_input": order},
                headers={"Chariots-Output": "live"},
            )
            assert answer.status == 200
            kind = answer.headers["Content-Type"]
            assert (kind == "application/vnd.jupyter-chariots.live") == live, order
