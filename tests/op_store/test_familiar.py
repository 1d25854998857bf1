"""The names that users of Chariots know."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from jupyter_chariots.errors import VersionNotFound
from jupyter_chariots.op_store import OpStore

from .lab import PREDICT, TRAIN, TRAIN_PCA, code, run


def test_versions_and_links(store: OpStore) -> None:
    assert store.get_all_versions_of_op("pca") is None
    first = run(store, TRAIN, save=True, pca="p1", clf="c1")
    run(store, TRAIN, save=True, pca="p1", clf="c1")  # the same links are there once
    second = run(store, TRAIN, pca="p2", clf="c1")
    versions = {first.versions["pca"], second.versions["pca"]}
    assert store.get_all_versions_of_op(SimpleNamespace(name="pca")) == versions
    assert store.get_validated_links("clf", "pca") == versions
    assert store.get_validated_links("pca", "clf") is None
    assert store.version_number("pca", first.versions["pca"]) == "1.0.0"
    assert store.version_number("pca", second.versions["pca"]) is None


def test_register_valid_link(store: OpStore) -> None:
    run(store, TRAIN, save=True, pca="p1", clf="c1")
    run(store, TRAIN_PCA, save=True, pca="p2")
    newest = store.version_info("pca", "2.0.0").version
    store.register_valid_link(None, "pca", newest)
    with pytest.raises(TypeError):
        store.choose(PREDICT)
    store.register_valid_link("clf", "pca", newest)
    assert store.choose(PREDICT).numbers["pca"] == "2.0.0"


def test_bytes_of_an_op(store: OpStore) -> None:
    version = code("imported")
    assert store.save_op_bytes("imported", version, b"bytes") == "1.0.0"
    assert store.get_op_bytes_for_version("imported", version) == b"bytes"
    assert store.get_op_bytes_for_version("imported", str(version)) == b"bytes"
    with pytest.raises(VersionNotFound):
        store.get_op_bytes_for_version("imported", code("other"))
    with pytest.raises(TypeError, match="neither an op nor the name"):
        store.get_op_bytes_for_version(object(), version)


def test_pipelines(store: OpStore) -> None:
    assert not store.pipeline_exists("train_iris")
    store.register_new_pipeline(TRAIN)
    before = store.sequence()
    store.register_new_pipeline(SimpleNamespace(spec=TRAIN))
    assert store.sequence() == before
    assert store.pipeline_exists("train_iris")
    with pytest.raises(TypeError):
        store.register_new_pipeline("train_iris")
