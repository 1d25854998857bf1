"""What a run starts from goes to another store, and what it left comes back."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from jupyter_chariots.errors import BlobMissing, LeaseLost, NotTrusted
from jupyter_chariots.op_store import Beginning, Lease, OpStore
from jupyter_chariots.op_store.blobs import SMALL, digest_of
from jupyter_chariots.versioning.spec import PipelineSpec

from .lab import COUNT, PREDICT, TRAIN, TRAIN_CLF, fit, open_store


@pytest.fixture
def scratch(tmp_path: Path) -> Iterator[OpStore]:
    """The store of a worker, which has another user's secret."""
    with open_store(tmp_path / "elsewhere", secret=b"another secret of thirty-two bytes") as opened:
        yield opened


def hand_over(store: OpStore, scratch: OpStore, spec: PipelineSpec) -> Beginning:
    started = store.sequence()
    beginning = store.hand_over(store.start(spec).states.values(), started)
    scratch.wipe()
    scratch.register(spec, owner="m", source={}, replace=True)
    for ref in beginning.states:
        if not scratch.has_blob(ref.blob):
            scratch.keep_blob(ref.blob, bytes(store.read(ref.op, ref.version)))
    scratch.begin_with(spec, beginning)
    return beginning


def trained(store: OpStore, pca: bytes = b"pca", clf: bytes = b"clf") -> None:
    store.register(TRAIN, owner="m", source={})
    store.commit(TRAIN, fit(TRAIN, {"pca": pca, "clf": clf}), promote=True)


def test_a_run_elsewhere_starts_from_the_same_versions(store: OpStore, scratch: OpStore) -> None:
    trained(store, b"p" * (2 * SMALL))
    store.register(TRAIN_CLF, owner="m", source={})
    hand_over(store, scratch, TRAIN_CLF)
    here, there = store.start(TRAIN_CLF), scratch.start(TRAIN_CLF)
    assert there.versions == here.versions
    assert [str(version) for version in there.versions.values()] == [
        str(version) for version in here.versions.values()
    ]
    for ref in there.states.values():
        assert scratch.read(ref.op, ref.version) == store.read(ref.op, ref.version)
    fact = scratch.version_info("pca", there.versions["pca"]).facts
    assert fact == store.version_info("pca", here.versions["pca"]).facts


def test_what_was_handed_over_before_plays_no_part(store: OpStore, scratch: OpStore) -> None:
    trained(store)
    store.register(TRAIN_CLF, owner="m", source={})
    first = hand_over(store, scratch, TRAIN_CLF)
    scratch.commit(
        TRAIN_CLF,
        fit(TRAIN_CLF, {"clf": b"of the worker"}, dict(scratch.start(TRAIN_CLF).versions)),
    )
    store.commit(TRAIN, fit(TRAIN, {"pca": b"newer", "clf": b"newer"}), promote=True)
    second = hand_over(store, scratch, TRAIN_CLF)
    assert second.states != first.states
    assert scratch.start(TRAIN_CLF).versions == store.start(TRAIN_CLF).versions
    hand_over(store, scratch, TRAIN)
    assert scratch.start(TRAIN).versions == {}


def test_a_carried_state_comes_from_the_current_set(store: OpStore, scratch: OpStore) -> None:
    store.register(COUNT, owner="m", source={})
    hand_over(store, scratch, COUNT)
    assert scratch.start(COUNT).versions == {}
    store.commit(COUNT, fit(COUNT, {"counter": b"1"}))  # a candidate, not saved
    hand_over(store, scratch, COUNT)
    assert scratch.start(COUNT).versions == store.start(COUNT).versions != {}


def test_what_the_run_left_comes_back_whole(store: OpStore, scratch: OpStore) -> None:
    trained(store)
    store.register(TRAIN_CLF, owner="m", source={})
    store.register(PREDICT, owner="m", source={})
    hand_over(store, scratch, TRAIN_CLF)
    before = dict(scratch.start(TRAIN_CLF).versions)
    left = fit(TRAIN_CLF, {"clf": b"c" * (2 * SMALL)}, before)
    scratch.commit(TRAIN_CLF, left)
    back = scratch.left_by(TRAIN_CLF.name, left.run_id)
    assert (back.run_id, back.after, back.used) == (left.run_id, left.after, ())
    assert [one.payload for one in back.learned] == [b"c" * (2 * SMALL)]
    (mine,), (theirs,) = left.learned, back.learned
    assert set(theirs.lineage or ()) == set(mine.lineage or ())
    assert theirs.learned == mine.learned
    store.commit(TRAIN_CLF, back, promote=True)
    assert store.choose(PREDICT).versions["clf"] == mine.version
    assert store.version_info("clf", mine.version).number is not None


def test_bytes_that_are_not_what_they_should_be_are_not_kept(scratch: OpStore) -> None:
    digest = digest_of(b"state")
    with pytest.raises(NotTrusted):
        scratch.keep_blob(digest, b"stale")
    assert not scratch.has_blob(digest)


def test_a_run_does_not_begin_without_its_states(store: OpStore, scratch: OpStore) -> None:
    trained(store)
    beginning = store.hand_over(store.start(TRAIN_CLF).states.values(), store.sequence())
    with pytest.raises(BlobMissing):
        scratch.begin_with(TRAIN_CLF, beginning)


def test_blobs_stay_for_the_next_run(store: OpStore, scratch: OpStore) -> None:
    trained(store)
    store.register(TRAIN_CLF, owner="m", source={})
    (ref,) = hand_over(store, scratch, TRAIN_CLF).states
    assert scratch.wipe() == len(store.read(ref.op, ref.version))
    assert scratch.has_blob(ref.blob)
    scratch.gc()
    assert not scratch.has_blob(ref.blob)


def test_a_claim_whose_answer_was_lost_gives_the_same_job_again(store: OpStore) -> None:
    trained(store)
    first, second = (store.submit_job(TRAIN.name, b"{}") for _ in range(2))
    claim = store.claim_job("w", token="t" * 32)
    assert claim is not None
    assert store.claim_job("w", token="t" * 32) == claim
    assert store.held_job(claim.lease).id == first.id
    store.finish_job(claim.lease, b"{}", {})
    with pytest.raises(LeaseLost):
        store.held_job(claim.lease)
    after = store.claim_job("w", token="t" * 32)
    assert after is not None
    assert after.job.id == second.id
    with pytest.raises(LeaseLost):
        store.held_job(Lease(second.id, "u" * 32))
