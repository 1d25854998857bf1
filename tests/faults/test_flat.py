"""Memory and descriptors after many calls: of the server, the replica and the guard."""

from __future__ import annotations

import json
import socket
import threading

from ..live import wait_for
from .lab import descriptors, memory

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


def test_many_calls_cost_nothing_that_stays(lab, long, told, noted):
    first, calls = (20_000, 100_000) if long else (2000, 3000)
    lab.served()
    (replica,) = lab.children()[:1]
    processes = {"server": lab.server.pid, "replica": replica, "guard": lab.guard()}
    told("calls answered before", first, call(lab, first))
    opened = {name: descriptors([pid]) for name, pid in processes.items()}
    before = {name: memory(pid) for name, pid in processes.items()}
    told("calls answered", calls, call(lab, calls))
    for name, pid in processes.items():
        wait_for(
            lambda pid=pid, name=name: descriptors([pid]) <= opened[name],
            "connections to be closed",
        )
        noted(f"descriptors of the {name}", f"{opened[name]} before, {descriptors([pid])} after")
        after = memory(pid)
        noted(f"MiB of the {name}", f"{before[name]:.1f} before, {after:.1f} after")
        assert after - before[name] < FLAT_MIB, name
    assert replica in lab.children()
