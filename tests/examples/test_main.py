"""``make run``: what it prints works as it stands, and Ctrl-C ends all of it."""

from __future__ import annotations

import json
import re
import shutil
import signal
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from jupyter_server.auth import passwd

from tests.live import REPOSITORY, clean_environment, free_port, wait_for

PASSWORD = passwd("secret", "sha256")


@contextmanager
def running(folder: Path, *arguments: str) -> Iterator[str]:
    """What it has printed when it serves; afterwards it is ended as Ctrl-C does."""
    shutil.copytree(REPOSITORY / "notebooks", folder / "root", ignore=lambda *_: [".chariots"])
    command = [sys.executable, "-m", "jupyter_chariots.examples", "root", "--no-browser"]
    command += ["--allow-root", "--ServerApp.jpserver_extensions={'jupyter_chariots': True}"]
    command += [f"--ServerApp.port={free_port()}", "--ServerApp.port_retries=0"]
    log = folder / "printed"
    with log.open("wb") as printed:
        process = subprocess.Popen(
            [*command, *arguments],
            cwd=folder,
            env=clean_environment(folder / "home"),
            stdin=subprocess.DEVNULL,
            stdout=printed,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    try:

        def served() -> bool:
            assert process.poll() is None, log.read_text()
            return "Or open iris.ipynb" in log.read_text()

        wait_for(served, "the lines to paste")
        yield log.read_text()
        process.send_signal(signal.SIGINT)  # once: there is no terminal to ask "Shut down?"
        assert process.wait(60) == 0
    finally:
        process.kill()
        process.wait()


def pasted(printed: str) -> list[dict[str, object]]:
    """The answers to the lines, run as they were printed."""
    commands = re.findall(r"^ *(curl .*?[^\\])$", printed, re.MULTILINE | re.DOTALL)
    answers = []
    for command in commands:
        done = subprocess.run(
            ["bash", "-c", command], capture_output=True, check=False, timeout=120
        )
        assert done.returncode == 0, done.stderr
        answers.append(json.loads(done.stdout))
    return answers


@pytest.mark.skipif(shutil.which("curl") is None, reason="needs curl")
@pytest.mark.parametrize(
    "arguments",
    [
        ["--IdentityProvider.token=abc"],
        [],
        [f"--PasswordIdentityProvider.hashed_password={PASSWORD}"],
        ["--IdentityProvider.token=", "--ServerApp.base_url=/base/"],
    ],
    ids=["a token", "a random token", "a password", "no protection"],
)
def test_the_lines_work_as_they_stand(tmp_path: Path, arguments: list[str]) -> None:
    with running(tmp_path, *arguments) as printed:
        trained, saved, loaded, predicted = pasted(printed)
        assert trained["job_status"] == "done"
        assert saved == {}
        assert loaded == {}
        assert predicted["pipeline_output"] == [0]
        (address,) = re.findall(r"in JupyterLab: (\S+)", printed)
        with urllib.request.urlopen(address, timeout=60) as page:
            assert page.status == 200
