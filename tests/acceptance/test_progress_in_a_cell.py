"""How far runs are, under the cells of a real kernel on a real server."""

from __future__ import annotations

import contextlib
import re
import threading

import pytest
from jupyter_core.utils import ensure_event_loop

from ..kernels import CellFailed, Notebook
from ..live import LiveServer, wait_for

DEFINE = """
import time
from pathlib import Path
from jupyter_chariots import BaseMLOp, MLMode, Node, Pipeline, PipelinesClient, ReservedNodes
from jupyter_chariots import op, progress

def work(name):
    progress(3, 12, "folding")
    print("working")
    Path(f"{name}.there").touch()
    while not Path(name).exists():
        time.sleep(0.005)
    return name

class Learn(BaseMLOp):
    def _init_model(self):
        return []
    def fit(self, name):
        self._model.append(work(name))
    def predict(self, name):
        return self._model

given, result = ReservedNodes.pipeline_input, ReservedNodes.pipeline_output
calls = Pipeline([Node(op(work), input_nodes=[given], output_nodes=result)], "calls")
fits = Pipeline([Node(Learn(MLMode.FIT_PREDICT), [given], result)], "fits")
client = PipelinesClient()
client.serve(calls, fits)
"""


@pytest.fixture(scope="module")
def notebook(tmp_path_factory):
    folder = tmp_path_factory.mktemp("progress")
    with LiveServer(folder / "root", folder / "home") as server, Notebook(server) as opened:
        opened.run(DEFINE)
        yield opened


class Cell:
    """A cell that runs in the background: what it shows, and what is left of that at its end."""

    def __init__(self, notebook, source):
        self.heard, self.left, self.failure = [], None, None
        self._thread = threading.Thread(target=self._run, args=(notebook, source))
        self._thread.start()

    def _run(self, notebook, source):
        try:
            self.left = notebook.run(source, heard=self.heard.append)
        except CellFailed as failure:
            self.failure = failure
        finally:
            ensure_event_loop().close()

    def shows(self, pattern):
        wait_for(lambda: re.search(pattern, "".join(self.heard)), f"{pattern} in the cell")

    def end(self):
        self._thread.join(60)
        assert not self._thread.is_alive()


@contextlib.contextmanager
def held_up(notebook, name, source):
    """A cell whose run waits for the file of this name until the end of ``with``."""
    cell = Cell(notebook, source)
    try:
        yield cell
    finally:
        (notebook.server.root / name).touch()
        cell.end()


@pytest.mark.parametrize("pipeline", ["calls", "fits"])
def test_a_call_that_takes_long_shows_a_bar_as_long_as_it_takes(notebook, pipeline):
    name = f"long-{pipeline}"
    with held_up(
        notebook, name, f"print(client.call_pipeline('{pipeline}', '{name}').value)"
    ) as cell:
        cell.shows(rf"{pipeline}  █+░+   25 %  (work|learn), 3 of 12, folding")
    assert cell.left.split() == ["working", *([name] if pipeline == "calls" else [f"['{name}']"])]


def test_a_call_that_takes_no_time_shows_none(notebook):
    (notebook.server.root / "quick").touch()
    notebook.run("client.call_pipeline('calls', 'quick')")  # waits for the start of the process
    heard = []
    assert notebook.run("client.call_pipeline('calls', 'quick').value", heard=heard.append)
    assert "%" not in "".join(heard)


def test_waiting_for_a_job_shows_a_bar_that_stays(notebook):
    source = "job = client.call_pipeline('fits', 'job', use_worker=True)\nclient.wait(job).value"
    with held_up(notebook, "job", source) as cell:
        cell.shows(r"fits  █+░+   25 %  learn, 3 of 12, folding")
    assert re.search(r"fits  █{24}  100 %  done in \d+\.\d s\n\['job'\]", cell.left)
    assert "<table" not in cell.left


def test_interrupting_the_wait_leaves_the_job_alone(notebook):
    notebook.run("job = client.call_pipeline('fits', 'later', use_worker=True)")
    with held_up(notebook, "later", "client.wait(job)") as cell:
        cell.shows("25 %")
        notebook.interrupt()
        cell.end()
    assert cell.failure.name == "WaitInterrupted"
    assert "goes on. client.cancel(" in cell.failure.said
    assert notebook.run("client.wait(job).value").endswith("['later']\n")


def test_jobs_are_a_table(notebook):
    (notebook.server.root / "row").touch()
    notebook.run("job = client.call_pipeline('fits', 'row', use_worker=True)")
    shown = notebook.run("client.jobs(pipeline='fits')")
    assert shown.split()[:3] == ["id", "pipeline", "status"]
