"""Notebooks as apps: served once they are trusted, and only then; nothing they do harms others."""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import subprocess
import sys

import pytest

from ..app_notebooks import NUMBER, jupyter_chariots, number_app, with_script, write_app
from ..live import REPOSITORY, LiveServer, free_port, wait_for

WRITES = "import pathlib; pathlib.Path('was_run').touch()\n"
# a request waits for the cells, however long they take on a busy machine
PATIENT = "--PipelinesServer.start_timeout=50"


class Place:
    """A server with an app notebook, not yet started."""

    def __init__(self, folder):
        self.root = folder / "root"
        self.server = LiveServer(self.root, folder / "home", arguments=[PATIENT])
        self.notebook = self.add("apps/answer.ipynb")
        self.env = with_script(folder, self.server.environment)
        self.log = self.root / ".chariots" / "logs" / "answer.ipynb.log"

    def add(self, path):
        """One more notebook that is to be served."""
        self.server.arguments.append(f"--PipelinesServer.app_notebooks={path}")
        return self.root / path

    def shell(self, *arguments, code=0, text=None):
        return jupyter_chariots(*arguments, env=self.env, cwd=self.root, code=code, text=text)

    def trust(self, *paths):
        return self.shell("trust", *(paths or [self.notebook]))

    def answer(self, name="answer"):
        return self.server.post(f"pipelines/{name}/main")

    def output(self, name="answer"):
        answer = self.answer(name)
        assert answer.status == 200, f"{answer.body}\n{self.server.log_tail()}"
        return answer.body["pipeline_output"]

    def failure(self, path=None):
        """What the server says of a notebook, as soon as it does."""
        path = str(path or self.notebook)

        def told():
            failures = self.server.get("snapshot").body["failures"]
            return [failure for failure in failures if failure["notebook"] == path]

        return wait_for(told, f"the failure of {path}")[0]

    def runs(self):
        """How often the cells were run."""
        return self.server.log.read_text().count("Running the tagged cells")


@pytest.fixture
def place(tmp_path):
    place = Place(tmp_path)
    yield place
    if place.server.process is not None:
        place.server.stop()


def command_in(hint):
    """The line to paste."""
    return hint[hint.index("jupyter chariots trust") :].split()


def test_what_is_not_trusted_is_not_run_and_says_how(place):
    write_app(place.notebook, WRITES + NUMBER.format(number=1, name="answer"))
    place.server.start()
    failure = place.failure()
    assert failure["code"] == "not_trusted"
    assert str(place.notebook) in failure["message"]
    for path in ("pipelines/answer/health_check", "pipelines/answer"):
        answer = place.server.get(path)
        assert answer.status == 404
        assert f"jupyter chariots trust {place.notebook}" in answer.body["hint"]
    assert f"jupyter chariots trust {place.notebook}" in place.server.log.read_text()
    assert "jupyter chariots trust" in place.shell("list").stdout
    refused = place.shell("serve", place.notebook, code=7)
    assert command_in(refused.stderr)[3] == str(place.notebook)
    assert not (place.notebook.parent / "was_run").exists()

    assert "cells 1 (kernel python3)" in place.shell(*command_in(failure["hint"])[2:]).stdout
    served = place.shell("serve", place.notebook)
    assert "Pipeline 'answer' is served." in served.stdout
    assert f"{place.server.url}/pipelines/answer/main" in served.stdout
    assert (place.notebook.parent / "was_run").exists()
    assert place.output() == 1
    assert place.server.get("snapshot").body["failures"] == []


def test_restarts_serve_it_without_running_it_again(place):
    number_app(place.notebook)
    place.trust()
    place.server.start()
    assert place.output() == 1
    before = place.server.get("pipelines/answer").body["definition"]
    place.server.restart(kill=True)
    assert place.output() == 1
    place.server.restart()
    assert place.output() == 1
    assert place.server.get("pipelines/answer").body["definition"] == before
    assert place.runs() == 1
    assert "nothing was to do" in place.shell("serve", place.notebook).stdout
    assert place.runs() == 1


def test_a_change_after_trust_is_not_run_and_the_old_code_goes_on(place):
    number_app(place.notebook)
    place.trust()
    place.server.start()
    assert place.output() == 1
    write_app(place.notebook, WRITES + NUMBER.format(number=2, name="answer"))
    place.server.restart()
    assert place.output() == 1
    assert "changed since you trusted them" in place.failure()["message"]
    health = wait_for(
        lambda: place.server.get("pipelines/answer/health_check").body.get("warnings"), "a warning"
    )
    assert "as it was before" in health[0]
    assert f"jupyter chariots trust {place.notebook}" in health[0]
    assert not (place.notebook.parent / "was_run").exists()
    refused = place.shell("serve", place.notebook, code=7)
    assert "changed since you trusted them" in refused.stderr

    place.trust()
    assert "in its new definition" in place.shell("serve", place.notebook).stdout
    assert place.output() == 2
    assert "warnings" not in place.server.get("pipelines/answer/health_check").body


