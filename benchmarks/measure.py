"""Interleaved timing: every contestant runs once a round, so that a drifting machine hits all."""

from __future__ import annotations

import gc
import os
import statistics
import time
from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass
from typing import NamedTuple, TypeVar

ROUNDS = int(os.environ.get("BENCH_ROUNDS", "5"))
"""How many rounds there are, where one takes a second or more."""


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
        ours: ours as a multiple of this one, the median round by round.
    """

    benchmark: str
    name: str
    median: float
    ratio: float | None = None
    unit: str = "s"
    target: str = ""
    met: bool | None = None
    ours: float | None = None


class Verdict(NamedTuple):
    """A bound in words, and whether it holds."""

    target: str
    met: bool | None


K = TypeVar("K", bound=Hashable)
Clock = Callable[[], float]


def stopwatch(call: Callable[[], object], repeat: int = 1) -> Clock:
    """A measurement that runs ``call`` ``repeat`` times and gives the mean seconds of one."""

    def measure() -> float:
        start = time.perf_counter()
        for _ in range(repeat):
            call()
        return (time.perf_counter() - start) / repeat

    return measure


def interleave(contestants: Mapping[K, Clock], rounds: int) -> dict[K, list[float]]:
    """Run all contestants in turn, ``rounds`` times after one warm-up; seconds by name."""
    for measure in contestants.values():
        measure()
    times: dict[K, list[float]] = {name: [] for name in contestants}
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


def compare(
    title: str,
    series: Mapping[str, list[float]],
    *,
    floor: str | None = None,
    ours: str | None = None,
    unit: str = "s",
    verdicts: Mapping[str, Verdict] | None = None,
) -> list[Result]:
    """A row for each contestant: the median, and the ratios to the floor and of ours to it.

    Args:
        title: what was measured.
        series: what each contestant took, round by round.
        floor: the contestant that the others are multiples of.
        ours: the contestant that is ours.
        unit: of the figures.
        verdicts: the bounds of some contestants.
    """
    rows = []
    floor, ours = (name if name in series else None for name in (floor, ours))
    for name, taken in series.items():
        verdict = (verdicts or {}).get(name, Verdict("", None))
        rows.append(
            Result(
                title,
                name,
                statistics.median(taken),
                ratio(taken, series[floor]) if floor and name != floor else None,
                unit,
                verdict.target,
                verdict.met,
                ratio(series[ours], taken) if ours and name != ours else None,
            )
        )
    return rows


def readable(figure: float, unit: str = "s") -> str:
    """A figure for people.

    Args:
        figure: in the unit.
        unit: ``"s"``, ``"/s"``, ``"B"``, or one of these and more, such as ``"s/node"``.
    """
    if unit == "/s":
        return f"{figure:.0f}/s"
    if unit == "B":
        return f"{figure / 2**20:.0f} MiB"
    for prefix, size in (("", 1.0), ("m", 1e-3), ("µ", 1e-6), ("n", 1e-9)):
        if figure >= size or size == 1e-9:
            digits = f"{figure / size:.3g}" if figure < 1000 else f"{figure:.0f}"
            return f"{digits} {prefix}{unit}"
    raise AssertionError(figure)
