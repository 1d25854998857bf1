"""Interleaved timing: every contestant runs once a round, so that a drifting machine hits all."""

from __future__ import annotations

import gc
import statistics
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Result:
    """What one contestant of one benchmark took.

    Attributes:
        benchmark: what was measured.
        name: who was measured.
        median: seconds, or for the unit ``"/s"`` how many in a second.
        ratio: median of the per-round ratios to the floor; ``None`` for the floor itself.
        unit: ``"s"`` or ``"s/node"`` and the like, what one figure stands for.
        target: the bound that the project set itself, in words.
        met: whether it holds; ``None`` where there is no bound.
    """

    benchmark: str
    name: str
    median: float
    ratio: float | None = None
    unit: str = "s"
    target: str = ""
    met: bool | None = None


Clock = Callable[[], float]


def stopwatch(call: Callable[[], object], repeat: int = 1) -> Clock:
    """A measurement that runs ``call`` ``repeat`` times and gives the mean seconds of one."""

    def measure() -> float:
        start = time.perf_counter()
        for _ in range(repeat):
            call()
        return (time.perf_counter() - start) / repeat

    return measure


def interleave(contestants: Mapping[str, Clock], rounds: int) -> dict[str, list[float]]:
    """Run all contestants in turn, ``rounds`` times after one warm-up; seconds by name."""
    for measure in contestants.values():
        measure()
    times: dict[str, list[float]] = {name: [] for name in contestants}
    gc.collect()
    gc.disable()
    try:
        for _ in range(rounds):
            for name, measure in contestants.items():
                times[name].append(measure())
    finally:
        gc.enable()
    return times


def ratio(times: list[float], floor: list[float]) -> float:
    """The median of the ratios round by round."""
    return statistics.median(a / b for a, b in zip(times, floor, strict=True))


def readable(seconds: float) -> str:
    """A duration for people."""
    for unit, size in (("s", 1.0), ("ms", 1e-3), ("µs", 1e-6)):
        if seconds >= size:
            return f"{seconds / size:.3g} {unit}"
    return f"{seconds * 1e9:.3g} ns"
