"""Defects of Chariots 0.2 in versions: gone. What other tests show:

setting a field on one instance changed all
    → versioning/test_fields.py::test_setting_on_one_instance_changes_only_that_one
a set-valued field was hashed differently in each process
    → versioning/test_fields.py::test_the_same_for_every_hash_seed
    → op_store/test_processes.py::test_versions_do_not_depend_on_the_hash_seed
changed code left the version equal
    → versioning/test_code.py::test_edits_that_count
    → acceptance/test_served_semantics.py::test_an_edited_helper_is_another_version_and_warned
a grandparent's field was ignored
    → versioning/test_fields.py::test_fields_of_grandparents_count
links knew the upstream version but not the downstream one
    → acceptance/test_semantics.py::test_a_combination_never_trained_together_is_refused
== with another type raised
    → versioning/test_version.py::test_equal_by_digests_only
the newest version was decided by the wall clock
    → op_store/test_saves.py::test_data_1_2_1_again_serves_data_1
"""

from __future__ import annotations

import operator
from dataclasses import replace
from datetime import timedelta

import pytest

from jupyter_chariots import (
    BaseMLOp,
    BaseOp,
    LoadableOp,
    MLMode,
    Node,
    OpStore,
    Pipeline,
    SequentialRunner,
    Version,
    VersionedField,
    VersionType,
)
from jupyter_chariots.errors import InvalidPipeline, VersionError

IN, OUT = "__pipeline_input__", "__pipeline_output__"


class Base(BaseMLOp):
    """Learns what it gets."""

    def _init_model(self):
        return []

    def fit(self, number):
        self._model.append(number)

    def predict(self, number):
        return number - self._model[0]


class Root(Base):
    pass


class Left(Base):
    pass


class Right(Base):
    pass


@pytest.fixture
def store(tmp_path):
    with OpStore(tmp_path / "op_store.db") as store:
        yield store


def train(store, pipeline, number):
    SequentialRunner().run(pipeline, number)
    pipeline.save(store)


def train_both():
    """A root with two ops downstream of it."""
    return Pipeline(
        [
            Node(Root(MLMode.FIT_PREDICT), [IN], "x"),
            Node(Left(MLMode.FIT), ["x"]),
            Node(Right(MLMode.FIT), ["x"]),
        ],
        "train_both",
    )


def train_root():
    return Pipeline([Node(Root(MLMode.FIT), [IN])], "train_root")


def use_both():
    return Pipeline(
        [
            Node(Root(MLMode.PREDICT), [IN], "x"),
            Node(Left(MLMode.PREDICT), ["x"], "left"),
            Node(Right(MLMode.PREDICT), ["x"], OUT),
        ],
        "use_both",
    )


def use(op):
    return Pipeline(
        [Node(Root(MLMode.PREDICT), [IN], "x"), Node(op(MLMode.PREDICT), ["x"], OUT)],
        f"use_{op.__name__.lower()}",
    )


def test_every_link_is_saved_and_checked(store):
    """Only the first one downstream was."""
    train(store, train_both(), 1)
    for op in ("left", "right"):
        assert len(store.get_validated_links(op, "root")) == 1
    use(Left).load(store)
    use(Right).load(store)
    train(store, train_root(), 2)
    for op in (Left, Right):
        with pytest.raises(VersionError, match=rf"{op.__name__.lower()} 1\.0\.0"):
            use(op).load(store)
    with pytest.raises(VersionError):
        use_both().load(store)


def test_retraining_one_branch_leaves_the_other_refused(store):
    train(store, train_both(), 1)
    train(store, train_root(), 2)
    branch = Pipeline(
        [Node(Root(MLMode.PREDICT), [IN], "x"), Node(Left(MLMode.FIT), ["x"])], "train_left"
    )
    branch.load(store)
    train(store, branch, 5)
    use(Left).load(store)
    with pytest.raises(VersionError, match=r"right 1\.0\.0"):
        use(Right).load(store)


def test_the_newest_is_what_was_saved_last_whatever_the_clock_says(store):
    trainer = train_root()
    train(store, trainer, 1)
    SequentialRunner().run(trainer, 2)
    year = timedelta(days=365)
    record = trainer.last_run
    learned = tuple(
        replace(one, learned=one.learned - year, version=one.version.at(one.learned - year))
        for one in record.learned
    )
    store.commit(trainer.spec, replace(record, learned=learned), promote=True)
    first, second = (store.version_info("root", number) for number in ("1.0.0", "2.0.0"))
    assert second.version < first.version
    assert store.choose(trainer.spec).numbers == {"root": "2.0.0"}


def twins():
    class Twin(LoadableOp):
        size = VersionedField(1, VersionType.MAJOR)

        def execute(self, number):
            return number + self.size

        def serialize(self):
            return b"1"

        def load(self, serialized_object):
            pass

    class TWIN(Twin):
        size = VersionedField(2, VersionType.MAJOR)

    return Twin, TWIN


def test_ops_whose_classes_differ_by_case_only_are_told_apart():
    """Ops were known by the lower-case name of their class only."""
    lower, upper = twins()
    assert lower().name == upper().name == "twin"
    assert lower().__version__ != upper().__version__
    with pytest.raises(InvalidPipeline, match="op_name"):
        Pipeline([Node(lower(), [IN], "x"), Node(upper(), ["x"], OUT)], "p")
    upper.op_name = "other"
    pipeline = Pipeline([Node(lower(), [IN], "x"), Node(upper(), ["x"], OUT)], "p")
    assert set(pipeline.ops) == {"twin", "other"}
    assert SequentialRunner().run(pipeline, 1) == 4


def test_stateless_ops_of_one_name_have_a_version_each():
    class Step(BaseOp):
        size = VersionedField(1, VersionType.MAJOR)

        def execute(self, number):
            return number + self.size

    class STEP(Step):
        size = VersionedField(2, VersionType.MAJOR)

    pipeline = Pipeline([Node(Step(), [IN], "x"), Node(STEP(), ["x"], OUT)], "p")
    assert SequentialRunner().run(pipeline, 1) == 4
    versions = pipeline.get_pipeline_versions()
    assert len({str(version) for version in versions.values()}) == len(versions) == 2


@pytest.mark.parametrize("other", [None, 3, "1.0.0", object(), [], ("a", "b", "c")])
def test_a_version_may_be_compared_with_anything(other):
    version = Version()
    assert version != other
    assert not version == other  # noqa: SIM201 both operators are meant
    for compare in (operator.lt, operator.gt):
        with pytest.raises(TypeError):
            compare(version, other)