def test_pipelines_that_it_defines_no_more_are_gone(place):
    both = NUMBER.format(number=1, name="answer") + "second = Pipeline(["
    both += "Node(number, output_nodes='__pipeline_output__')], 'second')"
    write_app(place.notebook, both)
    place.trust()
    place.server.start()
    assert place.output("second") == 1
    number_app(place.notebook, 1)
    place.trust()
    place.shell("serve", place.notebook)
    assert place.output() == 1
    assert place.answer("second").status == 404


def test_a_module_of_the_user_counts(place):
    place.notebook.parent.mkdir(parents=True)
    helper = place.notebook.parent / "helper.py"
    helper.write_text("def value():\n    return 1\n")
    source = NUMBER.format(number="helper.value()", name="answer")
    write_app(place.notebook, "import helper\n" + source)
    place.trust()
    place.server.start()
    assert place.output() == 1
    helper.write_text("def value():\n    return 22\n")
    place.server.restart()
    # the old definition is served until the cells have run
    wait_for(lambda: place.answer().body.get("pipeline_output") == 22, "the new code")
    assert place.runs() == 2


TRAIN = """
from jupyter_chariots import BaseMLOp, MLMode, Node, Pipeline, ReservedNodes, SequentialRunner

class Mean:
    def __init__(self, numbers):
        self.value = sum(numbers) / len(numbers)

class Centre(BaseMLOp):
    def _init_model(self):
        return None
    def fit(self, numbers):
        self._model = Mean(numbers)
    def predict(self, numbers):
        assert isinstance(self._model, Mean)
        return [x - self._model.value for x in numbers]
"""
PIPELINES = """
%config InlineBackend.figure_format = "svg"
train = Pipeline(
    [Node(lambda: [1, 2, 3], output_nodes="X"), Node(Centre(MLMode.FIT), input_nodes=["X"])],
    "train",
)
pred = Pipeline(
    [
        Node(
            Centre(MLMode.PREDICT),
            input_nodes=[ReservedNodes.pipeline_input],
            output_nodes=ReservedNodes.pipeline_output,
        )
    ],
    "pred",
)
"""


def test_classes_of_its_cells_train_save_load_and_predict(place):
    write_app(
        place.notebook,
        TRAIN,
        PIPELINES.replace("%config", "# %config"),
        untagged=["raise RuntimeError('this cell is not tagged')"],
    )
    place.trust()
    place.server.start()
    assert place.shell("call", "train").stdout == "null\n"
    assert "centre 1.0.0" in place.shell("save", "train").stdout
    assert "centre 1.0.0" in place.shell("load", "pred").stdout
    assert json.loads(place.shell("call", "pred", "-i", "[5, 6]").stdout) == [3.0, 4.0]
    place.server.restart(kill=True)
    assert json.loads(place.shell("call", "pred", "-i", "[5, 6]").stdout) == [3.0, 4.0]
    (row,) = json.loads(place.shell("history", "centre", "--json").stdout)
    assert row["facts"]["notebook"] == str(place.notebook)
    assert place.runs() == 1


def test_states_that_its_cells_fit_are_served(place):
    fitted = TRAIN + PIPELINES.replace("%config", "# %config")
    write_app(place.notebook, fitted, "SequentialRunner().run(train)")
    place.trust()
    place.server.start()
    answer = place.server.post("pipelines/pred/main", {"pipeline_input": [5]})
    assert answer.body["pipeline_output"] == [3.0]


@pytest.fixture(scope="session")
def other_python(tmp_path_factory):
    """The interpreter of another environment, which has all that this one has."""
    folder = tmp_path_factory.mktemp("other") / "environment"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", folder], check=True)
    (site,) = folder.glob("lib/python*/site-packages")
    paths = [path for path in sys.path if "site-packages" in path]
    (site / "theirs.pth").write_text("\n".join(paths))
    return folder / "bin" / "python"


