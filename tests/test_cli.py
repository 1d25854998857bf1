"""`jupyter chariots …` in a real shell, against a real server."""

from __future__ import annotations

import contextlib
import json
import os
import re
import signal
import subprocess
import sys

import pytest

from jupyter_chariots import OpStore, errors
from jupyter_chariots.cli.commands import COMMANDS
from jupyter_chariots.cli.run import EXIT_CODES, exit_code

from .app_notebooks import jupyter_chariots, number_app, with_script
from .live import REPOSITORY, LiveServer, wait_for

GUIDE = (REPOSITORY / "docs" / "shell.md").read_text(encoding="utf-8")
ROW = "[[5.1, 3.5, 1.4, 0.2]]"


class Shell:
    """A shell in a folder of a server."""

    def __init__(self, server, folder, tmp_path):
        self.server, self.folder = server, folder
        self.env = with_script(tmp_path, server.environment)

    def __call__(self, *arguments, code=0, text=None, **env):
        return jupyter_chariots(
            *arguments, env={**self.env, **env}, cwd=self.folder, code=code, text=text
        )

    def json(self, *arguments, **options):
        return json.loads(self(*arguments, "--json", **options).stdout)


@pytest.fixture(scope="module")
def shell(iris_server, tmp_path_factory):
    return Shell(iris_server, iris_server.root, tmp_path_factory.mktemp("shell"))


@pytest.fixture
def own(live_server, tmp_path):
    """A server of one's own, with the iris pipelines trained, saved and loaded."""
    server = live_server(app_pipelines=["jupyter_chariots.examples.iris"])
    shell = Shell(server, server.root, tmp_path)
    shell("call", "train_iris")
    shell("save", "train_iris")
    return shell


def test_the_story_of_iris(own):
    refused = own("load", "pred_iris", "pcaop=9.9.9", code=4)
    assert "9.9.9" in refused.stderr
    assert own("load", "pred_iris").stdout == "pred_iris serves pcaop 1.0.0, logisticop 1.0.0\n"
    assert own("call", "pred_iris", "--input", ROW).stdout == "[0]\n"
    own("call", "train_pca", "-i", "1")
    assert "train_pca is saved: pcaop 2.0.0" in own("save", "train_pca").stdout
    refused = own("load", "pred_iris", code=5)
    assert refused.stderr.startswith("error: Pipeline 'pred_iris' cannot be loaded")
    assert 'client.call_pipeline("train_iris")' in refused.stderr
    assert "Traceback" not in refused.stderr
    assert own("load", "pred_iris", "logisticop=1.0.0").returncode == 0

    lines = own("history", "pcaop").stdout.splitlines()
    assert [line.split()[0] for line in lines] == ["number", "2.0.0", "1.0.0"]
    assert [row["number"] for row in own.json("history", "pcaop")] == ["2.0.0", "1.0.0"]
    assert len(own.json("history", "pcaop", "--limit", "1")) == 1
    assert own("diff", "pcaop", "1.0.0", "2.0.0").stdout.startswith("pcaop: the major")
    assert "state" in own.json("diff", "pcaop", "1.0.0", "2.0.0")
    assert own("diff", "pcaop", "1.0.0", "1.0.0").stdout == "pcaop: no difference\n"
    nodes = own.json("versions", "train_iris")
    assert nodes["pcaop"]["version"].count(".") == 3
    assert "pcaop" in own("versions", "train_iris").stdout


def test_list(own):
    shown = own("list").stdout
    (pred,) = re.findall(r"^pred_iris .*$", shown, re.MULTILINE)
    assert pred.split()[1] == "no"
    assert "\npred_iris:\n  " in shown
    assert "\npred_iris:" not in own("load", "pred_iris").stdout
    shown = own("list").stdout
    assert "pcaop 1.0.0, logisticop 1.0.0" in shown
    listed = own.json("list")
    assert [one["name"] for one in listed["pipelines"]] == ["pred_iris", "train_iris", "train_pca"]
    assert listed["failures"] == []


def test_inputs(own, tmp_path):
    own("load", "pred_iris")
    file = tmp_path / "row.json"
    file.write_text(ROW)
    for options in (["-i", ROW], ["--input", f"@{file}"], ["-i", "-"]):
        answer = own.json("call", "pred_iris", *options, text=ROW)
        assert answer["pipeline_output"] == [0]
        assert set(answer["versions"]) == {"pcaop", "logisticop"}
    refused = own("call", "pred_iris", "-i", "[1,", code=2)
    assert "The input is not JSON" in refused.stderr
    own("call", "pred_iris", "-i", "@nowhere.json", code=4)
    own("call", "pred_iris", "-i", f"@{tmp_path}", code=2)
    own("call", "pred_iris", "-i", '"text"', code=1)
    big = json.dumps([[5.1, 3.5, 1.4, 0.2]] * 50_000)
    assert len(own.json("call", "pred_iris", "-i", "-", text=big)["pipeline_output"]) == 50_000


