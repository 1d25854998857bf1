"""History of an op, differences, and what could be loaded."""

from __future__ import annotations

import pytest

from jupyter_chariots.errors import OpNotFound, VersionNotFound
from jupyter_chariots.op_store import OpStore

from .lab import PREDICT, TRAIN, TRAIN_CLF, clf, data, pca, pipeline, run


def test_history_is_paged_latest_first(store: OpStore) -> None:
    for index in range(5):
        run(store, TRAIN, save=index != 3, pca=f"p{index}", clf="c")
    first = store.history("pca", limit=2)
    assert [one.number for one in first] == ["4.0.0", None]
    rest = store.history("pca", limit=9, before=first[-1].id)
    assert [one.number for one in rest] == ["3.0.0", "2.0.0", "1.0.0"]
    one = first[0]
    assert (one.kind, one.level, one.who, one.pipeline, one.size) == (
        "fitted",
        "major",
        "ann",
        "train_iris",
        2,
    )
    assert one.run_id is not None
    assert one.class_version == TRAIN.stateful["pca"].version


def test_history_of_an_unknown_op(store: OpStore) -> None:
    with pytest.raises(OpNotFound, match="no op 'nope'"):
        store.history("nope")
    with pytest.raises(OpNotFound):
        store.version_info("nope", "1.0.0")
    run(store, TRAIN, save=True, pca="p", clf="c")
    with pytest.raises(VersionNotFound):
        store.version_info("pca", "3.0.0")
    assert store.history("data") == []  # stateless


def test_ops_are_paged_latest_first(store: OpStore) -> None:
    run(store, TRAIN, save=True, pca="p", clf="c")
    found = store.ops()
    assert {one.name: one.newest for one in found} == {"data": None, "pca": "1.0.0", "clf": "1.0.0"}
    assert {one.name: one.owner for one in found}["pca"] == "notebook.ipynb"
    paged = [store.ops(limit=1), store.ops(limit=9, before=found[0].id)]
    assert [*paged[0], *paged[1]] == found


def test_diff_shows_just_what_differs(store: OpStore) -> None:
    old = pca(fits=True, source="def fit(x):\n    return 1\n", packages={"numpy": "1"})
    run(store, pipeline("t", data(), old), save=True, pca="p1", facts={"rows": 10, "k": {"a": 1}})
    new = pca(
        ("1", "0", "1"),
        fits=True,
        source="def fit(x):\n    return 2\n",
        packages={"numpy": "2"},
    )
    run(
        store,
        pipeline("t", data(("1", "1")), new),
        save=True,
        pca="p2",
        facts={"rows": 10, "k": {"a": 2}},
    )
    found = store.diff("pca", "1.0.0", "2.0.0")
    assert found["levels"] == ["major", "patch"]
    assert found["facts"] == {"packages.numpy": ["1", "2"], "k.a": [1, 2]}
    assert "-    return 1" in found["source"]
    assert "+    return 2" in found["source"]
    assert set(found["lineage"]) == {"data"}
    assert len(set(found["state"])) == 2
    assert store.diff("pca", "1.0.0", "1.0.0") == {}


def test_loadable_says_what_fits_and_why_not(store: OpStore) -> None:
    run(store, TRAIN, save=True, pca="p1", clf="c1")
    run(store, TRAIN, save=True, pca="p2", clf="c2")
    run(store, TRAIN_CLF, save=True, clf="c3")
    run(store, TRAIN, pca="p9", clf="c9")  # a candidate
    found = store.loadable(PREDICT, {"pca": "1.0.0"}, "clf")
    assert [(one.number, one.fits) for one in found] == [
        ("1.0.2", False),
        ("1.0.1", False),
        ("1.0.0", True),
    ]
    assert "clf 1.0.2 was trained on pca 2.0.0, not on 1.0.0" in (found[0].reason or "")
    assert [one.fits for one in store.loadable(PREDICT, {}, "clf")] == [True, True, True]
    page = store.loadable(PREDICT, {}, "clf", limit=1, before=found[0].seq)
    assert [one.number for one in page] == ["1.0.1"]


def test_loadable_under_newer_code_warns(store: OpStore) -> None:
    run(store, TRAIN, save=True, pca="p1", clf="c1")
    patched = pipeline("pred_iris", pca(("1", "0", "1")), clf())
    (one,) = store.loadable(patched, {}, "pca")
    assert one.fits
    assert one.warnings == ("pca 1.0.0 was made by other code or fields of pca (patch).",)
