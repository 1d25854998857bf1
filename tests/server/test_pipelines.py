"""Calls, fits, saves and loads through the routes, with real children and a real store."""

from __future__ import annotations

import asyncio
import os
import signal

from prometheus_client import REGISTRY

from jupyter_chariots import Version


def pipeline_path(name, route=""):
    return f"pipelines/{name}/{route}".rstrip("/")


async def main(fetch, name, pipeline_input=None, **fields):
    body = {"pipeline_input": pipeline_input, **fields}
    return await fetch("POST", pipeline_path(name, "main"), body)


async def post(fetch, name, route, body=b""):
    return await fetch("POST", pipeline_path(name, route), body)


async def get(fetch, name, route="", **query):
    return await fetch("GET", pipeline_path(name, route), query=query)


async def train_and_load(fetch, numbers=(1, 2, 3)):
    assert (await main(fetch, "learn", list(numbers))).status == 200
    assert (await post(fetch, "learn", "save")).status == 200
    loaded = await post(fetch, "apply", "load")
    assert loaded.status == 200, loaded.body
    return loaded


async def test_train_save_load_predict(fetch):
    trained = await main(fetch, "learn", [1, 2, 3])
    assert trained.status == 200
    assert trained.body["job_status"] == "done"
    assert trained.body["job_id"] is None
    assert trained.body["run_id"]
    assert set(trained.body["versions"]) == {"mean", "scale"}
    saved = await post(fetch, "learn", "save")
    assert (saved.status, saved.body) == (200, {})
    loaded = await post(fetch, "apply", "load")
    assert (loaded.status, loaded.body) == (200, {})
    called = await main(fetch, "apply", [4])
    assert called.body["pipeline_output"] == [2.0]
    assert called.body["versions"] == trained.body["versions"]
    assert "run_id" not in called.body
    assert (await get(fetch, "apply", "versions")).body == trained.body["versions"]
    assert (await get(fetch, "learn", "versions")).body == trained.body["versions"]
    again = await main(fetch, "apply", [4])
    assert again.body == called.body


async def test_before_any_training_it_is_not_loaded_and_a_call_is_419(fetch):
    health = await get(fetch, "apply", "health_check")
    assert health.status == 419
    assert health.body["is_loaded"] is False
    assert health.body["remedy"] == ["learn"]
    for answer in [await main(fetch, "apply", [1]), await post(fetch, "apply", "load")]:
        assert answer.status == 419
        assert answer.body["code"] == "not_loaded"
        assert 'client.call_pipeline("learn"' in answer.body["hint"]
        assert answer.body["remedy"] == ["learn"]
    everywhere = (await fetch("GET", "health_check")).body
    assert everywhere["apply"] is False
    assert everywhere["learn"] is True
    assert everywhere["doubled"] is True
    versions = (await get(fetch, "apply", "versions")).body
    assert set(versions) == {"mean", "scale"}
    assert all(Version.parse(text) for text in versions.values())


async def test_a_call_never_loads(fetch):
    assert (await main(fetch, "learn", [1, 2, 3])).status == 200
    assert (await post(fetch, "learn", "save")).status == 200
    assert (await main(fetch, "apply", [4])).status == 419
    assert (await get(fetch, "apply", "health_check")).status == 419


async def test_pipelines_are_listed(fetch):
    names = (await fetch("GET", "available_pipelines")).body
    assert names[:4] == ["learn", "learn_mean", "apply", "count"]
    assert names[4:9] == ["doubled", "failing", "sleeper", "dying", "process"]
    assert names[9:] == ["batched", "not_batchable"]


async def test_a_pipeline_tells_all_about_itself(fetch):
    await train_and_load(fetch)
    apply = (await get(fetch, "apply")).body
    assert apply["is_loaded"] is True
    assert apply["state"] == "ready"
    assert apply["replicas"] == {"wanted": 1, "alive": 1, "restarts": 0}
    assert apply["owner"] == "tests.server.samples"
    assert [node["name"] for node in apply["graph"]["nodes"]] == ["mean", "scale"]
    assert apply["graph"]["ops"][1]["upstream"] == ["mean"]
    assert apply["served"]["cause"] == "load"
    assert apply["served"]["versions"]["mean"]["number"] == "1.0.0"
    assert apply["input_schema"]["example"]
    learn = (await get(fetch, "learn")).body
    assert learn["changes"] is True
    assert learn["unsaved"] is None
    assert (await main(fetch, "learn", [1, 9])).status == 200
    assert (await get(fetch, "learn")).body["unsaved"]
    listed = (await fetch("GET", "pipelines")).body
    assert {entry["name"] for entry in listed} >= {"apply", "learn", "doubled"}