def test_errors_have_codes_and_no_traceback(shell, tmp_path):
    refused = shell("call", "pred_irs", code=4)
    assert refused.stderr == "error: There is no pipeline 'pred_irs'.\nDid you mean 'pred_iris'?\n"
    assert refused.stdout == ""
    refused = shell("call", "pred_irs", "--json", code=4)
    assert json.loads(refused.stderr)["code"] == "pipeline_not_found"
    assert refused.stdout == ""
    shell("history", "nothing", code=4)
    shell("load", "pred_iris", "pcaop", code=2)
    shell("nonsense", code=2)
    shell("call", code=2)
    shell(code=2)
    failed = shell("call", "train_pca", "-i", '"x"', code=1)
    assert failed.stderr.startswith("error: ")
    assert "Traceback" not in failed.stderr
    failed = shell("call", "train_pca", "-i", '"x"', "--traceback", code=1)
    assert "Traceback (most recent call last)" in failed.stderr


def test_which_server(shell, tmp_path):
    nowhere = Shell(shell.server, tmp_path, tmp_path)
    refused = nowhere("list", code=3)
    assert "CHARIOTS_URL" in refused.stderr
    url, token = shell.server.url, shell.server.token
    assert "pred_iris" in nowhere("list", CHARIOTS_URL=url, CHARIOTS_TOKEN=token).stdout
    nowhere("list", code=3, CHARIOTS_URL=url, CHARIOTS_TOKEN="wrong")
    nowhere("list", code=3, CHARIOTS_URL="http://127.0.0.1:9/")
    app = number_app(tmp_path / "app.ipynb")
    nowhere("trust", app)
    nowhere("serve", app, code=3, CHARIOTS_URL="http://127.0.0.1:9/")  # none is started then


