"""States that this user did not sign are never opened; stores of other releases.

A hostile pickle, which makes a file when it is opened, proves that it never was. Shown elsewhere:
what a signature covers (``tests/op_store/test_signing.py``), definitions that somebody else wrote
(``tests/op_store/test_definitions.py``, ``tests/workers/test_launcher.py``), stores that are no
database (``tests/server/test_start.py``).
"""

from __future__ import annotations

import sqlite3
import statistics
from contextlib import closing

import pytest

from jupyter_chariots import BaseMLOp, MLMode, Node, OpStore, Pipeline, PipelinesClient
from jupyter_chariots import SequentialRunner as Runner
from jupyter_chariots.errors import NotTrusted, StoreTooNew
from jupyter_chariots.ml import PickleSerializer
from jupyter_chariots.op_store import schema

from ..live import LiveServer
from .hostile import WAYS, Intruder, trap
from .pairs import WHOLE, Pair, write_pair

IN, OUT = "__pipeline_input__", "__pipeline_output__"


class Mean(BaseMLOp):
    """Learns a mean; with ``padding`` its state is too large for the database."""

    op_name = "mean"
    padding = 0

    def _init_model(self):
        return {"padding": bytes(self.padding)}

    def fit(self, numbers):
        self._model["mean"] = statistics.fmean(numbers)

    def predict(self, numbers):
        return [number - self._model["mean"] for number in numbers]


def fit(padding=0):
    op = Mean(MLMode.FIT)
    op.padding = padding
    return Pipeline([Node(op, [IN])], "fit")


def use():
    return Pipeline([Node(Mean(MLMode.PREDICT), [IN], OUT)], "use")


@pytest.fixture
def store(tmp_path):
    with OpStore(tmp_path / ".chariots" / "op_store.db") as store:
        yield store


@pytest.mark.parametrize("padding", [0, 100_000], ids=["row", "file"])
@pytest.mark.parametrize("way", WAYS)
def test_a_hostile_state_is_refused_before_it_is_opened(store, tmp_path, way, padding):
    trainer = fit(padding)
    Runner().run(trainer, [1, 3])
    trainer.save(store)
    user = use()
    user.load(store)
    version, marker = user.ops["mean"].op_version, tmp_path / "marker"
    payload = trap(marker)
    getattr(Intruder(store.path), way)("mean", payload)
    acts = [
        lambda: user.load(store),
        lambda: use().load(store, {"mean": "1.0.0"}),
        lambda: store.read("mean", version),
        lambda: store.verify("mean", version),
        lambda: store.get_op_bytes_for_version("mean", version),
    ]
    if padding:
        acts.append(lambda: store.read("mean", version, mapped=True))
    for act in acts:
        with pytest.raises(NotTrusted, match=r"mean 1\.0\.0.* not opened") as refused:
            act()
        assert refused.value.hint
    assert not marker.exists()
    assert Runner().run(user, [4]) == [2]
    assert user.ops["mean"].op_version == version


def test_the_trap_would_spring_if_the_state_were_opened(tmp_path):
    PickleSerializer().deserialize_object(trap(tmp_path / "marker"))
    assert (tmp_path / "marker").exists()


@pytest.fixture(scope="module")
def tampered(tmp_path_factory):
    """A server whose store was tampered with while it was down, and once while it is up."""
    folder = tmp_path_factory.mktemp("hostile")
    root = folder / "root"
    names = [*WAYS, "running", "sound"]
    modules = [write_pair(root, name) for name in names]
    payload = trap(folder / "marker")
    with LiveServer(root, folder / "home", app_pipelines=modules) as server:
        for k, name in enumerate(names, 1):  # equal states would share their blob
            assert Pair(server, name).serve([0, 2 * k])["pipeline_output"] == WHOLE
        server.stop()
        intruder = Intruder(root / ".chariots" / "op_store.db")
        for way in WAYS:
            getattr(intruder, way)(f"{way}_mean", payload)
        server.start()
        yield server


