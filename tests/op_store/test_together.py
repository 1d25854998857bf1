"""Several changes in one transaction, each whole or not at all."""

from __future__ import annotations

import pytest

from jupyter_chariots.errors import JobNotFound, LeaseLost, StoreError
from jupyter_chariots.op_store import OpStore
from jupyter_chariots.versioning.status import JobStatus

from .lab import TRAIN, open_store


@pytest.fixture
def store(tmp_path):
    store = open_store(tmp_path)
    store.register(TRAIN, owner="here", source={"kind": "module", "ref": "m:p"})
    yield store
    store.close()


def test_all_are_made_in_order(store: OpStore) -> None:
    submissions = [store.submission("train_iris", body) for body in (b"a", b"b" * 100_000, b"c")]
    *jobs, claimed = store.together([*submissions, store.claiming("w", 2, ["train_iris"])])
    assert [claim.job.id for claim, _ in claimed] == [job.id for job in jobs[:2]]
    assert [body for _, body in claimed] == [b"a", None]  # a large one is read by itself
    (first, _), (second, _) = claimed
    done, failed, taken = store.together(
        [
            store.finishing(first.lease, b"out", {}),
            store.losing(second.lease, "gone"),
            store.claiming("w", 9, ["train_iris"]),
        ]
    )
    assert done.status is JobStatus.DONE
    assert failed.status is JobStatus.QUEUED
    assert [claim.job.id for claim, _ in taken] == [jobs[1].id, jobs[2].id]


def test_one_that_is_refused_leaves_nothing_and_the_others_whole(store: OpStore) -> None:
    (job,) = store.together([store.submission("train_iris", b"")])
    ((claim, _),) = store.together([store.claiming("w", 1, ["train_iris"])])[0]
    store.lose_job(claim.lease, "gone")
    before = store.sequence()
    refused, lost, made = store.together(
        [
            store.submission("train_iris", b"x", after=["nothing"]),
            store.finishing(claim.lease, b"late", {}),
            store.submission("train_iris", b"y"),
        ]
    )
    assert isinstance(refused, JobNotFound)
    assert isinstance(lost, LeaseLost)
    assert [one.id for one in store.jobs()] == [made.id, job.id]
    assert store.sequence() == before + 1


def test_a_store_that_fails_records_none(store: OpStore) -> None:
    def full(db: object) -> None:
        raise StoreError("The disk is full.")

    with pytest.raises(StoreError):
        store.together([store.submission("train_iris", b""), full])
    assert store.jobs() == []


def test_what_panels_show(store: OpStore) -> None:
    names = ["train_iris"]
    ids = [store.submit_job("train_iris", b"").id for _ in range(8)]
    for _ in range(3):
        ((claim, _),) = store.together([store.claiming("w", 1, names)])[0]
        store.finish_job(claim.lease, b"", {})
    store.together([store.claiming("w", 1, names)])
    store.submit_job("train_iris", b"", after=[ids[7]])
    recent = [job.id for job in store.recent_jobs(2, 2)]
    waiting = store.jobs(status=JobStatus.DEFERRED)[0].id
    # those that wait come as they will run, those that ended as they ended
    assert recent == [waiting, ids[5], ids[4], ids[3], ids[2], ids[1]]
    assert store.unfinished_jobs() == 5
    assert store.known_jobs([ids[0], "nothing"]) == {ids[0]}