def test_whoever_reads_may_stop(shell):
    script = f"{sys.executable} -m jupyter_chariots.cli list --json | head -c 1"
    done = subprocess.run(
        ["bash", "-o", "pipefail", "-c", script],
        cwd=shell.folder,
        env=shell.env,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.stderr == ""


def test_trust_and_gc_of_a_store(shell, tmp_path):
    folder = tmp_path / "project"
    folder.mkdir()
    inside = Shell(shell.server, folder, tmp_path)
    for path in (folder, folder / "nothing.db"):
        assert "no op store" in inside("trust", path, code=4).stderr
    inside("gc", code=4)
    assert list(folder.iterdir()) == []  # looking makes none
    with OpStore(folder / ".chariots" / "op_store.db", secret=b"s" * 32):
        pass
    for path in (".", ".chariots", ".chariots/op_store.db"):
        assert inside.json("trust", path)[0]["signed"] == 0
    assert inside("gc").stdout.startswith(f"Removed from {folder}/.chariots/op_store.db: 0 runs")
    assert inside.json("gc", ".chariots", "--keep", "1")["versions"] == 0
    inside("gc", "--keep", "0", code=2)


def test_a_store_of_another_user_is_served_once_it_is_trusted(own, tmp_path):
    own("load", "pred_iris")
    data = own.server.environment["JUPYTER_DATA_DIR"]
    (tmp_path / "server" / "home" / "jupyter" / "data_dir" / "chariots_secret").unlink()
    own.server.restart()
    refused = own("call", "pred_iris", "-i", ROW, code=7)
    assert "jupyter chariots trust" in refused.stderr
    (signed,) = own.json("trust", own.server.root)
    assert signed["signed"] >= 2
    assert data in str(own.server.runtime_dir.parent / "data_dir")
    own.server.restart()
    assert own("call", "pred_iris", "-i", ROW).stdout == "[0]\n"


@pytest.fixture(scope="module")
def jobs_shell(tmp_path_factory):
    """A shell whose server has pipelines that a test can hold up."""
    folder = tmp_path_factory.mktemp("shell_jobs")
    apps = ["tests.client.jobs_app"]
    with LiveServer(folder / "root", folder / "home", app_pipelines=apps) as server:
        yield Shell(server, server.root, folder)


def test_jobs(jobs_shell):
    shell = jobs_shell
    job, status = shell("call", "slowly", "-i", '["shut"]', "--use-worker").stdout.split()
    assert status == "queued"
    wait_for((shell.folder / "shut.there").exists, "the job to run")
    after, status = shell(
        "call", "slowly", "-i", "[]", "--use-worker", "--after", job, "--priority", "2"
    ).stdout.split()
    assert status == "deferred"
    assert [row["id"] for row in shell.json("jobs", "--limit", "2")] == [after, job]
    table = shell("jobs", "--status", "running").stdout
    assert job in table
    assert after not in table
    assert shell("logs", job).stdout == "waiting for shut\n"
    assert shell.json("logs", job)["text"] == "waiting for shut\n"
    assert "waiting for shut" in shell("logs", "slowly").stdout

    assert shell("cancel", after).stdout == f"Job {after} is cancelled.\n"
    assert shell("cancel", after).stdout == f"Job {after} had ended: cancelled.\n"
    (shell.folder / "shut").touch()
    assert shell("logs", job, "--follow").stdout == "waiting for shut\nthat was all\n"
    assert shell.json("cancel", job) == {"job_id": job, "before": "done", "status": "done"}


def test_waiting_for_a_job_in_the_shell(jobs_shell):
    shell = jobs_shell
    key = ("--idempotency-key", "once")
    for _ in range(2):
        done = shell("call", "slowly", "-i", "[]", "--use-worker", "--wait", *key)
        assert done.stdout == "0\n"
    assert shell.json("call", "slowly", "-i", "[]", "--use-worker", "--wait")["job_id"]
    failed = shell("call", "failing", "-i", '"why"', "--use-worker", "--wait", code=1)
    assert failed.stderr.startswith("error: Node 'fail'")
    assert failed.stdout == ""
    shell("jobs", "--status", "unheard", code=2)
    for command in (["cancel", "0" * 32], ["logs", "0" * 32], ["logs", "nothing"]):
        shell(*command, code=4)
    assert shell("jobs", "--pipeline", "nothing").stdout == "There are no jobs.\n"


def read_terminal(terminal, until=None):
    """What is shown there, to the end or until it has this text."""
    shown = b""
    with contextlib.suppress(OSError):  # the other end is closed
        while until is None or until not in shown:
            shown += os.read(terminal, 1 << 16)
    return shown.decode()


def test_ctrl_c_in_the_shell_leaves_the_job_alone(jobs_shell):
    shell = jobs_shell
    command = [sys.executable, "-m", "jupyter_chariots.cli", "call", "slowly", "-i", '["held"]']
    terminal, other_end = os.openpty()
    process = subprocess.Popen(
        [*command, "--use-worker", "--wait"],
        cwd=shell.folder,
        env=shell.env,
        stdout=subprocess.PIPE,
        stderr=other_end,
        text=True,
    )
    os.close(other_end)
    read_terminal(terminal, b"slowly")  # the bar: now it waits for the job
    wait_for((shell.folder / "held.there").exists, "the job to run")
    process.send_signal(signal.SIGINT)
    err = read_terminal(terminal).replace("\r\n", "\n")
    out, _ = process.communicate(timeout=60)
    os.close(terminal)
    assert process.returncode == 130
    assert out == ""
    job = re.search(r"^Job (\w+) goes on\. To end it: jupyter chariots cancel \1$", err, re.M)[1]
    assert [row["id"] for row in shell.json("jobs", "--status", "running")] == [job]
    shell("cancel", job)
    assert shell.json("jobs", "--status", "cancelled")[0]["id"] == job


def test_what_ops_print_goes_to_standard_error(jobs_shell):
    done = jobs_shell("call", "slowly", "-i", "[]")
    assert done.stdout == "0\n"
    assert done.stderr == "that was all\n"
    assert jobs_shell("call", "slowly", "-i", "[]", "--json").stderr == ""


def test_the_guide_has_every_command_and_code():
    told = re.findall(r"^\| `jupyter chariots (\w+)", GUIDE, re.MULTILINE)
    assert told == [command.name for command in COMMANDS]
    codes = {int(code): said for code, said in re.findall(r"^\| (\d+) \| (.*) \|$", GUIDE, re.M)}
    assert codes == EXIT_CODES


def test_every_error_has_a_code_that_means_something():
    def tree(cls):
        yield cls
        for below in cls.__subclasses__():
            yield from tree(below)

    codes = {cls.__name__: exit_code(cls("x")) for cls in tree(errors.ChariotsError)}
    assert set(codes.values()) <= set(EXIT_CODES)
    assert codes["NodeFailed"] == 1
    assert codes["NotLoaded"] == 5
    assert codes["SaveConflict"] == 6
    assert codes["WorkerLost"] == 8
    assert codes["InvalidInput"] == 2


def test_help_is_quick_and_light():
    code = "import sys; from jupyter_chariots.cli import main\ntry: main(['--help'])\n"
    code += "except SystemExit: pass\nprint(sorted(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    loaded = set(re.findall(r"'(\w+)'", done.stdout.splitlines()[-1]))
    heavy = {"nbformat", "sqlite3", "numpy", "traitlets", "jupyter_core", "http", "cloudpickle"}
    assert not loaded & heavy