@pytest.mark.parametrize("way", WAYS)
def test_a_server_neither_opens_it_nor_reports_it_as_loaded(tampered, way):
    pair = Pair(tampered, way)
    health = pair.health()
    assert (health.status, health.body["is_loaded"]) == (419, False)
    assert f"{way}_mean 1.0.0" in health.body["reason"]
    assert health.body["hint"]
    assert tampered.get("health_check").body[f"{way}_apply"] is False
    for answer in (
        pair.apply(),
        pair.load(),
        pair.load(mean="1.0.0"),
        pair.ask("learn_scale", "main", {"pipeline_input": [1, 2]}),
    ):
        assert answer.status == 500
        assert answer.body["code"] == "not_trusted"
        assert f"{way}_mean 1.0.0" in answer.body["message"]
        assert answer.body["hint"]
    client = PipelinesClient(tampered.url, tampered.token)
    with pytest.raises(NotTrusted, match=f"{way}_mean"):
        client.load_pipeline(f"{way}_apply")
    client.close()
    assert not (tampered.root.parent / "marker").exists()


def test_a_server_goes_on_to_serve_the_others(tampered):
    assert Pair(tampered, "sound").apply().body["pipeline_output"] == WHOLE


def test_what_is_served_already_goes_on(tampered):
    pair = Pair(tampered, "running")
    assert pair.health().status == 200  # which waits for the check of its states
    expected = pair.apply().body
    assert expected["pipeline_output"] == WHOLE
    intruder = Intruder(tampered.root / ".chariots" / "op_store.db")
    intruder.swap_blob("running_mean", trap(tampered.root / "unused"))
    refused = pair.load()
    assert (refused.status, refused.body["code"]) == (500, "not_trusted")
    assert pair.apply().body == expected
    assert not (tampered.root / "unused").exists()


def release(path):
    with closing(sqlite3.connect(path)) as db:
        return int(db.execute("PRAGMA user_version").fetchone()[0])


def write_release(path, number):
    with closing(sqlite3.connect(path)) as db:
        db.execute(f"PRAGMA user_version = {number}")


def make_old_store(path):
    """A store that has seen the first migration only, and knows an op."""
    path.parent.mkdir(parents=True)
    db = schema.Database(sqlite3.connect(path, isolation_level=None))
    second = schema.SCHEMA.pending(db)[1].name
    schema.SCHEMA.apply(db, stop_before=second)
    db.execute("PRAGMA user_version = 1")
    db.execute("INSERT INTO ops (name, owner) VALUES ('of_old', 'somebody')")
    db.close()


def test_a_server_migrates_an_older_store_and_refuses_a_newer_one(live_server, tmp_path):
    root = tmp_path / "root"
    path = root / ".chariots" / "op_store.db"
    make_old_store(path)
    module = write_pair(root, "kept")
    server = live_server(root=root, app_pipelines=[module])
    pair = Pair(server, "kept")
    expected = pair.serve([0, 2])
    assert "of_old" in {op["name"] for op in server.get("ops").body["items"]}
    server.stop()
    known = release(path)
    assert known > 1

    write_release(path, known + 1)
    server.start()
    for method, route in [
        ("GET", "health_check"),
        ("GET", "pipelines/kept_apply/health_check"),
        ("POST", "pipelines/kept_apply/main"),
        ("POST", "pipelines/kept_learn/main"),
        ("GET", "ops"),
    ]:
        answer = server.request(method, route, b"" if method == "POST" else None)
        assert (answer.status, answer.body["code"]) == (500, "store_too_new"), route
        assert "newer release" in answer.body["message"]
        assert "pip install --upgrade" in answer.body["hint"]
    assert server.get("snapshot").body["failures"][0]["code"] == "store_too_new"
    assert "newer release" in server.log_tail()
    with pytest.raises(StoreTooNew):
        OpStore(path)
    server.stop()
    assert release(path) == known + 1

    write_release(path, known)
    server.start()
    assert pair.apply().body == expected
