"""The window over the calls of the last minute."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from jupyter_chariots.server.recent import Recent


class Clock:
    now = 1000.0

    def __call__(self):
        return self.now


def test_without_calls_there_are_no_times():
    assert Recent().view() == {"rate": 0.0, "p50": None, "p99": None, "window": 60}


def test_rate_and_percentiles():
    clock = Clock()
    recent = Recent(clock)
    for number in range(200):
        clock.now += 0.1
        recent.add((number + 1) / 1000)
    view = recent.view()
    assert view["rate"] == 10.0  # over the twenty seconds since the start
    assert view["p50"] == 0.1  # no more than half of them took longer
    assert view["p99"] == 0.198


@given(st.lists(st.floats(0.001, 100), min_size=1, max_size=300))
def test_percentiles_are_those_of_numpy(seconds):
    recent = Recent(Clock())
    for one in seconds:
        recent.add(one)
    view = recent.view()
    for name, percent in (("p50", 50), ("p99", 99)):
        wanted = np.percentile(seconds, percent, method="inverted_cdf")
        assert view[name] == pytest.approx(wanted, abs=1e-6)


def test_the_rate_falls_when_nobody_calls():
    clock = Clock()
    recent = Recent(clock)
    clock.now += 60
    for _ in range(120):
        recent.add(0.5)
    rates = []
    for _ in range(7):
        rates.append(recent.view()["rate"])
        clock.now += 10
    assert rates[0] == 2.0
    assert rates[-1] == 0.0
    assert sorted(rates, reverse=True) == rates


def test_what_is_older_than_a_minute_does_not_count():
    clock = Clock()
    recent = Recent(clock)
    for _ in range(50):
        recent.add(9.0)
    clock.now += 61
    recent.add(1.0)
    view = recent.view()
    assert view["rate"] == round(1 / 60, 3)
    assert view["p99"] == 1.0
    clock.now += 200
    assert recent.view()["p50"] is None


def test_many_calls_are_counted_though_only_the_last_are_timed():
    clock = Clock()
    recent = Recent(clock)
    clock.now += 60
    for number in range(6000):
        recent.add(float(number))
    view = recent.view()
    assert view["rate"] == 100.0
    assert 6000 - 1024 <= view["p50"] < view["p99"] < 6000