def add_kernel(place, name, python, **fields):
    folder = place.server.environment["JUPYTER_DATA_DIR"]
    spec = {
        "argv": [str(python), "-m", "ipykernel_launcher", "-f", "{connection_file}"],
        "display_name": name,
        "language": "python",
        **fields,
    }
    file = os.path.join(folder, "kernels", name, "kernel.json")
    os.makedirs(os.path.dirname(file), exist_ok=True)
    with open(file, "w") as stream:
        json.dump(spec, stream)


WHERE = """
import os, sys
from jupyter_chariots import Node, Pipeline, ReservedNodes, op

@op
def where():
    return [sys.executable, os.getcwd(), os.environ.get("MY_COLOUR")]

at_start = [sys.executable, os.getcwd(), os.environ.get("MY_COLOUR")]

@op
def defined():
    return at_start

answer = Pipeline([Node(where, output_nodes="__pipeline_output__")], "answer")
second = Pipeline([Node(defined, output_nodes="__pipeline_output__")], "second")
"""


def test_it_runs_with_the_interpreter_of_its_kernelspec_in_its_folder(place, other_python):
    env = {"MY_COLOUR": "blue of ${JUPYTER_TEST_NAME}"}
    place.server.environment["JUPYTER_TEST_NAME"] = "mine"
    add_kernel(place, "other", other_python, env=env)
    write_app(place.notebook, WHERE, kernel="other")
    place.trust()
    place.server.start()
    expected = [str(other_python), str(place.notebook.parent), "blue of mine"]
    assert place.output() == expected
    assert place.output("second") == expected

    # another environment under the same name: its cells run again
    env["MY_COLOUR"] = "red"
    add_kernel(place, "other", other_python, env=env)
    place.server.restart()
    expected[2] = "red"
    wait_for(
        lambda: place.answer("second").body.get("pipeline_output") == expected, "the new kernelspec"
    )


def test_a_kernel_that_cannot_be_used_is_named(place, tmp_path):
    program = tmp_path / "bare"
    program.write_text("#!/bin/sh\nexit 3\n")
    program.chmod(0o755)
    add_kernel(place, "bare", program)
    add_kernel(place, "gone", tmp_path / "no" / "python")
    add_kernel(place, "r", "R", language="R")
    said = {
        "nowhere": "There is no kernel 'nowhere'",
        "gone": "is not there",
        "r": "is not for Python, but for R",
        "bare": "has to have jupyter_chariots",
    }
    paths = {kernel: place.add(f"{kernel}.ipynb") for kernel in said}
    for kernel, path in paths.items():
        write_app(path, WHERE, kernel=kernel)
    place.trust(*paths.values())
    place.server.start()
    for kernel, path in paths.items():
        failure = place.failure(path)
        assert said[kernel] in f"{failure['message']} {failure['hint']}"


def test_a_failing_cell_is_shown_with_number_and_traceback(place):
    write_app(
        place.notebook,
        "def broken():\n    return 1 / 0",
        "x = 1\nbroken()",
        untagged=["# this is cell 1"],
    )
    place.trust()
    place.server.start()
    failure = place.failure()
    assert failure["message"].startswith(f"Cell 3 of {place.notebook} failed: ZeroDivisionError")
    for line in (
        'File "answer.ipynb, cell 3", line 2, in <module>',
        'File "answer.ipynb, cell 2", line 2, in broken',
    ):
        assert line in failure["traceback"]
    assert 'File "answer.ipynb, cell 3"' in place.server.log.read_text()
    shown = place.shell("serve", place.notebook, "--traceback", code=1)
    assert 'File "answer.ipynb, cell 3", line 2' in shown.stderr
    assert "Traceback" not in place.shell("serve", place.notebook, code=1).stderr


HARM = {
    "import os; os._exit(3)": "ended with exit code 3",
    "import os, signal; os.kill(os.getpid(), signal.SIGSEGV)": "was killed by SIGSEGV",
    "import os, signal; os.killpg(0, signal.SIGKILL)": "was killed by SIGKILL",
    "import sys; sys.exit(0)": "Cell 1 of",
    "input('?')": "Cell 1 of",
    "x = 1": "define no pipeline",
    "1 +": "SyntaxError",
    NUMBER.format(number=1, name="a") + NUMBER.format(number=2, name="a").replace(
        "answer", "other"
    ): "have the same name",
}  # fmt: skip


def test_what_cells_do_harms_nobody(place):
    paths = [place.add(f"harm{number}.ipynb") for number in range(len(HARM))]
    for path, cell in zip(paths, HARM, strict=True):
        write_app(path, cell)
    number_app(place.notebook)
    place.trust(place.notebook, *paths)
    place.server.start()
    assert wait_for(lambda: place.answer().body.get("pipeline_output"), "the good one") == 1
    for path, said in zip(paths, HARM.values(), strict=True):
        assert said in place.failure(path)["message"]
    assert place.server.get("available_pipelines").body == ["answer"]


