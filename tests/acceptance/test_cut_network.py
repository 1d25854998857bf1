"""Workers on a host of their own, whose network is cut while they run a job."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ..live import LiveServer, wait_for
from ..networks import Host, another_host
from ..remote import Worker, ended, job
from .test_remote_workers import MODULES, REMOTE, Gated, saved


@pytest.fixture
def host() -> Iterator[Host]:
    with another_host() as made:
        yield made


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveServer]:
    folder = tmp_path_factory.mktemp("cut")
    options: dict[str, Any] = {"app_pipelines": MODULES, "arguments": REMOTE, "ip": "0.0.0.0"}
    remote = "--ServerApp.allow_remote_access=True"
    options["arguments"] = [*REMOTE, remote]
    with LiveServer(folder / "root", folder / "home", **options) as live:
        yield live


def far(server: LiveServer, host: Host, folder: Path, *arguments: str) -> Worker:
    url = f"http://{host.here}:{server.port}/"
    return Worker(server, folder, *arguments, url=url, prefix=host.prefix)


def for_seconds(seconds: float) -> None:
    since = time.monotonic()
    wait_for(lambda: time.monotonic() - since >= seconds, "that time", seconds + 5)


def test_a_network_cut_for_thirty_seconds_costs_nothing(server, host, tmp_path):
    gated = Gated(server, tmp_path)
    before = len(saved(server, "far"))
    with far(server, host, tmp_path / "far") as worker:
        one = gated.submit()
        gated.wait_for_start()
        with host.cut_off():
            gated.let_go()  # it ends while nobody hears of it
            for_seconds(30)
            assert job(server, one)["status"] == "running"
        done = ended(server, one)
        assert "not reached" in worker.said
    assert (done["status"], done["attempts"], len(gated.started())) == ("done", 1, 1)
    assert len(saved(server, "far")) == before + 1


def test_who_is_cut_off_for_longer_than_its_lease_loses_the_job(server, host, tmp_path):
    gated = Gated(server, tmp_path)
    with far(server, host, tmp_path / "far", "--lease", "2") as first:
        one = gated.submit()
        gated.wait_for_start()
        with host.cut_off():
            with Worker(server, tmp_path / "near"):
                gated.wait_for_start(2)
                gated.let_go()
                done = ended(server, one)
            count = len(saved(server, "far"))
        wait_for(lambda: "taken by another" in first.said or "given up" in first.said, "its end")
    assert (done["status"], done["worker"], done["attempts"]) == ("done", "near", 2)
    assert len(saved(server, "far")) == count
