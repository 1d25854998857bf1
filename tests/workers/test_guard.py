"""No process outlives the server by more than a few seconds, however it ended."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from jupyter_chariots.errors import Unavailable
from jupyter_chariots.workers.guard_process import GuardProcess

from ..live import wait_for
from ..processes import Process, descendants

SERVER = """
import asyncio, os, sys, time
from pathlib import Path
from jupyter_chariots.workers.guard_process import GuardProcess
from jupyter_chariots.workers.launcher import Launcher

class Told(GuardProcess):
    def _start(self):
        super()._start()
        print(self.pid, flush=True)  # it will know all children, whatever comes now

async def main(folder, *modules):
    guard = Told()
    launcher = Launcher(folder / "op_store.db", folder, folder / "logs", guard=guard)
    children = [await launcher.start(module) for module in modules]
    print([child.pid for child in children], flush=True)
    requests = [{"do": "describe", "module": module} for module in modules]
    asked = [child.request(request) for child, request in zip(children, requests)]
    if "FORKS" in os.environ:
        os.fork() or time.sleep(1000)
    await asyncio.gather(*asked, return_exceptions=True)
    await asyncio.sleep(1000)

asyncio.run(main(Path(sys.argv[1]), *sys.argv[2:]))
"""

DONE = "\nfrom pathlib import Path\nPath(f'{__name__}.seen').touch()\n"
BUSY = {
    "a loop": f"{DONE}while True: pass",
    "C code that holds the interpreter": f"import itertools{DONE}sum(itertools.repeat(0))",
    "loky": f"""
from joblib import Parallel, delayed
import time
{DONE}
Parallel(2, backend="loky")(delayed(time.sleep)(1000) for _ in range(2))
""",
    "multiprocessing": f"""
import multiprocessing, time
from multiprocessing import shared_memory
context = multiprocessing.get_context("spawn")
kept = shared_memory.SharedMemory(create=True, size=100)
context.Process(target=time.sleep, args=[1000]).start()
multiprocessing.get_context("fork").Process(target=time.sleep, args=[1000]).start()
open("shared", "w").write(kept.name)
{DONE}
time.sleep(1000)
""",
    "a session of its own": f"""
import subprocess, sys, time
code = "import signal, time; signal.signal(15, signal.SIG_IGN); print(flush=True); time.sleep(1000)"
for env in (None, {{}}):
    left = subprocess.Popen(
        [sys.executable, "-c", code], env=env, start_new_session=True, stdout=subprocess.PIPE
    )
    left.stdout.readline()
{DONE}
time.sleep(1000)
""",
}
MORE = {"loky": 3, "multiprocessing": 3, "a session of its own": 2}


class Server:
    """A process that runs children which are busy with user code."""

    def __init__(self, workshop, *modules):
        self.process = subprocess.Popen(
            [sys.executable, "-c", SERVER, str(workshop.folder), *modules],
            stdout=subprocess.PIPE,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
        )
        self.guard, self.children = self.new_guard(), self.hear()
        for module in modules:
            wait_for((workshop.folder / f"{module}.seen").exists, module)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        left = self.descendants
        with self.process:
            self.process.kill()
        for process in left:
            if process.alive:
                os.kill(process.pid, signal.SIGKILL)

    def hear(self):
        assert self.process.stdout
        return json.loads(self.process.stdout.readline())

    def new_guard(self):
        """The process id of the guard that was started, when it is ready."""
        guard = self.hear()
        wait_for(lambda: ignores(guard, signal.SIGHUP), "the guard")
        return guard

    @property
    def descendants(self) -> set[Process]:
        return descendants(self.process.pid)

    def tracker(self):
        """Whether the resource tracker of a child is ready."""
        found = [found.pid for found in self.descendants if "resource_tracker" in found.command]
        return any(ignores(pid, signal.SIGTERM) for pid in found)

    def guards(self) -> list[int]:
        """Process ids of guards that run."""
        return [found.pid for found in self.descendants if "workers.guard" in found.command]


def none_left(processes):
    """Wait until none of the processes is left; it takes 2 s more than a busy machine makes it."""
    wait_for(lambda: not any(found.alive for found in processes), "all to end", 20.0)


def ignores(pid, number):
    """Whether a process ignores this signal."""
    (mask,) = re.findall(r"SigIgn:\s*(\w+)", Path(f"/proc/{pid}/status").read_text())
    return int(mask, 16) >> (number - 1) & 1


@pytest.mark.parametrize("busy", BUSY)
@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_nothing_outlives_a_server_that_ends(workshop, busy, number):
    module = workshop.module(BUSY[busy])
    with Server(workshop, module) as server:
        wait_for(lambda: len(server.descendants) >= 2 + MORE.get(busy, 0), "all processes")
        processes = server.descendants
        server.process.send_signal(number)
        none_left(processes)


def test_shared_memory_of_the_children_is_given_back(workshop):
    with Server(workshop, workshop.module(BUSY["multiprocessing"])) as server:
        shared = Path("/dev/shm", (workshop.folder / "shared").read_text())
        assert shared.exists()
        wait_for(server.tracker, "who gives it back")
        processes = server.descendants
        server.process.kill()
        none_left(processes)
    assert not shared.exists()


def test_another_guard_takes_the_place_of_one_that_was_killed(workshop):
    modules = [workshop.module(BUSY[busy]) for busy in ("a loop", "a session of its own")]
    with Server(workshop, *modules) as server:
        for _ in range(2):
            os.kill(server.guard, signal.SIGKILL)
            server.guard = server.new_guard()
            assert server.guards() == [server.guard]
        processes = server.descendants
        assert {*server.children, server.guard} < {found.pid for found in processes}
        server.process.kill()
        none_left(processes)


def test_a_guard_survives_what_a_terminal_or_a_shutdown_sends(workshop):
    with Server(workshop, workshop.module(BUSY["a loop"])) as server:
        processes = server.descendants
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            os.kill(server.guard, number)
        assert server.guards() == [server.guard]
        server.process.kill()
        none_left(processes)


def test_without_guard_and_server_children_end_by_themselves(workshop):
    with Server(workshop, workshop.module(BUSY["a loop"])) as server:
        processes = server.descendants
        for pid in (server.process.pid, server.guard):
            os.kill(pid, signal.SIGSTOP)  # so that neither does anything about the other
        for pid in (server.guard, server.process.pid):
            os.kill(pid, signal.SIGKILL)
        none_left(processes)


def test_a_process_forked_from_the_server_does_not_hide_its_end(workshop, monkeypatch):
    """It holds the server's end of every socket."""
    monkeypatch.setenv("FORKS", "1")
    with Server(workshop, workshop.module(BUSY["a loop"])) as server:
        ours = {server.guard, *server.children}
        wait_for(lambda: len(server.descendants) > len(ours), "the forked one")
        processes = server.descendants
        server.process.kill()
        none_left({found for found in processes if found.pid in ours})
        for found in processes:
            if found.alive:
                os.kill(found.pid, signal.SIGKILL)


def test_the_guard_is_light():
    code = "import jupyter_chariots.workers.guard, sys; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-S", "-c", code], capture_output=True, text=True,
                          env={"PYTHONPATH": os.pathsep.join(sys.path)}, check=True)  # fmt: skip
    heavy = {"asyncio", "json", "socket", "subprocess", "sqlite3", "threading", "numpy"}
    assert not heavy & set(done.stdout.split())


def test_a_guard_that_was_closed_takes_no_more_children():
    guard = GuardProcess()
    guard.close()
    with pytest.raises(Unavailable):
        guard.watch(1, "marker")
    assert guard.pid is None
