"""Served sets and who was served what, when."""

from __future__ import annotations

import pytest

from jupyter_chariots.errors import Conflict, VersionNotFound
from jupyter_chariots.op_store import OpStore
from jupyter_chariots.versioning.version import now

from .lab import PREDICT, SECRET, TRAIN, TRAIN_PCA, clf, load, pca, pipeline, run


@pytest.fixture
def trained(store: OpStore) -> OpStore:
    run(store, TRAIN, save=True, pca="p1", clf="c1")
    return store


def test_nothing_is_served_before_a_load(trained: OpStore) -> None:
    assert trained.served("pred_iris") is None
    assert trained.served_history("pred_iris") == []


def test_a_load_is_one_row_that_another_process_restores(trained: OpStore) -> None:
    definition = trained.register(PREDICT, owner="m", source={"kind": "module"})
    served = load(trained, PREDICT)
    assert (served.definition, served.revision) == (PREDICT.digest, definition.revision)
    assert (served.cause, served.who, served.until) == ("load", "ann", None)
    again = OpStore(trained.path, secret=SECRET)
    restored = again.served("pred_iris")
    assert restored == served
    assert [str(v) for v in served.versions.values()] == [
        str(v) for v in (restored or served).versions.values()
    ]
    for ref in served.states.values():
        again.verify(ref.op, ref.version)
    again.close()


def test_what_was_removed_meanwhile_is_not_served(trained: OpStore) -> None:
    choice = trained.choose(PREDICT)
    run(trained, TRAIN, save=True, pca="p2", clf="c2")
    stands = load(trained, PREDICT)
    trained.gc(keep=1)
    before = trained.sequence()
    with pytest.raises(VersionNotFound, match="was removed while pipeline 'pred_iris'"):
        trained.commit_load(PREDICT, choice, cause="load")
    assert trained.sequence() == before
    assert trained.served("pred_iris") == stands


def test_a_refused_load_changes_nothing(trained: OpStore) -> None:
    served = load(trained, PREDICT)
    run(trained, TRAIN_PCA, save=True, pca="p2")
    before = trained.sequence()
    with pytest.raises(TypeError):
        load(trained, PREDICT)
    assert trained.served("pred_iris") == served
    assert trained.sequence() == before


def test_history_is_paged_latest_first(trained: OpStore) -> None:
    rows = [load(trained, PREDICT) for _ in range(5)]
    first = trained.served_history("pred_iris", limit=2)
    assert [row.seq for row in first] == [rows[4].seq, rows[3].seq]
    second = trained.served_history("pred_iris", limit=2, before=first[-1].seq)
    assert [row.seq for row in second] == [rows[2].seq, rows[1].seq]
    assert first[0].until is None
    assert first[1].until == first[0].at


def test_history_of_a_time(trained: OpStore) -> None:
    def seqs(**given: object) -> list[int]:
        return [row.seq for row in trained.served_history("pred_iris", **given)]  # type: ignore[arg-type]

    before = now()
    a = load(trained, PREDICT)
    between = now()
    b = load(trained, PREDICT)
    after = now()
    assert seqs(end=before) == []
    assert seqs(start=between, end=between) == [a.seq]
    assert seqs(start=after) == [b.seq]
    assert seqs(start=before, end=after) == [b.seq, a.seq]
    trained.register(PREDICT, owner="m", source={})
    trained.unregister("pred_iris")
    assert seqs(start=now()) == []


def test_history_of_other_pipelines_is_apart(trained: OpStore) -> None:
    load(trained, PREDICT)
    load(trained, TRAIN)
    assert {row.pipeline for row in trained.served_history("pred_iris")} == {"pred_iris"}


def test_a_definition_that_changed_during_the_load_is_a_conflict(trained: OpStore) -> None:
    trained.register(PREDICT, owner="m", source={})
    choice = trained.choose(PREDICT)
    trained.register(pipeline("pred_iris", pca(), clf()), owner="m", source={})
    before = trained.sequence()
    with pytest.raises(Conflict, match="defined anew"):
        trained.commit_load(PREDICT, choice, cause="load")
    trained.unregister("pred_iris")
    with pytest.raises(Conflict):
        trained.commit_load(PREDICT, choice, cause="load")
    assert trained.sequence() == before + 1


def test_news_are_in_order_and_never_repeat(trained: OpStore) -> None:
    trained.register(PREDICT, owner="m", source={}, who="ann")
    load(trained, PREDICT)
    trained.unregister("pred_iris", who="bob")
    news = trained.news()
    assert [one.kind for one in news] == ["run", "save", "definition", "served", "retired"]
    assert [one.seq for one in news] == sorted({one.seq for one in news})
    assert trained.sequence() == news[-1].seq
    assert (news[-1].pipeline, news[-1].who) == ("pred_iris", "bob")
    assert [one.kind for one in trained.news(since=news[1].seq, limit=1)] == ["definition"]


def test_data_version_changes_when_somebody_else_writes(trained: OpStore) -> None:
    other = OpStore(trained.path, secret=SECRET)
    seen = other.data_version()
    assert other.data_version() == seen
    load(trained, PREDICT)
    assert other.data_version() != seen
    other.close()
