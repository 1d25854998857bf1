"""Candidates and the current set."""

from __future__ import annotations

from dataclasses import replace

import pytest

from jupyter_chariots.errors import NameTaken, RunNotFound
from jupyter_chariots.op_store import OpStore
from jupyter_chariots.versioning.spec import Learned, RunRecord
from jupyter_chariots.versioning.version import Version, now

from .lab import (
    COUNT,
    PREDICT,
    SECRET,
    TRAIN,
    TRAIN_CLF,
    clf,
    code,
    data,
    fit,
    load,
    op,
    pca,
    pipeline,
    run,
    state,
)


def test_a_run_leaves_a_candidate_that_no_load_takes(store: OpStore) -> None:
    run(store, TRAIN, save=True, pca="p1", clf="c1")
    committed = run(store, TRAIN, pca="p2", clf="c2")
    assert not committed.saved
    assert store.unsaved(TRAIN) == committed.run_id
    assert store.current(TRAIN) == committed.versions
    assert store.choose(PREDICT).numbers == {"pca": "1.0.0", "clf": "1.0.0"}
    assert store.read("pca", committed.versions["pca"]) == b"p2"


def test_a_run_that_learned_nothing_leaves_nothing(store: OpStore) -> None:
    committed = store.commit(COUNT, RunRecord("r", (), {}))
    assert (committed.saved, store.sequence(), store.unsaved(COUNT)) == (False, 0, None)
    with pytest.raises(RunNotFound):
        store.save("count", "r")


def test_a_commit_that_is_repeated_changes_nothing(store: OpStore) -> None:
    record = fit(TRAIN, {"pca": b"p", "clf": b"c"})
    first = store.commit(TRAIN, record)
    before = store.sequence()
    assert store.commit(TRAIN, record) == first
    assert store.sequence() == before


def test_equal_training_keeps_the_first_recorded_time(store: OpStore) -> None:
    first = run(store, TRAIN, pca="p1", clf="c1")
    again = run(store, TRAIN, pca="p1", clf="c1")
    assert {k: str(v) for k, v in again.versions.items()} == {
        k: str(v) for k, v in first.versions.items()
    }
    assert len(store.history("pca")) == 1


def test_class_level_versions_of_all_ops_are_recorded(store: OpStore) -> None:
    run(store, TRAIN, pca="p", clf="c")
    later = pipeline("train_iris", data(), pca(fits=True), clf(fits=True))
    definition = store.register(later, owner="m", source={"kind": "module"})
    assert [str(a.version) for a in definition.spec.ops] == [str(b.version) for b in TRAIN.ops]


def test_current_set_is_of_the_later_of_run_and_load(store: OpStore) -> None:
    first = run(store, TRAIN, save=True, pca="p1", clf="c1")
    run(store, TRAIN, pca="p2", clf="c2")
    load(store, TRAIN)
    assert store.current(TRAIN) == first.versions
    assert store.unsaved(TRAIN) is None
    third = run(store, TRAIN, pca="p3", clf="c3")
    assert store.current(TRAIN) == third.versions


@pytest.mark.parametrize("cause", ["start", "serve", "definition"])
def test_restoring_is_not_a_load(store: OpStore, cause: str) -> None:
    run(store, TRAIN, save=True, pca="p1", clf="c1")
    second = run(store, TRAIN, pca="p2", clf="c2")
    load(store, TRAIN, cause=cause)
    assert store.current(TRAIN) == second.versions
    assert store.unsaved(TRAIN) == second.run_id
    assert store.save(TRAIN.name) is not None


def test_restored_set_is_current_before_any_run_and_after_a_load(store: OpStore) -> None:
    run(store, TRAIN, save=True, pca="p1", clf="c1")
    served = load(store, PREDICT, cause="start")
    assert store.current(PREDICT) == served.versions
    assert store.current("unknown") == {}


def test_what_is_carried_on_goes_on_across_restarts(store: OpStore) -> None:
    """Call three times, save, load, kill the server, call: four."""
    for calls in range(1, 4):
        start = store.start(COUNT)
        held = int(store.read("counter", start.versions["counter"])) if start.versions else 0
        assert held == calls - 1
        run(store, COUNT, counter=str(held + 1))
    store.save("count")
    load(store, COUNT)
    again = OpStore(store.path, secret=SECRET)
    start = again.start(COUNT)
    assert again.read("counter", start.states["counter"].version) == b"3"
    again.close()
    run(store, COUNT, counter="4")
    assert state(store, load(store, COUNT), "counter") == "3"  # only the save of 3 is newest


def test_carried_runs_start_from_the_load_after_a_roll_back(store: OpStore) -> None:
    run(store, COUNT, save=True, counter="1")
    run(store, COUNT, save=True, counter="2")
    load(store, COUNT, {"counter": "1.0.0"})
    assert store.start(COUNT).numbers == {"counter": "1.0.0"}