def test_a_notebook_that_hangs_holds_up_only_who_waits_for_it(place):
    place.server.arguments.remove(PATIENT)
    place.server.arguments.append("--PipelinesServer.notebook_timeout=15")
    place.server.arguments.append("--PipelinesServer.start_timeout=0.2")
    loops = place.add("loops.ipynb")
    write_app(loops, "while True:\n    pass")
    # not even SIGINT ends it
    hangs = "import signal, time\nsignal.signal(signal.SIGINT, signal.SIG_IGN)\n"
    hangs += "import pathlib, os; pathlib.Path('pid').write_text(str(os.getpid()))\n"
    write_app(place.notebook, hangs + "while True:\n    time.sleep(1)")
    place.trust(place.notebook, loops)
    place.server.start()
    pid = place.notebook.parent / "pid"
    wait_for(lambda: pid.exists() and pid.read_text(), "the cells")
    answer = place.answer()
    assert answer.status == 503
    assert "still running the cells of apps/answer.ipynb" in answer.body["message"]
    assert place.server.get("available_pipelines").body == []
    for path in (place.notebook, loops):
        assert "took longer than 15 s" in place.failure(path)["message"]
    wait_for(lambda: not os.path.exists(f"/proc/{pid.read_text()}"), "the end of its process")


def test_what_it_prints_goes_to_its_log(place):
    cell = "print('a' * 3_000_000)\nprint('the end')\n" + NUMBER.format(number=1, name="answer")
    write_app(place.notebook, cell)
    place.trust()
    place.server.start()
    assert place.output() == 1
    texts = [file.read_text() for file in place.log.parent.glob("answer.ipynb.log*")]
    assert any("the end" in text for text in texts)
    assert "aaaa" not in place.server.log.read_text()


def test_the_server_stops_while_cells_run(place):
    hangs = "import pathlib, os; pathlib.Path('pid').write_text(str(os.getpid()))\n"
    write_app(place.notebook, hangs + "import time\ntime.sleep(1000)")
    place.trust()
    place.server.start()
    pid = place.notebook.parent / "pid"
    wait_for(lambda: pid.exists() and pid.read_text(), "the cells")
    place.server.stop()
    wait_for(lambda: not os.path.exists(f"/proc/{pid.read_text()}"), "the end of its process")


def test_someone_elses_notebook_and_record_open_nothing(place, tmp_path):
    """Who can write the folder, and even copy records, gets nothing run."""
    number_app(place.notebook)
    place.trust()
    data = place.root.parent / "home" / "jupyter" / "data_dir"
    (record,) = (data / "chariots_notebooks").iterdir()
    assert record.stat().st_mode & 0o077 == 0
    kept = json.loads(record.read_text())

    theirs = place.root / "apps" / "theirs.ipynb"
    write_app(theirs, WRITES + NUMBER.format(number=1, name="answer"))
    place.add("apps/theirs.ipynb")
    place.server.start()
    assert str(theirs) in place.failure(theirs)["message"]

    # the record of a trusted notebook, copied for another one
    home = {"HOME": str(tmp_path), **{k: v for k, v in place.env.items() if k != "HOME"}}
    jupyter_chariots("trust", theirs, env=home, cwd=place.root)
    names = {file.name for file in record.parent.iterdir()} - {record.name}
    (other,) = names
    genuine = json.loads((record.parent / other).read_text())
    other_file = record.parent / other
    for forged in (
        kept,
        {**kept, "path": str(theirs)},
        {**genuine, "digest": kept["digest"]},
        {**genuine, "signature": kept["signature"]},
        {**genuine, "signature": ""},
        {},
        [],
    ):
        other_file.write_text(json.dumps(forged))
        assert place.shell("serve", theirs, code=7).stdout == ""
    other_file.write_text("no JSON")
    place.shell("serve", theirs, code=7)
    assert not (theirs.parent / "was_run").exists()

    # signed by another user, with another secret
    other_file.write_text(json.dumps(genuine))
    strange = dict(place.env, JUPYTER_DATA_DIR=str(tmp_path / "strange"))
    jupyter_chariots("trust", theirs, env=strange, cwd=place.root)
    (foreign,) = (tmp_path / "strange" / "chariots_notebooks").iterdir()
    shutil.copy(foreign, other_file)
    place.shell("serve", theirs, code=7)
    assert not (theirs.parent / "was_run").exists()

    # a link elsewhere to the trusted one: its cells do not meet the modules that lie there
    elsewhere = place.root / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "statistics.py").write_text(WRITES)
    write_app(place.notebook, "import statistics\n" + NUMBER.format(number=1, name="answer"))
    place.trust()
    (elsewhere / "link.ipynb").symlink_to(place.notebook)
    place.shell("serve", elsewhere / "link.ipynb", "--replace")
    assert not list(place.root.rglob("was_run"))

    # moved to where a trusted one was
    shutil.copy(theirs, place.notebook)
    place.shell("serve", place.notebook, code=7)
    assert not (theirs.parent / "was_run").exists()


