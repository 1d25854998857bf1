"""What is told of jobs, and that they keep a server from being ended as idle."""

from __future__ import annotations

import asyncio
import json

import pytest

from .jobs import pids

PREFIX = "https://jupyter-chariots.readthedocs.io/events/"


@pytest.fixture
def app_pipelines():
    return ["tests.server.job_samples"]


@pytest.fixture
def heard(jp_serverapp):
    events = []

    async def hear(logger, schema_id, data):
        events.append((schema_id.split("/")[-2], data))

    for kind in ("job", "progress"):
        jp_serverapp.event_logger.add_listener(schema_id=f"{PREFIX}{kind}/v1", listener=hear)
    return events


async def until(condition):
    while not (found := condition()):
        await asyncio.sleep(0.01)
    return found


async def stored(extension, job_id):
    return await extension.manager.store(lambda store: store.job(job_id))


async def test_each_step_of_a_job_is_an_event(heard, fetch, tmp_path):
    go = tmp_path / "go"
    body = {"pipeline_input": {"until": str(go)}, "use_worker": True}
    job_id = (await fetch("POST", "pipelines/do/main", body)).body["job_id"]

    def statuses():
        return [data["status"] for kind, data in heard if data.get("id") == job_id]

    await asyncio.wait_for(until(lambda: "running" in statuses()), 60)
    go.touch()
    await asyncio.wait_for(until(lambda: "done" in statuses()), 60)
    # how far it is may have been told as well, if it took its time
    steps = [data for kind, data in heard if kind == "job"]
    assert all(set(data) == {"seq", "pipeline", "id", "status"} for data in steps)
    numbers = [data["seq"] for data in steps]
    assert numbers == sorted(set(numbers))


async def test_progress_is_told_ten_times_a_second_at_most(heard, fetch, extension, tmp_path):
    began, go = tmp_path / "began", tmp_path / "go"
    body = {"pipeline_input": {"began": str(began), "until": str(go)}, "use_worker": True}
    job_id = (await fetch("POST", "pipelines/do/main", body)).body["job_id"]
    await asyncio.wait_for(until(lambda: pids(began)), 60)

    def told():
        found = [data["progress"] for kind, data in heard if kind == "progress"]
        return [one["done"] for one in found if one["node"]]  # before its node starts it has none

    # what its process tells, a moment after it began, and nothing more until it ends
    await asyncio.wait_for(until(told), 60)
    desk, loop = extension.manager.jobs, asyncio.get_running_loop()
    seen = (await fetch("GET", f"jobs/{job_id}")).body["seen"]
    since = loop.time()
    for done in range(1, 50):
        progress = {"done": done, "total": 50, "node": "obeys", "fraction": done / 50}
        desk.told(job_id, "do", json.dumps({"progress": progress}).encode() + b"\n")
        await asyncio.sleep(0.01)
    await asyncio.wait_for(until(lambda: 49 in told()), 60)
    assert told()[0] == 0
    assert told() == sorted(set(told()))
    assert len(told()) <= 10 * (loop.time() - since) + 2
    view = (await fetch("GET", f"jobs/{job_id}", query={"wait": 30, "seen": seen})).body
    assert view["progress"]["done"] == 49
    assert view["progress"]["message"] is None
    assert view["seen"] > seen
    # once a second, and the last
    while ((await stored(extension, job_id)).progress or {}).get("done") != 49:
        await asyncio.sleep(0.05)
    listed = (await fetch("GET", "snapshot")).body["jobs"][0]
    assert listed["progress"]["fraction"] == 0.98
    go.touch()
    await asyncio.wait_for(until(lambda: not desk.running), 60)


async def test_running_jobs_are_activity(fetch, extension, jp_serverapp, tmp_path):
    began, go = tmp_path / "began", tmp_path / "go"
    await fetch("GET", "health_check")
    assert extension.current_activity() is None
    body = {"pipeline_input": {"began": str(began), "until": str(go)}, "use_worker": True}
    await fetch("POST", "pipelines/do/main", body)
    await asyncio.wait_for(until(lambda: pids(began)), 60)
    assert extension.current_activity() == {"jobs": 1}
    times = jp_serverapp.web_app.settings["last_activity_times"]
    first = await asyncio.wait_for(until(lambda: times.get("jupyter_chariots")), 60)
    await asyncio.wait_for(until(lambda: times["jupyter_chariots"] > first), 60)
    assert jp_serverapp.web_app.last_activity() >= times["jupyter_chariots"]
    go.touch()
    await asyncio.wait_for(until(lambda: extension.current_activity() is None), 60)


async def test_many_news_of_jobs_make_few_events_and_snapshots(heard, fetch, extension):
    await fetch("GET", "health_check")
    feed, loop = extension.manager.feed, asyncio.get_running_loop()

    def submit(store):
        # of a pipeline whose jobs fail at once, without a process
        store.together([store.submission("never", b"{") for _ in range(10)])
        return store.sequence()

    polled = 0

    async def poll():
        nonlocal polled
        seen = (await fetch("GET", "snapshot")).body
        while True:
            query = {"since": seen["seq"], "state_since": seen["state_seq"], "wait": 30}
            seen = (await fetch("GET", "snapshot", query=query)).body
            polled += 1

    polling, since = asyncio.ensure_future(poll()), loop.time()
    for _ in range(30):
        last = await extension.manager.store(submit)
        feed.wake()
        await asyncio.wait_for(until(lambda last=last: feed.seq >= last), 60)
    await asyncio.wait_for(until(lambda: any(data["seq"] >= last for _, data in heard)), 60)
    told = (loop.time() - since) / 0.2 + 2
    polling.cancel()
    assert len([data for _, data in heard if data["seq"] <= last]) <= 20 * told
    assert 0 < polled <= told


async def test_of_quick_jobs_the_end_is_told(heard, fetch, extension):
    """However many there are, the last one and how it ended is among the events."""
    for _ in range(3):
        await fetch("POST", "pipelines/never/main", b'{"pipeline_input": 1, "use_worker": true}')
    answer = await fetch("POST", "pipelines/do/main", {"pipeline_input": {}, "use_worker": True})

    def last():
        told = [data for kind, data in heard if kind == "job"]
        return {data["id"]: data["status"] for data in told}.get(answer.body["job_id"])

    await asyncio.wait_for(until(lambda: last() == "done"), 60)
    numbers = [data["seq"] for kind, data in heard if kind == "job"]
    assert numbers == sorted(set(numbers))