def test_carried_state_of_another_code_line_starts_anew(store: OpStore) -> None:
    run(store, COUNT, save=True, counter="7")
    start = store.start(pipeline("count", op("counter", ("2",), carries=True)))
    assert dict(start.versions) == {}
    assert start.warnings == (
        "counter 1.0.0 was made by other code of counter (major): it starts anew.",
    )


def test_what_carries_on_begins_with_what_another_pipeline_trained(store: OpStore) -> None:
    """An incremental fit goes on from the saved model, whatever was restored before."""
    update = pipeline("update", data(), pca(), clf(fits=True, carries=True))
    load(store, pipeline("update", data()), cause="start")
    run(store, TRAIN, save=True, pca="p1", clf="c1")
    assert store.start(update).numbers == {"pca": "1.0.0", "clf": "1.0.0"}
    first = run(store, update, clf="c1+")
    run(store, TRAIN, save=True, pca="p2", clf="c2")
    assert store.start(update).versions["clf"] == first.versions["clf"]


def test_a_run_starts_from_what_a_load_would_take(store: OpStore) -> None:
    run(store, TRAIN, save=True, pca="p1", clf="c1")
    run(store, TRAIN, save=True, pca="p2", clf="c2")
    assert store.start(TRAIN_CLF).numbers == {"pca": "2.0.0"}
    load(store, TRAIN_CLF, {"pca": "1.0.0"})
    assert store.start(TRAIN_CLF).numbers == {"pca": "1.0.0"}  # the pins of the last load
    load(store, TRAIN_CLF)
    assert store.start(TRAIN_CLF).numbers == {"pca": "2.0.0"}


def test_a_run_that_only_fits_starts_from_nothing(store: OpStore) -> None:
    assert dict(store.start(TRAIN).versions) == {}


def test_unknown_upstream_state_is_named_but_never_loaded(store: OpStore) -> None:
    elsewhere = code("pca").learned(TRAIN.stateful["pca"].level, "f")
    store.commit(TRAIN_CLF, fit(TRAIN_CLF, {"clf": b"c"}, {"pca": elsewhere}), promote=True)
    assert store.get_validated_links("clf", "pca") == {elsewhere}
    assert store.history("pca") == []


def test_used_states_are_committed_but_not_named(store: OpStore) -> None:
    fitted = fit(pipeline("t", data(), pca(fits=True)), {"pca": b"p"})
    held: Learned = fitted.learned[0]
    record = fit(TRAIN_CLF, {"clf": b"c"}, {"pca": held.version}, used=(held,))
    store.commit(TRAIN_CLF, record, promote=True)
    assert store.read("pca", held.version) == b"p"
    assert store.version_number("pca", held.version) is None
    assert store.version_number("clf", record.after["clf"]) == "1.0.0"
    # The lineage of a pinned version is exact, saved or not.
    assert store.choose(PREDICT, {"clf": "1.0.0"}).versions["pca"] == held.version


def test_other_code_from_elsewhere_is_refused_before_anything_is_written(store: OpStore) -> None:
    run(store, TRAIN, pca="p1", clf="c1")
    other = pipeline("mine", data(), pca(("9",), fits=True, origin="other.ipynb"))
    before = store.sequence()
    with pytest.raises(NameTaken, match=r"pca.*belongs to notebook\.ipynb"):
        store.commit(other, fit(other, {"pca": b"x"}))
    assert store.sequence() == before
    same = pipeline("mine", data(), pca(fits=True, origin="other.ipynb"))
    store.commit(same, fit(same, {"pca": b"x"}))


def test_stateless_names_are_free(store: OpStore) -> None:
    run(store, TRAIN, pca="p1", clf="c1")
    other = pipeline("mine", op("data", ("9",), stateful=False, origin="b"), op("own", fits=True))
    store.commit(other, fit(other, {"own": b"x"}))


def test_facts_that_are_no_json_are_kept_as_text(store: OpStore) -> None:
    facts = {
        "loss": float("nan"),
        "when": now().date(),
        "k": {
            1: {
                3,
            }
        },
        "ok": [1, 2.5, None],
    }
    committed = run(store, TRAIN, facts=facts, pca="p", clf="c")
    kept = store.version_info("pca", committed.versions["pca"]).facts
    assert kept["loss"] is None
    assert kept["ok"] == [1, 2.5, None]
    assert kept["k"] == {"1": [3]}
    assert kept["python"] == "3.11"


def test_versions_of_the_answer_are_all_in_the_store(store: OpStore) -> None:
    run(store, TRAIN, save=True, pca="p1", clf="c1")
    newer = replace(TRAIN_CLF, ops=(data(), pca(("1", "0", "1")), clf(fits=True)))
    committed = run(store, newer, clf="c2")
    for name, version in committed.versions.items():
        assert isinstance(version, Version)
        store.verify(name, version)
    assert store.version_number("pca", committed.versions["pca"]) == "1.0.1"
