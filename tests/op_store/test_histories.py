"""Random histories of trainings, saves, loads, pins and roll-backs, beside a model of the rules.

The model is DESIGN's rules of loading in a few lines, with lists in place of tables: the newest is
what the latest save names; what was not trained together is refused; pins bring their ancestors
along; a save over another run's is a conflict.
"""

from __future__ import annotations

import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from jupyter_chariots.errors import OpNotFound, SaveConflict, VersionError, VersionNotFound

from ..made_up import made_up
from .lab import PREDICT, TRAIN, TRAIN_CLF, TRAIN_PCA, load, open_store, run, state

NUMBERS = st.integers(0, 5)


@dataclass
class Run:
    id: str
    pipeline: str
    states: dict[str, str]
    start: int
    saved: bool = False


class Histories(RuleBasedStateMachine):
    """The real store beside the model. A state of clf tells the pca that it was trained on."""

    @initialize()
    def open(self):
        self.folder = Path(tempfile.mkdtemp())
        self.store = open_store(self.folder)
        self.runs: list[Run] = []
        self.saves: list[tuple[Run, str, str]] = []  # run, op and state, the newest last
        self.pins: dict[str, dict[str, str]] = {}  # of the last load, by pipeline
        self.served: dict[str, str] | None = None

    def teardown(self):
        self.store.close()
        shutil.rmtree(self.folder)

    # -- the model ----------------------------------------------------------------------------

    def saved(self, op):
        """States of an op in the order in which they got their numbers."""
        return list(dict.fromkeys(value for _, name, value in self.saves if name == op))

    def newest(self, op, fits=lambda value: True):
        return next(
            (value for _, name, value in reversed(self.saves) if name == op and fits(value)), None
        )

    def number(self, op, value):
        place = self.saved(op).index(value)
        return f"{place + 1}.0.0" if op == "pca" else f"1.0.{place}"

    def expected(self, pins):
        """What a load of the predictions takes; ``None`` where it is refused."""
        clf = pins.get("clf") or self.newest(
            "clf", lambda value: "pca" not in pins or trained_on(value) == pins["pca"]
        )
        pca = pins.get("pca") or (trained_on(clf) if "clf" in pins else self.newest("pca"))
        fits = pca and clf and trained_on(clf) == pca
        return {"pca": pca, "clf": clf} if fits else None

    # -- what happens ---------------------------------------------------------------------------

    def ran(self, spec, **states):
        start = len(self.saves)
        committed = run(self.store, spec, **states)
        self.runs.append(Run(committed.run_id, spec.name, states, start))

    @rule(pca=NUMBERS, clf=NUMBERS)
    def train(self, pca, clf):
        self.ran(TRAIN, pca=f"p{pca}", clf=f"c{clf}-p{pca}")

    @rule(pca=NUMBERS)
    def train_pca(self, pca):
        self.ran(TRAIN_PCA, pca=f"p{pca}")

    @rule(clf=NUMBERS)
    def train_clf(self, clf):
        pca = self.pins.get(TRAIN_CLF.name, {}).get("pca") or self.newest("pca")
        try:
            self.ran(TRAIN_CLF, clf=f"c{clf}-{pca}")
        except VersionError:
            assert pca is None
        else:
            assert pca is not None

    @precondition(lambda self: self.runs)
    @rule(data=st.data(), force=st.booleans())
    def save(self, data, force):
        one = data.draw(st.sampled_from(self.runs[-4:]))
        since = self.saves[one.start :]
        conflict = any(other is not one and op in one.states for other, op, _ in since)
        try:
            self.store.save(one.pipeline, one.id, force=force)
        except SaveConflict:
            assert conflict
            assert not one.saved
            assert not force
            return
        assert one.saved or force or not conflict
        if not one.saved:
            one.saved = True
            self.saves += [(one, op, value) for op, value in one.states.items()]

    def chosen(self, data, ops):
        pins = {}
        for op in ops:
            if self.saved(op) and data.draw(st.booleans()):
                pins[op] = data.draw(st.sampled_from(self.saved(op)))
        return pins

    @rule(data=st.data())
    def load(self, data):
        pins = self.chosen(data, ["pca", "clf"])
        expected = self.expected(pins)
        numbers = {op: self.number(op, value) for op, value in pins.items()}
        try:
            served = load(self.store, PREDICT, numbers)
        except VersionError:
            assert expected is None, (pins, expected)
            return
        found = {op: state(self.store, served, op) for op in served.versions}
        assert found == expected, pins
        assert served.numbers == {op: self.number(op, value) for op, value in found.items()}
        assert served.pins == numbers
        self.served = found

    @rule(data=st.data())
    def load_where_clf_is_trained(self, data):
        pins = self.chosen(data, ["pca"])
        numbers = {op: self.number(op, value) for op, value in pins.items()}
        try:
            served = load(self.store, TRAIN_CLF, numbers)
        except VersionError:
            assert self.newest("pca") is None
            return
        assert state(self.store, served, "pca") == (pins.get("pca") or self.newest("pca"))
        self.pins[TRAIN_CLF.name] = pins

    @rule(op=st.sampled_from(["pca", "clf"]))
    def load_what_there_is_not(self, op):
        try:
            load(self.store, PREDICT, {op: "9.9.9"})
        except VersionNotFound:
            return
        except OpNotFound:  # the store has never seen it
            assert not any(op in one.states for one in self.runs)
            return
        raise AssertionError("it was loaded")

    @rule()
    def open_again(self):
        self.store.close()
        self.store = open_store(self.folder)

    @invariant()
    def what_was_loaded_is_served_still(self):
        if getattr(self, "store", None) is None:
            return
        served = self.store.served(PREDICT.name)
        found = served and {op: state(self.store, served, op) for op in served.versions}
        assert found == self.served


def trained_on(clf):
    return clf.partition("-")[2] if clf else None


TestHistories = Histories.TestCase
TestHistories.settings = made_up(40, stateful_step_count=30)
