"""Memory and descriptors after many calls, jobs and loads: of server, replica and guard."""

from __future__ import annotations

import json
import socket
import threading

import pytest

from ..live import wait_for
from .lab import audit, descriptors, memory

FLAT_MIB = 4.0


def call(lab, calls, threads=8):
    """So many calls on kept connections; gives how many were answered with 200."""
    body = json.dumps({"pipeline_input": [0, 1]}).encode()
    head = (
        f"POST /chariots/pipelines/use/main HTTP/1.1\r\nHost: 127.0.0.1:{lab.server.port}\r\n"
        f"Authorization: token {lab.server.token}\r\nContent-Type: application/json\r\n"
        f"Content-Length: {len(body)}\r\n\r\n"
    )
    request, good = head.encode() + body, [0] * threads

    def work(number):
        with socket.create_connection(("127.0.0.1", lab.server.port), timeout=60) as connection:
            with connection.makefile("rb") as answers:
                for _ in range(calls // threads):
                    connection.sendall(request)
                    status = answers.readline()
                    size = 0
                    while (line := answers.readline()) != b"\r\n":
                        if line.lower().startswith(b"content-length:"):
                            size = int(line.split(b":")[1])
                    answers.read(size)
                    good[number] += status.split()[1] == b"200"

    workers = [threading.Thread(target=work, args=[number]) for number in range(threads)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    return sum(good)


class Flat:
    """What processes have now, to be compared with what they have later."""

    def __init__(self, **pids):
        self.pids = pids
        self.opened = {name: descriptors([pid]) for name, pid in pids.items()}
        self.used = {name: memory(pid) for name, pid in pids.items()}

    def check(self, noted, most=FLAT_MIB):
        """Fail if there are more descriptors, or more memory than chance explains."""
        for name, pid in self.pids.items():
            opened, used = self.opened[name], self.used[name]
            wait_for(lambda p=pid, n=opened: descriptors([p]) <= n, f"descriptors of the {name}")
            noted(f"descriptors of the {name}", f"{opened} before, {descriptors([pid])} after")
            after = memory(pid)
            noted(f"MiB of the {name}", f"{used:.1f} before, {after:.1f} after")
            assert after - used < most, name


def test_many_calls_cost_nothing_that_stays(lab, long, told, noted):
    first, calls = (20_000, 100_000) if long else (2000, 3000)
    lab.served()
    (replica,) = lab.children()[:1]
    told("calls answered before", first, call(lab, first))
    flat = Flat(server=lab.server.pid, replica=replica, guard=lab.guard())
    told("calls answered", calls, call(lab, calls))
    flat.check(noted)
    assert replica in lab.children()


def run_jobs(lab, number):
    """Submit so many, and wait for their end; gives how many are done."""
    body = {"pipeline_input": [0, 1], "use_worker": True}
    jobs = {lab.ask("pipelines/use/main", body)["job_id"] for _ in range(number)}
    wait_for(lambda: not lab.rows("SELECT 1 FROM jobs WHERE ended IS NULL"), "all", 240.0)
    return len(jobs & {job for (job,) in lab.rows("SELECT id FROM jobs WHERE status = 'done'")})


@pytest.mark.long
def test_many_jobs_cost_nothing_that_stays(lab, told, noted):
    told("jobs done before", 1500, run_jobs(lab, 1500))  # the last 1000 are remembered
    flat = Flat(server=lab.server.pid, guard=lab.guard())
    told("jobs done", 3000, run_jobs(lab, 3000))
    flat.check(noted)
    audit(lab, told)


@pytest.mark.long
def test_many_trainings_and_loads_cost_nothing_that_stays(lab, told, noted):
    def train(times):
        for _ in range(times):
            lab.train()
            assert lab.ask("pipelines/use/load") == {}
            assert lab.served() == lab.k
        wait_for(lambda: len(lab.children()) <= children, "the end of old replicas")

    children = len(lab.children()) + 1
    train(200)
    flat = Flat(server=lab.server.pid, guard=lab.guard())
    train(50)
    # what fills first and goes up and down then: docs/faults.md
    flat.check(noted, 0.2 * 50)
    noted("children", len(lab.children()))
    audit(lab, told)
