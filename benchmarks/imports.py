"""What ``import jupyter_chariots`` costs over starting Python."""

from __future__ import annotations

import statistics
import subprocess
import sys

from .measure import Result, interleave, ratio, stopwatch

BOUND_S = 0.100


def run() -> list[Result]:
    """Whole processes, in turn."""

    def process(code: str) -> None:
        subprocess.run([sys.executable, "-c", code], check=True)

    times = interleave(
        {
            "python -c pass": stopwatch(lambda: process("pass")),
            "import jupyter_chariots": stopwatch(lambda: process("import jupyter_chariots")),
            "… and its core names": stopwatch(
                lambda: process("from jupyter_chariots import Pipeline, Node, BaseOp")
            ),
        },
        rounds=15,
    )
    floor = times.pop("python -c pass")
    results = [Result("import", "python -c pass (floor)", statistics.median(floor))]
    for name, taken in times.items():
        over = statistics.median(a - b for a, b in zip(taken, floor, strict=True))
        results.append(
            Result(
                "import",
                f"{name}, over the floor",
                over,
                ratio(taken, floor),
                target="≤ 100 ms",
                met=over <= BOUND_S,
            )
        )
    return results
