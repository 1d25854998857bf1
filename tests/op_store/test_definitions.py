"""Definitions, and whose names are whose."""

from __future__ import annotations

import sqlite3
from dataclasses import replace

import pytest

from jupyter_chariots.errors import NameTaken, NotTrusted, PipelineNotFound
from jupyter_chariots.op_store import OpStore
from jupyter_chariots.versioning.spec import OpSpec

from .lab import PREDICT, TRAIN, clf, code, data, fit, load, op, pca, pipeline, run

MODULE = {"kind": "module", "ref": "a.b:c"}


def test_a_definition_comes_back_as_it_was(store: OpStore) -> None:
    made = store.register(TRAIN, owner="a.ipynb", source=MODULE, who="ann")
    assert made.spec.to_json() == TRAIN.to_json()
    assert (made.owner, made.source, made.revision, made.digest) == (
        "a.ipynb",
        MODULE,
        1,
        TRAIN.digest,
    )
    assert store.definition("train_iris") == made
    assert store.definitions() == [made]


def test_an_unchanged_definition_stays_as_it_is(store: OpStore) -> None:
    made = store.register(TRAIN, owner="a", source=MODULE)
    # Another process makes the same versions at other times; the recorded ones count.
    later = replace(TRAIN, ops=tuple(replace(one, version=code(one.name)) for one in TRAIN.ops))
    assert str(later.ops[0].version) != str(TRAIN.ops[0].version)
    again = store.register(later, owner="a", source=MODULE)
    assert again == made
    assert str(again.spec.ops[0].version) == str(TRAIN.ops[0].version)
    assert store.sequence() == made.seq


def test_a_changed_definition_is_another_revision(store: OpStore) -> None:
    store.register(PREDICT, owner="a", source=MODULE)
    changed = store.register(pipeline("pred_iris", pca(), clf()), owner="a", source=MODULE)
    assert (changed.revision, len(store.definitions())) == (2, 1)


def test_other_packages_are_recorded_without_another_revision(store: OpStore) -> None:
    store.register(pipeline("p", pca(packages={"numpy": "1"})), owner="a", source=MODULE)
    newer = pipeline("p", pca(packages={"numpy": "2"}), python="3.12")
    made = store.register(newer, owner="a", source=MODULE)
    assert (made.revision, made.spec.python) == (1, "3.12")


def test_a_pipeline_name_belongs_to_who_served_it_first(store: OpStore) -> None:
    store.register(PREDICT, owner="a.ipynb", source=MODULE)
    before = store.sequence()
    with pytest.raises(NameTaken, match=r"'pred_iris' is served by a\.ipynb"):
        store.register(PREDICT, owner="b.ipynb", source=MODULE)
    assert store.sequence() == before
    taken = store.register(PREDICT, owner="b.ipynb", source=MODULE, replace=True)
    assert taken.owner == "b.ipynb"
    with pytest.raises(NameTaken):
        store.register(PREDICT, owner="a.ipynb", source=MODULE)
    store.unregister("pred_iris")
    store.register(PREDICT, owner="a.ipynb", source=MODULE)


def counter(version: str, origin: str) -> OpSpec:
    return op("counter", (version,), carries=True, origin=origin)


def test_other_code_under_a_stateful_name_is_refused(store: OpStore) -> None:
    store.register(pipeline("a", counter("1", "a.ipynb")), owner="a.ipynb", source=MODULE)
    before = store.sequence()
    theirs = pipeline("b", counter("2", "b.ipynb"))
    with pytest.raises(NameTaken, match=r"'counter'.*belongs to a\.ipynb") as taken:
        store.register(theirs, owner="b.ipynb", source=MODULE)
    assert "share=['counter']" in (taken.value.hint or "")
    assert (store.sequence(), len(store.definitions())) == (before, 1)


def test_any_different_version_is_other_code(store: OpStore) -> None:
    store.register(pipeline("a", counter("1", "a.ipynb")), owner="a.ipynb", source=MODULE)
    patched = op("counter", ("1", "0", "1"), carries=True, origin="b.ipynb")
    with pytest.raises(NameTaken):
        store.register(pipeline("b", patched), owner="b.ipynb", source=MODULE)


def test_the_same_code_from_elsewhere_is_welcome(store: OpStore) -> None:
    for owner in ("a.ipynb", "b.ipynb"):
        spec = pipeline(owner[0], counter("1", owner))
        store.register(spec, owner=owner, source=MODULE)


