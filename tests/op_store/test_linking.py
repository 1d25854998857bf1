"""Links that somebody accepts by hand."""

from __future__ import annotations

import pytest

from jupyter_chariots.errors import VersionError, VersionNotFound
from jupyter_chariots.op_store import OpStore

from .lab import PREDICT, TRAIN, TRAIN_PCA, clf, data, op, pca, pipeline, run


def test_an_accepted_link_lets_a_load_pass(store: OpStore) -> None:
    run(store, TRAIN, save=True, pca="p1", clf="c1")
    run(store, TRAIN_PCA, save=True, pca="p2")
    with pytest.raises(VersionError):
        store.choose(PREDICT)
    store.accept_link(("pca", "2.0.0"), ("clf", "1.0.0"), "ann", "the axes are the same")
    assert store.choose(PREDICT).numbers == {"pca": "2.0.0", "clf": "1.0.0"}
    assert store.choose(PREDICT, {"pca": "1.0.0"}).numbers["clf"] == "1.0.0"
    assert store.choose(PREDICT, {"pca": "2.0.0"}).numbers["clf"] == "1.0.0"
    run(store, TRAIN_PCA, save=True, pca="p3")
    with pytest.raises(VersionError):
        store.choose(PREDICT)
    assert store.news()[-3].kind == "link"


def test_accepted_links_combine(store: OpStore) -> None:
    fit_other = pipeline("fit_other", data(), op("other", fits=True))
    head = clf(fits=True, upstream=("data", "pca", "other"))
    train = pipeline("train", data(), pca(fits=True), op("other", fits=True), head)
    predict = pipeline("predict", pca(), op("other"), clf(upstream=("pca", "other")))
    run(store, train, save=True, pca="p1", other="o1", clf="c1")
    run(store, TRAIN_PCA, save=True, pca="p2")
    run(store, fit_other, save=True, other="o2")
    store.accept_link(("pca", "2.0.0"), ("clf", "1.0.0"), "ann", "")
    with pytest.raises(VersionError):
        store.choose(predict)
    store.accept_link(("other", "2.0.0"), ("clf", "1.0.0"), "ann", "")
    assert store.choose(predict).numbers["other"] == "2.0.0"


def test_accepting_twice_adds_nothing(store: OpStore) -> None:
    run(store, TRAIN, save=True, pca="p1", clf="c1")
    for _ in range(3):
        store.accept_link(("pca", "1.0.0"), ("clf", "1.0.0"), "ann", "")
    assert store.get_validated_links("clf", "pca") == {store.choose(PREDICT).versions["pca"]}


def test_links_need_two_ops_and_known_versions(store: OpStore) -> None:
    run(store, TRAIN, save=True, pca="p1", clf="c1")
    with pytest.raises(VersionError):
        store.accept_link(("pca", "1.0.0"), ("pca", "1.0.0"), "ann", "")
    with pytest.raises(VersionNotFound):
        store.accept_link(("pca", "5.0.0"), ("clf", "1.0.0"), "ann", "")