async def test_a_refused_load_says_why_and_changes_nothing(fetch):
    await train_and_load(fetch)
    before = (await main(fetch, "apply", [4])).body
    assert (await main(fetch, "learn_mean", [10, 20])).status == 200
    assert (await post(fetch, "learn_mean", "save")).status == 200
    refused = await post(fetch, "apply", "load")
    assert refused.status == 419
    assert refused.body["code"] == "version_error"
    assert refused.body["remedy"]
    assert "scale 1.0.0" in refused.body["message"]
    assert (await main(fetch, "apply", [4])).body == before
    assert (await get(fetch, "apply", "health_check")).body == {"is_loaded": True}


async def test_no_call_fails_or_sees_half_a_load(fetch):
    await train_and_load(fetch)
    first = (await main(fetch, "apply", [4])).body
    done = asyncio.Event()
    seen = []

    async def calling():
        while not done.is_set():
            answer = await main(fetch, "apply", [4])
            assert answer.status == 200
            seen.append(answer.body)

    callers = [asyncio.ensure_future(calling()) for _ in range(4)]
    await train_and_load(fetch, [5, 6, 10])
    second = (await main(fetch, "apply", [4])).body
    done.set()
    await asyncio.gather(*callers)
    assert second["versions"] != first["versions"]
    assert first in seen
    assert all(answer in (first, second) for answer in seen)


async def test_chosen_versions_roll_back(fetch):
    await train_and_load(fetch, [1, 2, 3])
    old = (await main(fetch, "apply", [4])).body
    await train_and_load(fetch, [5, 6, 10])
    assert (await main(fetch, "apply", [4])).body != old
    rolled = await post(fetch, "apply", "load", {"versions": {"scale": "1.0.0"}})
    assert rolled.status == 200
    assert (await main(fetch, "apply", [4])).body == old
    assert (await get(fetch, "apply")).body["served"]["pins"] == {"scale": "1.0.0"}
    mixed = {"versions": {"mean": "1.0.0", "scale": "2.0.0"}}
    assert (await post(fetch, "apply", "load", mixed)).status == 419
    unknown = await post(fetch, "apply", "load", {"versions": {"scale": "7.0.0"}})
    assert unknown.status == 404
    assert (await main(fetch, "apply", [4])).body == old


async def test_what_could_be_loaded(fetch):
    await train_and_load(fetch, [1, 2, 3])
    await train_and_load(fetch, [5, 6, 10])
    all_ops = (await get(fetch, "apply", "loadable")).body
    assert set(all_ops["ops"]) == {"mean", "scale"}
    assert all_ops["would_load"]["scale"]["number"] == "2.0.0"
    chosen = (await get(fetch, "apply", "loadable", mean="1.0.0", of="scale", limit=1)).body
    assert [item["fits"] for item in chosen["ops"]["scale"]["items"]] == [False]
    assert chosen["ops"]["scale"]["items"][0]["reason"]
    rest = chosen["ops"]["scale"]["next"]
    older = (await get(fetch, "apply", "loadable", mean="1.0.0", of="scale", before=rest)).body
    assert [item["fits"] for item in older["ops"]["scale"]["items"]] == [True]
    assert chosen["would_load"]["scale"]["number"] == "1.0.0"
    assert (await get(fetch, "apply", "loadable", of="none")).status == 404


async def test_who_was_served_what_when(fetch):
    await train_and_load(fetch, [1, 2, 3])
    await train_and_load(fetch, [5, 6, 10])
    page = (await get(fetch, "apply", "served", limit=1)).body
    assert page["items"][0]["numbers"]["scale"] == "2.0.0"
    assert page["items"][0]["until"] is None
    assert page["items"][0]["who"]
    rest = (await get(fetch, "apply", "served", before=page["next"])).body
    assert [item["numbers"]["scale"] for item in rest["items"]] == ["1.0.0"]
    assert rest["next"] is None
    none = await get(fetch, "apply", "served", to="2001-01-01T00:00:00Z")
    assert none.body["items"] == []


