"""What ``/metrics`` and the snapshot tell about calls."""

from __future__ import annotations

import asyncio

from prometheus_client import REGISTRY

MAIN = "pipelines/{}/main"


def sample(name, **labels):
    return REGISTRY.get_sample_value(f"jupyter_chariots_{name}", labels or None) or 0


async def seen(fetch, name):
    """The pipeline as the snapshot shows it."""
    await fetch("GET", "available_pipelines")  # waits for the start
    snapshot = (await fetch("GET", "snapshot")).body
    (view,) = [view for view in snapshot["pipelines"] if view["name"] == name]
    return view


async def test_rate_and_times_of_calls_are_in_the_snapshot(fetch):
    before = await seen(fetch, "doubled")
    assert before["calls"] == {"rate": 0.0, "p50": None, "p99": None, "window": 60}
    assert before["last_error"] is None
    for number in range(5):
        await fetch("POST", MAIN.format("doubled"), {"pipeline_input": number})
    calls = (await seen(fetch, "doubled"))["calls"]
    assert calls["rate"] > 0
    assert 0 < calls["p50"] <= calls["p99"]


async def test_the_last_error_is_in_the_snapshot(fetch):
    await fetch("POST", MAIN.format("failing"), {"pipeline_input": "stones"})
    error = (await seen(fetch, "failing"))["last_error"]
    assert error["code"] == "node_failed"
    assert error["node"] == "digest"
    assert "stones" in error["message"]
    assert error.keys() == {"code", "message", "node", "op", "at"}


async def test_restarts_are_counted(fetch):
    before = sample("replica_restarts_total", pipeline="dying")
    for _ in range(2):
        answer = await fetch("POST", MAIN.format("dying"), {"pipeline_input": 1})
        assert answer.status == 503
    assert sample("replica_restarts_total", pipeline="dying") == before + 1
    assert (await seen(fetch, "dying"))["replicas"]["restarts"] == 1


async def send(fetch, name, calls):
    rows = [{"pipeline_input": [[number]]} for number in range(calls)]
    await fetch("POST", MAIN.format(name), rows[0])  # its process is up from now on
    answers = await asyncio.gather(*(fetch("POST", MAIN.format(name), row) for row in rows))
    return [answer.body["pipeline_output"] for answer in answers]


async def test_batches_are_counted(fetch):
    calls = sample("batch_calls_sum", pipeline="batched")
    batches = sample("batch_calls_count", pipeline="batched")
    assert await send(fetch, "batched", 8) == [[[3 * number]] for number in range(8)]
    calls = sample("batch_calls_sum", pipeline="batched") - calls
    batches = sample("batch_calls_count", pipeline="batched") - batches
    assert calls == 9
    assert batches < calls
    assert "warnings" not in await seen(fetch, "batched")


async def test_a_pipeline_that_is_not_batchable_after_all_says_so(fetch):
    assert await send(fetch, "not_batchable", 8) == [[1]] * 8
    (warning,) = (await seen(fetch, "not_batchable"))["warnings"]
    assert "is not batchable" in warning
    health = (await fetch("GET", "pipelines/not_batchable/health_check")).body
    assert health == {"is_loaded": True, "warnings": [warning]}


async def test_the_lag_of_the_loop_is_measured(fetch, extension, jp_fetch):
    before = sample("loop_lag_seconds_count")
    while sample("loop_lag_seconds_count") == before:
        await fetch("GET", "available_pipelines")
    metrics = (await jp_fetch("metrics")).body.decode()
    assert "jupyter_chariots_loop_lag_seconds_count" in metrics
