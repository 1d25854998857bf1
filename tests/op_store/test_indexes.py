"""Every look-up of a load, a run, a save and a page of history goes by an index."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from jupyter_chariots.op_store import OpStore

from .lab import COUNT, PREDICT, TRAIN, TRAIN_CLF, clf, data, fit, load, pca, pipeline, run

PATCHED = pipeline("pred_iris", pca(("1", "0", "1")), clf())

ACTS: dict[str, Callable[[OpStore], object]] = {
    "choose": lambda store: store.choose(PREDICT),
    "choose pinned": lambda store: store.choose(PREDICT, {"pca": "1.0.0"}),
    "choose under newer code": lambda store: store.choose(PATCHED),
    "start": lambda store: (store.start(TRAIN_CLF), store.start(COUNT)),
    "commit": lambda store: run(store, TRAIN, pca="p9", clf="c9"),
    "commit and promote": lambda store: store.commit(
        TRAIN, fit(TRAIN, {"pca": b"p8", "clf": b"c8"}), promote=True, started=1
    ),
    "save": lambda store: store.save(TRAIN.name, force=True),
    "load": lambda store: load(store, PATCHED),
    "carry over": lambda store: store.carry_over(PATCHED),
    "current": lambda store: (store.current(TRAIN), store.unsaved(TRAIN)),
    "served": lambda store: store.served("pred_iris"),
    "read": lambda store: store.read("pca", "1.0.0"),
    "history": lambda store: store.history("pca", limit=2),
    "ops": lambda store: store.ops(limit=2),
    "version info": lambda store: store.version_info("pca", "1.0.0"),
    "diff": lambda store: store.diff("pca", "1.0.0", "2.0.0"),
    "served history": lambda store: store.served_history("pred_iris", limit=2),
    "loadable": lambda store: store.loadable(PREDICT, {"pca": "1.0.0"}, "clf", limit=2),
    "news": lambda store: (store.news(since=2), store.sequence()),
    "register": lambda store: store.register(PATCHED, owner="m", source={}),
    "definition": lambda store: store.definition("train_iris"),
    "turns": lambda store: (store.take_turn("a", "b", 1), store.release_turn("a", "b")),
}

# Small whatever the number of versions: lineages of one version, pipelines that fit one op.
SORTED = ("FROM fits", "FROM lineages WHERE version =")


@pytest.fixture
def used(store: OpStore) -> OpStore:
    store.register(TRAIN, owner="m", source={})
    run(store, TRAIN, save=True, pca="p1", clf="c1")
    run(store, TRAIN, save=True, pca="p2", clf="c2")
    load(store, PREDICT, {"clf": "1.0.0"})
    load(store, PREDICT)
    run(store, TRAIN, pca="p3", clf="c3")
    train = pipeline("other", data(), pca(fits=True))
    run(store, train, save=True, pca="p1")
    run(store, train, save=True, pca="p2")
    run(store, COUNT, save=True, counter="1")
    return store


@pytest.mark.parametrize("act", ACTS)
def test_no_query_scans_a_table(used: OpStore, act: str) -> None:
    conn = used._db.get().conn
    statements: list[str] = []
    conn.set_trace_callback(statements.append)
    ACTS[act](used)
    conn.set_trace_callback(None)
    queries = [
        sql
        for sql in statements
        if sql.split()[0] in ("SELECT", "UPDATE", "DELETE", "INSERT", "WITH")
    ]
    assert queries
    for sql in queries:
        plan = [row[3] for row in conn.execute(f"EXPLAIN QUERY PLAN {sql}")]
        for step in plan:
            assert not step.startswith("SCAN") or step == "SCAN CONSTANT ROW", (sql, plan)
            if "TEMP B-TREE" in step:
                assert any(part in sql for part in SORTED), (sql, plan)
