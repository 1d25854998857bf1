"""Inputs are joined only where that gives what single runs give."""

from __future__ import annotations

import json

import numpy as np
import pytest

from jupyter_chariots.errors import ChariotsError, NodeFailed
from jupyter_chariots.workers import codec
from jupyter_chariots.workers.joining import Joining

COMPARED = 5


class Runs:
    """A pipeline as ``Joining`` sees it; remembers what it was run on."""

    def __init__(self, function):
        self.function = function
        self.seen = []
        self.joining = Joining("sums", self.run, self.single)

    def run(self, value):
        self.seen.append(value)
        return self.function(value)

    def single(self, value):
        try:
            return codec.encode(self.run(value))
        except Exception as error:
            return NodeFailed(str(error))

    def __call__(self, *inputs):
        self.seen.clear()
        outputs = self.joining.outputs(inputs)
        return [o if isinstance(o, ChariotsError) else json.loads(o) for o in outputs]


def sums(rows):
    return np.asarray(rows).sum(axis=1)


A, B, C = [[1.0, 2.0]], [[3.0, 4.0], [5.0, 6.0]], [[7.0, 8.0]]


def trusted(function):
    """Runs that have been compared often enough."""
    runs = Runs(function)
    for _ in range(COMPARED):
        runs(A, B)
    return runs


def test_inputs_are_joined_and_the_output_is_split_again():
    runs = trusted(sums)
    assert runs(A, B, C) == [[3.0], [7.0, 11.0], [15.0]]
    assert runs.seen == [A + B + C]
    assert runs.joining.warning is None


def test_the_first_joins_are_compared_with_single_runs():
    runs = Runs(sums)
    for _ in range(COMPARED):
        assert runs(A, B) == [[3.0], [7.0, 11.0]]
        assert runs.seen == [A + B, A, B]
    runs(A, B)
    assert runs.seen == [A + B]
    wider = [[1.0, 2.0, 3.0]]
    runs(wider, wider)  # the first join of its kind
    assert runs.seen == [wider + wider, wider, wider]


@pytest.mark.parametrize(
    "other",
    [
        [[1.0, 2.0, 3.0]],
        [[1, 2]],
        [[1.0, 2]],
        [["1.0", "2.0"]],
        [[1.0, None]],
        [{"a": 1.0, "b": 2.0}],
        [1.0, 2.0],
        {"a": [1.0, 2.0]},
        [],
        1.0,
        "ab",
        [[1.0, 2.0], [1.0]],
        [[1.0, 2.0]] * 1000,
    ],
)
def test_only_inputs_of_equal_kind_are_joined(other):
    runs = Runs(lambda value: value)
    for _ in range(COMPARED):
        runs(A, C)
    assert runs(A, other, C) == [A, other, C]
    assert runs.seen == [A + C, other]


def test_records_are_joined_by_names_and_types():
    runs = trusted(lambda rows: rows)
    one, two = [{"a": 1, "b": 2.5}], [{"a": 2, "b": 0.5}]
    swapped = [{"b": 2.5, "a": 1}]
    for _ in range(COMPARED):
        runs(one, two)
    assert runs(one, swapped, two) == [one, swapped, two]
    assert runs.seen == [one + two, swapped]


def test_another_number_of_rows_out_means_one_by_one():
    runs = Runs(lambda rows: [[len(rows)]])
    assert runs(A, B, C) == [[[1]], [[2]], [[1]]]
    assert runs.joining.warning is None
    runs(A, C)
    assert runs(A, B) == [[[1]], [[2]]]
    assert "'sums' is not batchable" in runs.joining.warning
    runs(A, B)
    assert runs.seen == [A, B]


@pytest.mark.parametrize("output", [{"a": 1, "b": 2, "c": 3}, {1, 2, 3}, "abc", 3])
def test_what_has_no_rows_is_never_split(output):
    runs = Runs(lambda rows: output)
    alone = runs(A)[0]
    assert runs(A, B) == [alone, alone]


def test_a_failure_means_one_by_one():
    def picky(rows):
        if any(row[0] < 0 for row in rows):
            raise ValueError("negative")
        return sums(rows)

    runs = trusted(picky)
    bad = [[-1.0, 0.0]]
    good, failed, also = runs(A, bad, B)
    assert (good, also) == ([3.0], [7.0, 11.0])
    assert "negative" in failed.message
    assert runs.joining.warning is None
    runs(A, B)
    assert runs.seen == [A + B]  # who sends good rows is not punished for long


@pytest.mark.parametrize("stray", [1e-4, 1e-2, 10.0])
def test_a_difference_beyond_rounding_switches_joining_off(stray):
    runs = Runs(lambda rows: sums(rows) * (1 + stray * (len(rows) > 1)))
    assert runs(A, C) == [[3.0], [15.0]]  # the answers of single runs
    assert "other answers" in runs.joining.warning
    assert runs(A, C) == [[3.0], [15.0]]
    assert runs.seen == [A, C]


def test_a_difference_of_classes_switches_joining_off():
    runs = Runs(lambda rows: [len(rows) - 1 for _ in rows])
    assert runs(A, C) == [[0], [0]]
    assert runs.joining.warning


def test_rounding_does_not_matter():
    runs = Runs(lambda rows: [[n * (1 + 1e-7 * len(rows)), 1e-9 * len(rows)] for n in sums(rows)])
    for _ in range(COMPARED):
        runs(A, C)
    runs(A, C)
    assert runs.seen == [A + C]
    assert runs.joining.warning is None


def test_small_outputs_count_as_much_as_large_ones():
    runs = Runs(lambda rows: [1e-9 * len(rows) for _ in rows])
    runs(A, C)
    assert runs.joining.warning


def test_nan_is_equal_to_nan():
    runs = trusted(lambda rows: [float("nan") for _ in rows])
    assert runs.joining.warning is None
    assert runs(A, C) == [[None], [None]]