def test_the_template_does_what_it_says(place):
    template = REPOSITORY / "notebooks" / "app.ipynb"
    text = template.read_text(encoding="utf-8")
    place.root.mkdir(exist_ok=True)
    shutil.copy(template, place.root)
    number_app(place.notebook)
    place.server.start()
    told = re.findall(r"jupyter chariots (.*?)(?:  +#.*)?\\n", text)
    assert len(told) == 6
    printed = [place.shell(*shlex.split(line.rstrip('",'))).stdout for line in told]
    assert "Pipeline 'weather'" in printed[1]
    assert printed[-2:] == ["weather serves weatherop 1.0.0\n", "[0.0, 8.66]\n"]


def test_a_name_that_belongs_to_another_notebook_is_refused(place):
    number_app(place.notebook)
    second = number_app(place.root / "second.ipynb", 2)
    place.trust(place.notebook, second)
    place.server.start()
    assert place.output() == 1
    refused = place.shell("serve", second, code=6)
    assert str(place.notebook) in refused.stderr
    assert place.output() == 1
    place.shell("serve", "--replace", second)
    assert place.output() == 2


def test_serve_without_a_server_starts_one(place):
    number_app(place.notebook)
    refused = place.shell("serve", place.notebook, code=7)
    assert "jupyter chariots trust" in refused.stderr
    place.trust()
    port = free_port()
    command = ["jupyter", "chariots", "serve", str(place.notebook), "--", "--allow-root"]
    command += [f"--ServerApp.port={port}", "--ServerApp.port_retries=0"]
    command += [f"--IdentityProvider.token={place.server.token}"]
    with open(place.root / "out", "wb") as out, open(place.root / "err", "wb") as err:
        process = subprocess.Popen(
            command, cwd=place.root, env=place.env, stdout=out, stderr=err, start_new_session=True
        )
    try:
        # two Pythons, a whole Jupyter server and the cells, one after the other
        said = wait_for(
            lambda: "curl" in (place.root / "out").read_text() or process.poll(), "it", 150
        )
        assert said is True, (place.root / "err").read_text()
        shown = (place.root / "out").read_text()
        assert "Pipeline 'answer' is served" in shown
        assert f":{port}/chariots/pipelines/answer/main" in shown
        curl = next(line for line in shown.splitlines() if line.startswith("curl"))
        env = {**place.env, "JUPYTER_TOKEN": place.server.token}
        done = subprocess.run(["bash", "-c", curl], env=env, capture_output=True, text=True)
        assert json.loads(done.stdout)["pipeline_output"] == 1
        assert place.shell("call", "answer").stdout == "1\n"
        process.terminate()
        assert process.wait(60) == 0
    finally:
        process.kill()
        process.wait()


def test_serve_fails_where_a_server_cannot_start(place):
    number_app(place.notebook)
    place.trust()
    done = place.shell("serve", place.notebook, "--", "--ServerApp.port=no-number", code=1)
    assert "The server ended with exit code" in done.stderr


NO_APPS = {
    "": "is no notebook that can be read",
    '{"cells": [], "metadata": {}, "nbformat": 4, "nbformat_minor": 5}': "is tagged",
    None: "There is no notebook",
}


def test_a_file_that_is_no_app_is_named(place):
    paths = [place.add(f"{number}.ipynb") for number in range(len(NO_APPS))]
    place.root.mkdir(exist_ok=True)
    for path, text in zip(paths, NO_APPS, strict=True):
        if text is not None:
            path.write_text(text)
    place.server.start()
    for path, said in zip(paths, NO_APPS.values(), strict=True):
        assert said in place.failure(path)["message"]
        code = 2 if path.exists() else 4
        assert said in place.shell("trust", path, code=code).stderr
        assert said in place.shell("serve", path, code=code).stderr
