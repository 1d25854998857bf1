"""The semantics that are the product, where a server is involved.

Shown elsewhere: killed between training and save, before any training, four requests and a kill
(``test_restart.py``); fields edited between two starts, a name that two modules use, code edited
under a running server (``tests/server/test_start.py``); everything that needs no server
(``test_semantics.py``, ``tests/op_store/``).
"""

from __future__ import annotations

import contextlib
import os
import threading

import pytest

from ..live import LiveServer, wait_for
from .pairs import HELPER, WHOLE, Pair, calling, write_pair

PAIRS = ["firm", "live", "rolled", "edited", "shared"]

SLOW = """
import os, pathlib, time
from jupyter_chariots import BaseMLOp, MLMode, Node, Pipeline

class Slow(BaseMLOp):
    op_name = "slow"

    def _init_model(self):
        return []

    def fit(self, number):
        self._model.append(number)
        if number < 0:
            pathlib.Path("draft").write_text(str(os.getpid()))
            pathlib.Path("draft").rename("begun")
            while True:
                time.sleep(0.1)

    def predict(self, number):
        return number

slow = Pipeline([Node(Slow(MLMode.FIT), ["__pipeline_input__"])], "slow")
"""

COMPASS = """
import pathlib
from jupyter_chariots import BaseMLOp, MLMode, Node, Pipeline

IN, OUT = "__pipeline_input__", "__pipeline_output__"

def tidy(number):
    return number + {step}

class Total(BaseMLOp):
    op_name = "total"

    def _init_model(self):
        return []

    def fit(self, numbers):
        pathlib.Path("{side}").touch()
        self._model.append(sum(numbers) + {step})

    def predict(self, numbers):
        return self._model[0]

tidied = Pipeline([Node(tidy, [IN], OUT)], "tidy_{side}")
total = Pipeline([Node(Total(MLMode.FIT), [IN])], "total_{side}")
"""


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    folder = tmp_path_factory.mktemp("served")
    root = folder / "root"
    modules = [write_pair(root, name) for name in PAIRS]
    modules.append(write_pair(root, "strict", code="MAJOR"))
    (root / "slow.py").write_text(SLOW)
    for side, step in (("north", 1), ("south", -1)):
        (root / f"{side}.py").write_text(COMPASS.format(side=side, step=step))
    modules += ["slow", "north", "south", "tests.server.samples:count"]
    with LiveServer(root, folder / "home", app_pipelines=modules) as server:
        yield server


def count(server):
    return server.post("pipelines/count/main").body["pipeline_output"]


@pytest.fixture(scope="module")
def before(server):
    """What was seen before all processes were killed, modules edited, and the server started."""
    assert [count(server) for _ in range(3)] == [1, 2, 3]
    assert server.post("pipelines/count/save").body == {}
    assert server.post("pipelines/count/load").body == {}

    rolled = Pair(server, "rolled")
    seen = {"rolled": rolled.serve([0, 2])}
    rolled.train([0, 4], "learn_scale")
    assert rolled.load().status == 200
    assert rolled.apply().body["pipeline_output"] != WHOLE
    assert rolled.load(scale="1.0.0").status == 200
    assert rolled.apply().body == seen["rolled"]

    for name in ("edited", "strict"):
        seen[name] = Pair(server, name).serve([0, 2])

    assert server.post("pipelines/slow/main", {"pipeline_input": 1}).status == 200
    assert server.post("pipelines/slow/save").body == {}
    seen["slow"] = server.get("pipelines/slow").body["current"]
    with training_that_never_ends(server):
        seen["worker"] = int((server.root / "begun").read_text())
        server.kill()
    helper = HELPER.replace("number - mean", "0 + number - mean")
    write_pair(server.root, "edited", helper=helper)
    write_pair(server.root, "strict", helper=helper, code="MAJOR")
    server.start()
    return seen


@contextlib.contextmanager
def training_that_never_ends(server):
    def train():
        with contextlib.suppress(OSError):
            server.post("pipelines/slow/main", {"pipeline_input": -1}, timeout=120)

    caller = threading.Thread(target=train)
    caller.start()
    try:
        wait_for((server.root / "begun").exists, "the training")
        yield
    finally:
        caller.join()


def test_an_op_that_counts_its_runs_goes_on_counting(server, before):
    assert server.get("pipelines/count/health_check").body["is_loaded"] is True
    assert count(server) == 4


def test_a_classifier_that_was_rolled_back_stays_so_until_the_next_load(server, before):
    rolled = Pair(server, "rolled")
    assert rolled.apply().body == before["rolled"]
    assert server.get("pipelines/rolled_apply").body["served"]["pins"] == {"rolled_scale": "1.0.0"}
    rolled.train([0, 6], "learn_scale")
    assert rolled.apply().body == before["rolled"]
    assert rolled.load().status == 200
    assert rolled.apply().body["pipeline_output"] == [pytest.approx(-1 / 5)]
    page = server.get("pipelines/rolled_apply/served").body["items"]
    numbers = [item["numbers"]["rolled_scale"] for item in page]
    assert numbers == ["3.0.0", "1.0.0", "2.0.0", "1.0.0"]


