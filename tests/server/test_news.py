"""What happens is told: by events, by the snapshot, and to other servers on the same store."""

from __future__ import annotations

import asyncio
import json
import time
from functools import partial

import pytest

from ..live import wait_for
from .conftest import SAMPLES
from .test_pipelines import main, post, train_and_load

WAIT = 40
"""Seconds that a request waits for news; that there are some, it learns long before."""
PREFIX = "https://jupyter-chariots.readthedocs.io/events/"


class Heard:
    """Collects the events of a server, as the events service does."""

    def __init__(self, logger):
        self.events = []
        for kind in ["served", "saved", "loaded", "state"]:
            logger.add_listener(schema_id=f"{PREFIX}{kind}/v1", listener=self._hear)

    async def _hear(self, logger, schema_id, data):
        self.events.append((schema_id.split("/")[-2], data))

    async def until(self, kind, pipeline, **more):
        wanted = {"pipeline": pipeline, **more}
        end = time.monotonic() + 60
        while time.monotonic() < end:
            for heard, data in self.events:
                if heard == kind and wanted.items() <= data.items() and "state_seq" not in data:
                    return data
            await asyncio.sleep(0.01)
        raise AssertionError(f"no {kind} of {pipeline} in {self.events}")


@pytest.fixture
def heard(jp_serverapp):
    return Heard(jp_serverapp.event_logger)


async def test_everything_in_the_store_is_an_event_with_its_number(heard, fetch):
    served = await heard.until("served", "learn")
    await train_and_load(fetch)
    ran = await heard.until("state", "learn")
    saved = await heard.until("saved", "learn")
    loaded = await heard.until("loaded", "apply", ref="load")
    assert served["seq"] < ran["seq"] < saved["seq"] < loaded["seq"]
    numbers = [data["seq"] for kind, data in heard.events if "state_seq" not in data]
    assert numbers == sorted(numbers)
    assert len(set(numbers)) == len(numbers)
    known = {"seq", "state_seq", "pipeline", "ref", "state"}
    assert all(set(data) <= known for _, data in heard.events)


async def test_the_state_of_the_processes_is_an_event(heard, fetch):
    await main(fetch, "doubled", 1)
    await asyncio.sleep(0)
    states = [d["state"] for k, d in heard.events if d.get("pipeline") == "doubled" if "state" in d]
    assert states[-2:] == ["starting", "ready"]


async def test_events_reach_a_browser(fetch, jp_ws_fetch):
    socket = await jp_ws_fetch("api", "events", "subscribe")
    await main(fetch, "learn", [1, 2, 3])
    await post(fetch, "learn", "save")
    while True:
        message = json.loads(await asyncio.wait_for(socket.read_message(), 60))
        if message["schema_id"] == f"{PREFIX}saved/v1":
            break
    assert message["pipeline"] == "learn"
    socket.close()
    while await socket.read_message() is not None:
        pass  # until the other side has closed it, too


async def test_the_snapshot_shows_all_and_its_number_rises(fetch):
    first = (await fetch("GET", "snapshot")).body
    while first["starting"]:
        first = (await fetch("GET", "snapshot")).body
    assert first["protocol"] == 1
    assert first["server"]["release"]
    await train_and_load(fetch)
    second = (await fetch("GET", "snapshot")).body
    while second["seq"] < first["seq"] + 3:
        second = (await fetch("GET", "snapshot")).body
    shown = {entry["name"]: entry for entry in second["pipelines"]}
    assert shown["apply"]["state"] == "ready"
    assert shown["apply"]["current"] == shown["learn"]["current"]
    assert shown["learn"]["unsaved"] is None
    assert second["state_seq"] > first["state_seq"]


async def test_a_long_poll_ends_with_the_news(fetch):
    await fetch("GET", "health_check")
    now = (await fetch("GET", "snapshot")).body
    since = {"since": now["seq"], "state_since": now["state_seq"], "wait": WAIT}
    waiting = asyncio.ensure_future(fetch("GET", "snapshot", query=since))
    await asyncio.sleep(0)
    began = time.monotonic()
    await main(fetch, "learn", [1, 2, 3])
    seen = (await waiting).body
    assert time.monotonic() - began < WAIT
    assert (seen["seq"], seen["state_seq"]) != (now["seq"], now["state_seq"])


async def test_a_long_poll_of_an_old_number_is_answered_at_once(fetch):
    await main(fetch, "learn", [1, 2, 3])
    began = time.monotonic()
    assert (await fetch("GET", "snapshot", query={"since": 0, "wait": WAIT})).body["seq"] > 0
    assert time.monotonic() - began < WAIT


async def test_a_long_poll_without_news_ends_in_time(fetch):
    await fetch("GET", "health_check")
    now = (await fetch("GET", "snapshot")).body
    query = {"since": now["seq"] + 100, "wait": 1}
    assert (await fetch("GET", "snapshot", query=query)).status == 200


def is_answered(server, body, expected):
    return server.post("pipelines/apply/main", body).body == expected


@pytest.mark.parametrize("kill", [False, True])
def test_two_servers_on_one_store_serve_the_same(live_server, tmp_path, kill):
    root = tmp_path / "root"
    # one user has one key, hence one home
    one = live_server(name="one", root=root, app_pipelines=[SAMPLES])
    two = live_server(
        name="two",
        root=root,
        app_pipelines=[SAMPLES],
        environment={"JUPYTER_DATA_DIR": one.environment["JUPYTER_DATA_DIR"]},
    )
    body = {"pipeline_input": [4]}
    for numbers in ([1, 2, 3], [5, 6, 10]):
        assert one.post("pipelines/learn/main", {"pipeline_input": numbers}).status == 200
        assert two.post("pipelines/learn/save").status == 200
        assert one.post("pipelines/apply/load").status == 200
        served = one.post("pipelines/apply/main", body).body
        news = partial(is_answered, two, body, served)
        wait_for(news, "the news to reach the other one")
    if kill:
        one.restart(kill=True)
        assert one.post("pipelines/apply/main", body).body == served