def test_the_owner_may_edit_its_op(store: OpStore) -> None:
    for version in ("1", "2", "1"):
        spec = pipeline("a", counter(version, "a.ipynb"))
        store.register(spec, owner="a.ipynb", source=MODULE)


def test_a_shared_name_is_shared_for_good(store: OpStore) -> None:
    store.register(pipeline("a", counter("1", "a.ipynb")), owner="a.ipynb", source=MODULE)
    theirs = pipeline("b", counter("2", "b.ipynb"))
    store.register(theirs, owner="b.ipynb", source=MODULE, share=["counter"])
    edited = pipeline("b", counter("3", "b.ipynb"))
    store.register(edited, owner="b.ipynb", source=MODULE)
    store.commit(edited, fit(edited, {"counter": b"1"}))
    with pytest.raises(NameTaken):
        store.register(pipeline("c", counter("4", "c.ipynb")), owner="c.ipynb", source=MODULE)


def test_names_of_stateless_ops_are_free(store: OpStore) -> None:
    for owner, version in (("a", "1"), ("b", "2")):
        one = op("scale", (version,), stateful=False, origin=owner)
        store.register(pipeline(owner, one), owner=owner, source=MODULE)


def test_a_registered_pipeline_trains_whatever_the_owner_does_later(store: OpStore) -> None:
    """Refused before anything is trained, or not at all."""
    store.register(pipeline("a", counter("1", "a.ipynb")), owner="a.ipynb", source=MODULE)
    same = pipeline("b", counter("1", "b.ipynb"))
    store.register(same, owner="b.ipynb", source=MODULE)
    store.register(pipeline("a", counter("2", "a.ipynb")), owner="a.ipynb", source=MODULE)
    store.commit(same, fit(same, {"counter": b"1"}))
    store.register(same, owner="b.ipynb", source=MODULE)  # unchanged, at the next start


def test_an_ended_pipeline_is_not_found(store: OpStore) -> None:
    run(store, TRAIN, save=True, pca="p", clf="c")
    store.register(PREDICT, owner="a", source=MODULE)
    load(store, PREDICT)
    store.unregister("pred_iris")
    with pytest.raises(PipelineNotFound):
        store.definition("pred_iris")
    with pytest.raises(PipelineNotFound):
        store.unregister("pred_iris")
    assert store.definitions() == []
    served = store.served("pred_iris")
    assert served is not None
    assert served.until is not None
    again = store.register(PREDICT, owner="b", source=MODULE)
    assert again.revision == 2
    assert store.carry_over(again.spec).numbers == {"pca": "1.0.0", "clf": "1.0.0"}


def test_unknown_pipelines_suggest_the_nearest(store: OpStore) -> None:
    with pytest.raises(PipelineNotFound) as none:
        store.definition("pred_irs")
    assert "serve one first" in (none.value.hint or "")
    store.register(PREDICT, owner="a", source=MODULE)
    with pytest.raises(PipelineNotFound, match="'pred_irs'") as unknown:
        store.definition("pred_irs")
    assert unknown.value.hint == "Did you mean 'pred_iris'?"


def test_a_definition_that_somebody_else_wrote_is_not_opened(store: OpStore) -> None:
    store.register(PREDICT, owner="a", source=MODULE)
    with sqlite3.connect(store.path) as raw:
        raw.execute("UPDATE definitions SET source = ?", ('{"kind": "module", "ref": "evil"}',))
    raw.close()
    with pytest.raises(NotTrusted, match="not signed by you") as refused:
        store.definition("pred_iris")
    assert "jupyter chariots trust" in (refused.value.hint or "")
    assert [one.trusted for one in store.definitions()] == [False]
    store.register(PREDICT, owner="a", source=MODULE)
    assert store.definition("pred_iris").source == MODULE


def test_who_fits_what(store: OpStore) -> None:
    store.register(TRAIN, owner="a", source=MODULE)
    local = pipeline("local", data(), pca(fits=True))
    store.commit(local, fit(local, {"pca": b"p"}))
    # A client can call those that are served.
    assert store.pipelines_that_fit("pca") == ["train_iris", "local"]
    assert store.pipelines_that_fit("clf") == ["train_iris"]
    assert store.pipelines_that_fit("unknown") == []
    store.unregister("train_iris")
    assert store.pipelines_that_fit("clf") == []