async def test_ops_their_versions_and_a_diff(fetch):
    await train_and_load(fetch, [1, 2, 3])
    await train_and_load(fetch, [5, 6, 10])
    ops = (await fetch("GET", "ops")).body["items"]
    assert {op["name"] for op in ops} >= {"mean", "scale"}
    page = (await fetch("GET", "ops/mean/versions", query={"limit": 1})).body
    assert [item["number"] for item in page["items"]] == ["2.0.0"]
    rest = (await fetch("GET", "ops/mean/versions", query={"before": page["next"]})).body
    assert [item["number"] for item in rest["items"]] == ["1.0.0"]
    diff = await fetch("GET", "ops/mean/diff", query={"a": "1.0.0", "b": "2.0.0"})
    assert diff.body
    same = await fetch("GET", "ops/mean/diff", query={"a": "1.0.0", "b": "1.0.0"})
    assert same.body == {}
    assert (await fetch("GET", "ops/none/versions")).status == 404
    missing = await fetch("GET", "ops/mean/diff", query={"a": "1.0.0", "b": "9.9.9"})
    assert missing.status == 404


async def test_a_save_by_run_id_and_its_refusals(fetch):
    first = (await main(fetch, "learn", [1, 2, 3])).body
    second = (await main(fetch, "learn", [5, 6, 10])).body
    assert (await post(fetch, "learn", "save", {"run_id": first["run_id"]})).status == 200
    conflict = await post(fetch, "learn", "save", {"run_id": second["run_id"]})
    assert conflict.status == 409
    assert conflict.body["code"] == "save_conflict"
    forced = {"run_id": second["run_id"], "force": True}
    assert (await post(fetch, "learn", "save", forced)).status == 200
    unknown = await post(fetch, "learn", "save", {"run_id": "none"})
    assert unknown.status == 404
    assert unknown.body["code"] == "run_not_found"


async def test_runs_that_carry_state_follow_one_another(fetch):
    answers = await asyncio.gather(*(main(fetch, "count") for _ in range(4)))
    assert sorted(answer.body["pipeline_output"] for answer in answers) == [1, 2, 3, 4]


async def test_an_op_that_raises_is_500_with_all_that_is_known(fetch):
    answer = await main(fetch, "failing", "stones")
    assert answer.status == 500
    assert answer.body["code"] == "node_failed"
    assert answer.body["node"] == "digest"
    assert answer.body["op"] == "fail"
    assert answer.body["pipeline"] == "failing"
    assert "cannot digest stones" in answer.body["message"]
    assert "samples.py" in answer.body["traceback"]
    assert (await main(fetch, "doubled", 4)).body["pipeline_output"] == 8


async def test_a_process_that_dies_is_503_and_is_started_again(fetch):
    answer = await main(fetch, "dying", 1)
    assert answer.status == 503
    assert answer.body["code"] == "worker_lost"
    while not answer.body.get("retry_after"):  # the next start has to wait
        answer = await main(fetch, "dying", 1)
        assert answer.status == 503
        assert int(answer.headers["Retry-After"]) >= 1
    first = (await main(fetch, "process")).body["pipeline_output"]
    os.kill(first, signal.SIGKILL)
    for _ in range(50):  # the call may meet the process that is just ending
        answer = await main(fetch, "process")
        if answer.status == 200:
            break
        assert answer.status == 503
    assert answer.body["pipeline_output"] not in (first, os.getpid())


async def test_nothing_of_the_user_runs_in_the_server(fetch):
    assert (await main(fetch, "process")).body["pipeline_output"] != os.getpid()


async def test_calls_are_counted(fetch, jp_fetch):
    def counted(status):
        labels = {"pipeline": "doubled", "status": status}
        return REGISTRY.get_sample_value("jupyter_chariots_calls_total", labels) or 0

    before, refused = counted("200"), counted("400")
    await main(fetch, "doubled", 1)
    await main(fetch, "doubled")
    assert counted("200") == before + 1
    assert counted("400") == refused + 1
    metrics = (await jp_fetch("metrics")).body.decode()
    assert 'jupyter_chariots_call_seconds_count{pipeline="doubled"}' in metrics
    await main(fetch, "nobody", 1)
    labels = {"pipeline": "nobody", "status": "404"}
    assert REGISTRY.get_sample_value("jupyter_chariots_calls_total", labels) is None


async def test_a_run_under_way_is_activity(fetch, extension):
    assert extension.current_activity() is None
    run = asyncio.ensure_future(main(fetch, "sleeper", 0.5))
    while not extension.current_activity() and not run.done():
        await asyncio.sleep(0.01)
    assert extension.current_activity() == {"sleeper": 1}
    assert (await run).status == 200
    assert extension.current_activity() is None
