"""Every notebook runs from top to bottom, in a kernel that a Jupyter server started."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import urllib.request
from collections.abc import Iterator
from http.client import HTTPResponse
from pathlib import Path
from typing import Any

import nbformat
import pytest
from jupyter_client.manager import AsyncKernelManager
from nbclient import NotebookClient

from tests.live import IRIS, REPOSITORY, LiveServer

SHOWN = {
    "app.ipynb": ["weatherop", "<Pipeline weather>"],
    "iris.ipynb": [
        "value: [0, 2]",
        "VersionError: Pipeline 'pred_iris' cannot be loaded: logisticop 1.0.0 was trained on",
        'client.call_pipeline("train_iris"); client.save_pipeline("train_iris"); ',
        "trained on pcaop",
    ],
    "jobs.ipynb": [
        "<PipelineResponse queued>",
        "<JobStatus.DEFERRED: 'deferred'>",
        "learn_to_read  ████████████████████████  100 %  done in",
        "learn_to_doubt  ████████████████████████  100 %  done in",
        "written: ",
        " ? ",
        "cancelled\nJobCancelled: Job ",
        "killed process",
        "darts  ████████████████████████  100 %  done in",
        "Attempt 1: its process was killed by SIGKILL",
        "done after 2 attempts",
    ],
    "serve_from_a_cell.ipynb": [
        "<Pipeline train_usual>",
        "/chariots/pipelines/unusual/main",
        "$JUPYTER_TOKEN",
        "[0.0, 0.4]",
        "WorkerLost: The process that ran 'unusual'",
        "\nTrue\n",
        "is served in its new definition",
        "[0.0, 0.8]",
        "the version changed: True",
        "[0, 1, 2]",
    ],
}
PASSING = {
    "jobs.ipynb": [
        r"learn_to_read  █+░+ +\d+ %  readerop \(2 of 2\), \d+ of 50, trees",
        r"darts  █*░+ +\d+ %  throw_darts, \d+ of 60, π is about 3\.1\d+, attempt 2",
    ]
}
NOTEBOOKS = sorted((REPOSITORY / "notebooks").glob("*.ipynb"))


class ServedKernel(AsyncKernelManager):
    """A running kernel that belongs to a server: it can be used, and is left as it is."""

    def __init__(self, server: LiveServer, notebook: str) -> None:
        super().__init__(owns_kernel=False)
        body = {
            "path": notebook,
            "name": notebook,
            "type": "notebook",
            "kernel": {"name": "python3"},
        }
        request = urllib.request.Request(
            f"{server.server_url}api/sessions",
            json.dumps(body).encode(),
            {"Authorization": f"token {server.token}"},
        )
        with urllib.request.urlopen(request, timeout=60) as answer:
            kernel_id = json.load(answer)["kernel"]["id"]
        self.load_connection_file(str(server.runtime_dir / f"kernel-{kernel_id}.json"))

    @property
    def has_kernel(self) -> bool:
        return True


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveServer]:
    """As ``make run`` starts it: the notebooks are its root, the iris pipelines are served."""
    folder = tmp_path_factory.mktemp("notebooks")
    root = folder / "root"
    root.mkdir()
    for notebook in NOTEBOOKS:
        shutil.copy(notebook, root)
    with LiveServer(root, folder / "home", app_pipelines=[IRIS], app="lab") as server:
        yield server


class Reader(NotebookClient):
    """Executes a notebook, and sees what its cells have shown only for a while."""

    passing: list[str]

    def process_message(self, msg: dict[str, Any], cell: Any, cell_index: int) -> Any:
        if msg["msg_type"] == "update_display_data":
            self.passing.append(msg["content"]["data"].get("text/plain", ""))
        return super().process_message(msg, cell, cell_index)


def run(server: LiveServer, name: str, passing: list[str] | None = None) -> str:
    """Execute a notebook; the text that its cells print and show, with ``passing`` what was
    replaced.
    """
    notebook = nbformat.read(server.root / name, as_version=4)
    kernel = ServedKernel(server, name)
    client = Reader(notebook, km=kernel, timeout=120, iopub_timeout=60, coalesce_streams=True)
    client.passing = [] if passing is None else passing
    client.execute(cleanup_kc=True)  # closes the channels; the kernel is the server's
    shown = []
    for cell in notebook.cells:
        for output in cell.get("outputs", ()):
            shown.append(output.get("text") or output.get("data", {}).get("text/plain", ""))
    return "\n".join(shown)


@pytest.mark.parametrize("name", [file.name for file in NOTEBOOKS])
def test_it_runs_and_runs_again(server, name):
    for _ in range(2):
        passing: list[str] = []
        shown = run(server, name, passing)
        for text in SHOWN.get(name, ()):
            assert text in shown
        for pattern in PASSING.get(name, ()):
            assert any(re.search(pattern, text) for text in passing), passing


@pytest.mark.skipif(shutil.which("curl") is None, reason="needs curl")
def test_what_a_notebook_serves_outlives_its_kernel_and_the_server(server):
    shown = run(server, "serve_from_a_cell.ipynb")
    line = re.findall(r"^curl .*/unusual/main'$", shown, re.MULTILINE)[-1]
    assert '{"pipeline_input": [1.62]}' in line  # a value that it was trained with
    headers = {"Authorization": f"token {server.token}"}
    with ask(f"{server.server_url}api/kernels", headers=headers) as answer:
        kernels = [kernel["id"] for kernel in json.load(answer)]
    for kernel in kernels:
        ask(f"{server.server_url}api/kernels/{kernel}", headers=headers, method="DELETE").close()
    server.restart()
    done = subprocess.run(
        ["bash", "-c", line],
        env={**server.environment, "JUPYTER_TOKEN": server.token},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert json.loads(done.stdout)["pipeline_output"] == [0.26]


def ask(url: str, **request: Any) -> HTTPResponse:
    answer: HTTPResponse = urllib.request.urlopen(
        urllib.request.Request(url, **request), timeout=60
    )
    return answer


@pytest.mark.parametrize("file", NOTEBOOKS, ids=lambda file: file.name)
def test_it_is_kept_clean(file: Path):
    notebook = nbformat.read(file, as_version=4)
    nbformat.validate(notebook)
    for cell in notebook.cells:
        assert not cell.get("outputs")
        assert cell.get("execution_count") is None
