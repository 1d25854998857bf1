"""The handle on a child process."""

from __future__ import annotations

import asyncio
import gc
import os
import signal
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from jupyter_chariots.errors import ChariotsError, ConfigurationError, WorkerLost
from jupyter_chariots.workers.process import Child
from jupyter_chariots.workers.session import Session

from .conftest import alive, children, until


def test_a_child_leads_a_session_of_its_own(workshop, run):
    async def work():
        child = await workshop.launcher.start("train")
        assert os.getsid(child.pid) == child.pid != os.getsid(0)
        assert child.alive
        assert not child.busy
        await child.stop()
        assert not child.alive
        return child

    child = run(work())
    assert child.reason == "was stopped"
    assert not alive(child.pid)


def test_requests_are_answered_in_order(workshop, run):
    async def work():
        child = await workshop.launcher.start("train")
        answers = await asyncio.gather(
            *(child.request({"do": "check"}) for _ in range(5)),
            child.request({"do": "nonsense"}),
            return_exceptions=True,
        )
        await child.stop()
        return answers

    *good, bad = run(work())
    assert [body for _, body in good] == [b""] * 5
    assert isinstance(bad, ChariotsError)


def test_a_child_that_is_killed(workshop, run):
    async def work():
        child = await workshop.launcher.start("train")
        left = []
        child.on_exit = left.append
        os.kill(child.pid, signal.SIGSTOP)
        waiting = asyncio.ensure_future(child.request({"do": "check"}))
        await until(lambda: child.busy)
        os.kill(child.pid, signal.SIGKILL)
        with pytest.raises(WorkerLost, match=r"killed by SIGKILL .*lack of memory"):
            await waiting
        with pytest.raises(WorkerLost):
            await child.request({"do": "check"})
        await child.stop()
        assert left == [child]

    run(work())


def test_a_child_that_does_not_want_to_end_is_killed(workshop, run):
    name = workshop.module(
        "import atexit, time\natexit.register(time.sleep, 1000)\n"
        "raise ImportError('so that it is imported only')\n"
    )

    async def work():
        child = await workshop.launcher.start("train")
        with pytest.raises(ConfigurationError):
            await child.request({"do": "describe", "module": name})
        await child.stop()
        return child.pid

    assert not alive(run(work()))


def test_an_interpreter_that_does_not_exist(workshop, run):
    with pytest.raises(ConfigurationError, match="no-python"):
        run(workshop.launch(python="/no-python").start("train"))


def test_an_interpreter_that_ends_at_once(workshop, run):
    with pytest.raises(WorkerLost, match="exit code 1"):
        run(workshop.launch(env={"PYTHONPATH": ""}, python=_bare(workshop.folder)).start("train"))


def _bare(folder: Path) -> str:
    """An interpreter that does not have this package."""
    program = folder / "bare"
    program.write_text(f'#!/bin/sh\nexec "{sys.executable}" -I -c "import no_such_package"\n')
    program.chmod(0o700)
    return str(program)


SERVER = """
import asyncio, sys
from pathlib import Path
from jupyter_chariots.workers.launcher import Launcher

async def main():
    folder = Path(sys.argv[1])
    launcher = Launcher(folder / "op_store.db", cwd=folder, logs=folder / "logs")
    child = await launcher.start("train")
    print(child.pid, flush=True)
    await child.request({"do": "describe", "module": sys.argv[2]})

asyncio.run(main())
"""


@pytest.mark.parametrize(
    "user_code",
    [
        "while True: pass",
        # a process that the child has started, which holds everything that it inherits
        "import os, time\nos.fork()\n(Path.cwd() / f'forked{os.getpid()}').touch()\n"
        "while True: time.sleep(100)",
    ],
)
def test_children_do_not_outlive_a_killed_server(workshop, run, user_code):
    name = workshop.module(
        f"from pathlib import Path\n(Path.cwd() / 'imported').touch()\n{user_code}\n"
    )
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    server = subprocess.Popen(
        [sys.executable, "-c", SERVER, str(workshop.folder), name],
        env=environment,
        stdout=subprocess.PIPE,
    )
    with server:
        assert server.stdout
        pid = int(server.stdout.readline())
        run(workshop.seen("imported"))

        def forked():
            return [int(path.name[6:]) for path in workshop.folder.glob("forked*")]

        if "fork" in user_code:
            run(until(lambda: len(forked()) == 2))
        server.kill()
    run(until(lambda: not any(map(alive, [pid, *forked()]))))


def test_a_process_that_a_dead_child_left_behind_is_ended(workshop, run):
    name = workshop.module(
        "import os, time\n"
        "if os.fork() == 0:\n"
        "    open('forking', 'w').write(str(os.getpid()))\n"
        "    os.rename('forking', 'forked')  # whole when it is there\n"
        "    time.sleep(1000)\n"
        "while not os.path.exists('forked'): time.sleep(0.01)\n"
        "os._exit(7)\n"
    )

    async def work():
        child = await workshop.launcher.start("train")
        with pytest.raises(WorkerLost, match="exit code 7"):
            await child.request({"do": "describe", "module": name})
        forked = int((workshop.folder / "forked").read_text())
        await until(lambda: not alive(forked))
        await child.stop()

    run(work())


def test_a_log_that_cannot_be_opened_is_named(workshop, run):
    workshop.launcher.logs.touch()
    with pytest.raises(ConfigurationError, match=r"train\.log|logs"):
        run(workshop.launcher.start("train"))


def test_a_start_that_is_cancelled_before_its_turn_leaves_nothing_open(tmp_path, run):
    async def work():
        loop = asyncio.get_running_loop()
        loop.set_default_executor(ThreadPoolExecutor(1))
        turn = threading.Event()
        loop.run_in_executor(None, turn.wait)
        options = {"python": sys.executable, "cwd": tmp_path, "log": tmp_path / "log"}
        starting = asyncio.ensure_future(Child.start(**options, label="late"))
        await asyncio.sleep(0)
        starting.cancel()
        await asyncio.wait([starting])
        turn.set()

    run(work())
    gc.collect()  # an open socket would be told now


def test_a_start_that_is_cancelled_leaves_no_process(tmp_path, run, monkeypatch):
    begun, cancelled = threading.Event(), threading.Event()

    class Slow(Session):
        def __init__(self, *arguments, **options):
            super().__init__(*arguments, **options)
            begun.set()
            cancelled.wait()

    monkeypatch.setattr("jupyter_chariots.workers.process.Session", Slow)

    async def work():
        others = children()
        options = {"python": sys.executable, "cwd": tmp_path, "log": tmp_path / "log"}
        starting = asyncio.ensure_future(Child.start(**options, label="late"))
        await until(begun.is_set)
        assert children() - others
        starting.cancel()
        asyncio.get_running_loop().call_soon(cancelled.set)
        with pytest.raises(asyncio.CancelledError):
            await starting
        assert not children() - others

    run(work())