def test_an_edited_helper_is_another_version_and_warned(server, before):
    edited = Pair(server, "edited")
    health = edited.health()
    assert health.status == 200
    assert any("edited_mean" in warning for warning in health.body["warnings"])
    after = edited.apply().body
    assert after["pipeline_output"] == before["edited"]["pipeline_output"] == WHOLE
    old, new = before["edited"]["versions"], after["versions"]
    assert new["edited_mean"] != old["edited_mean"]
    assert new["edited_scale"] == old["edited_scale"]
    known = server.get("ops/edited_mean/versions").body["items"]
    assert {old["edited_mean"], new["edited_mean"]} <= {item["version"] for item in known}


def test_an_edited_helper_of_another_code_line_is_not_loaded_and_says_why(server, before):
    strict = Pair(server, "strict")
    health = strict.health()
    assert (health.status, health.body["is_loaded"]) == (419, False)
    assert "strict_mean" in health.body["reason"]
    assert health.body["remedy"] == ["strict_learn"]
    for refused, code in ((strict.apply(), "not_loaded"), (strict.load(), "version_error")):
        assert (refused.status, refused.body["code"]) == (419, code)
        assert 'client.call_pipeline("strict_learn"' in refused.body["hint"]
    kept = server.get("pipelines/strict_apply/served").body["items"]
    assert [item["cause"] for item in kept] == ["load"]
    assert strict.serve([0, 8])["pipeline_output"] == WHOLE
    page = server.get("ops/strict_mean/versions").body["items"]
    assert [item["number"] for item in page] == ["2.0.0", "1.0.0"]


def test_a_training_that_was_killed_leaves_nothing(server, before):
    def gone():
        with contextlib.suppress(ProcessLookupError):
            os.kill(before["worker"], 0)
            return False
        return True

    wait_for(gone, "the end of the worker")
    now = server.get("pipelines/slow").body
    assert (now["current"], now["unsaved"]) == (before["slow"], None)
    again = server.post("pipelines/slow/main", {"pipeline_input": 2})
    assert again.status == 200, again.body


def test_a_refused_load_changes_nothing_while_calls_run(server):
    firm = Pair(server, "firm")
    expected = firm.serve([0, 2])
    served = server.get("pipelines/firm_apply").body["served"]
    with calling(firm) as answers:
        for other in (5, 6, 7):
            firm.train([other], "learn_mean")
            refused = firm.load()
            assert refused.status == 419
            assert refused.body["remedy"]
            assert "firm_scale" in refused.body["message"]
    assert len(answers) > 3
    assert all(answer.status == 200 for answer in answers)
    assert all(answer.body == expected for answer in answers)
    assert server.get("pipelines/firm_apply").body["served"] == served
    assert firm.health().body == {"is_loaded": True}


def test_no_call_fails_or_sees_a_mixture_while_sets_are_loaded(server):
    live = Pair(server, "live")
    sets = [live.serve([0, 2])]
    with calling(live) as answers:
        for k in (2, 3, 4):
            sets.append(live.serve([0, 2 * k]))
        assert live.load(scale="1.0.0").status == 200
    assert [answer.body for answer in answers if answer.status != 200] == []
    assert all(answer.body in sets for answer in answers)
    assert sets[0] in [answer.body for answer in answers]
    assert all(answer.body["pipeline_output"] == WHOLE for answer in answers)


def test_two_servers_switch_together_while_calls_run(server, live_server):
    here = Pair(server, "shared")
    old = here.serve([0, 2])
    second = live_server(
        name="second",
        root=server.root,
        app_pipelines=["pair_shared"],
        environment={"JUPYTER_DATA_DIR": server.environment["JUPYTER_DATA_DIR"]},
    )
    there = Pair(second, "shared")
    assert there.apply().body == old
    with calling(here, 2) as answers, calling(there, 2) as others:
        new = here.serve([0, 4])
        wait_for(lambda: there.apply().body == new, "the other server")
        there.train([9], "learn_mean")
        for pair in (here, there):
            assert pair.load().status == 419
            assert pair.health().body == {"is_loaded": True}
    assert [answer for answer in (*answers, *others) if answer.status != 200] == []
    assert all(answer.body in (old, new) for answer in (*answers, *others))
    assert there.apply().body == here.apply().body == new


def test_a_stateful_name_belongs_to_one_module_and_a_stateless_one_to_all(server):
    for side, expected in (("north", 2), ("south", 0)):
        answer = server.post(f"pipelines/tidy_{side}/main", {"pipeline_input": 1})
        assert answer.body["pipeline_output"] == expected
    for _ in range(2):
        refused = server.post("pipelines/total_south/main", {"pipeline_input": [1]})
        assert (refused.status, refused.body["code"]) == (409, "name_taken")
        assert "total" in refused.body["message"]
        assert "op_name" in refused.body["hint"]
    assert not (server.root / "south").exists()
    health = server.get("pipelines/total_south/health_check")
    assert (health.status, health.body["is_loaded"]) == (419, False)
    assert server.post("pipelines/total_north/main", {"pipeline_input": [1]}).status == 200
    assert (server.root / "north").exists()
