"""Every look-up of a load, a run, a save and a page of history goes by an index."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from jupyter_chariots.errors import NodeFailed
from jupyter_chariots.op_store import Claim, Ending, OpStore
from jupyter_chariots.versioning.status import JobStatus

from .lab import COUNT, PREDICT, TRAIN, TRAIN_CLF, clf, data, fit, load, pca, pipeline, run

PATCHED = pipeline("pred_iris", pca(("1", "0", "1")), clf())


def claimed(store: OpStore) -> Claim:
    found = store.claim_job("w", ["train_iris"])
    assert found is not None
    return found


def commit_as_job(store: OpStore) -> object:
    ending = Ending(claimed(store).lease, b"out", lambda committed: {})
    return store.commit(
        TRAIN, fit(TRAIN, {"pca": b"p7", "clf": b"c7"}), promote=True, ending=ending
    )


def deferred(store: OpStore) -> object:
    first = store.submit_job("train_iris", b"first", priority=9)
    store.submit_job("train_iris", b"then", after=[first.id], idempotency_key="then")
    return store.finish_job(claimed(store).lease, b"out", {})


ACTS: dict[str, Callable[[OpStore], object]] = {
    "choose": lambda store: store.choose(PREDICT),
    "what panels show of jobs": lambda store: store.recent_jobs(5, 5),
    "news with the status of jobs": lambda store: store.news(3),
    "the sequence without jobs": lambda store: store.sequence(jobs=False),
    "jobs that nobody has ended": lambda store: store.unfinished_jobs(),
    "jobs that are known": lambda store: store.known_jobs(["a", "b"]),
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
    "newer": lambda store: (store.newer(PREDICT), store.newer(PATCHED)),
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
    "submit a job": deferred,
    "claim a job": lambda store: (store.claim_job("w"), store.claim_job("w", ["a", "train_iris"])),
    "renew": lambda store: (
        store.renew_jobs([(lease := claimed(store).lease)], {lease.job: {"i": 1}}),
        store.note_job(lease, log={"path": "a.log"}),
        store.leases(),
    ),
    "begin a job": lambda store: store.begin_job("train_iris", b"now", worker="w"),
    "finish": lambda store: store.finish_job(claimed(store).lease, b"out", {}),
    "finish with a run": commit_as_job,
    "fail": lambda store: store.fail_job(claimed(store).lease, NodeFailed("x")),
    "lose": lambda store: store.lose_job(claimed(store).lease, "killed"),
    "hand back": lambda store: store.hand_back_job(claimed(store).lease),
    "cancel": lambda store: [store.cancel_job(job.id) for job in store.jobs(limit=2)],
    "jobs": lambda store: [
        store.jobs(limit=2, status=status, pipeline=name)
        for status in (None, JobStatus.QUEUED)
        for name in (None, "train_iris")
    ],
    "a job": lambda store: [
        (store.job(job.id), store.job_input(job.id), store.job_result(job.id))
        for job in store.jobs(limit=1)
    ],
    "job counts": lambda store: store.job_counts(),
    "turns": lambda store: (store.take_turn("a", "b", 1), store.release_turn("a", "b")),
}

# Small whatever the number of versions and jobs: lineages of one version, pipelines that fit one
# op, the first job of each pipeline.
SORTED = ("FROM fits", "FROM lineages WHERE version =", "ORDER BY j.priority DESC")
SCANNED = ("SCAN CONSTANT ROW", "SCAN definitions", "SCAN json_each VIRTUAL TABLE INDEX 1:")


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
    for index in range(5):
        store.submit_job("train_iris", f"{index}".encode())
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
            assert not step.startswith("SCAN") or step in SCANNED, (sql, plan)
            if "TEMP B-TREE" in step:
                assert any(part in sql for part in SORTED), (sql, plan)
