"""What was measured, for people, for programs and for ``docs/benchmarks.md``.

The figures of a suite carry the machine and the versions that they come from, so that suites can be
measured one at a time.
"""

from __future__ import annotations

import json
import os
import platform
import re
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from datetime import date
from importlib.metadata import version
from pathlib import Path
from typing import Any

from . import peers
from .measure import Result, readable

__all__ = ["Measured", "environment", "fill", "read", "table", "write"]

_PACKAGES = ("jupyter-server", "tornado", "sqlite-utils", "numpy", "pandas", "scikit-learn")
_BLOCK = re.compile(r"<!-- figures: (\S+) -->\n.*?<!-- end -->", re.DOTALL)


@dataclass(frozen=True)
class Measured:
    """A suite as it was measured.

    Attributes:
        suite: its name.
        where: the machine and the versions.
        results: its rows.
    """

    suite: str
    where: dict[str, str]
    results: list[Result]


def environment() -> dict[str, str]:
    """The machine, and which versions of what were measured."""
    load = os.getloadavg()[0]
    facts = {
        "date": date.today().isoformat(),
        "system": platform.platform(),
        "processor": f"{os.cpu_count()} cores, {_processor()}",
        "load before": f"{load:.1f}",
        "python": platform.python_version(),
    }
    facts |= {package: version(package) for package in _PACKAGES}
    if peers.wanted():
        facts |= {f"environment of {name}": held for name, held in peers.versions().items()}
    return facts


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor()
    found = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    return found[0] if found else platform.machine()


def _times(found: float | None) -> str:
    if found is None:
        return ""
    return f"{found:.2f}" if 0.1 <= found < 100 else f"{found:.3g}"


def table(results: Iterable[Result]) -> str:
    """The results for people, one row a contestant."""
    rows = [("benchmark", "who", "median", "× floor", "ours ×", "target", "")]
    for r in results:
        mark = {True: "met", False: "MISSED", None: ""}[r.met]
        median = readable(r.median, r.unit)
        rows.append((r.benchmark, r.name, median, _times(r.ratio), _times(r.ours), r.target, mark))
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    lines = [
        "  ".join(c.ljust(w) for c, w in zip(row, widths, strict=True)).rstrip() for row in rows
    ]
    lines.insert(1, "  ".join("-" * width for width in widths))
    return "\n".join(lines)


def read(path: Path) -> dict[str, Measured]:
    """The suites of a file that :func:`write` wrote; none if there is no file."""
    if not path.exists():
        return {}
    kept: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return {
        name: Measured(name, suite["where"], [Result(**row) for row in suite["results"]])
        for name, suite in kept.items()
    }


def write(path: Path, measured: Iterable[Measured]) -> None:
    """Put suites into a file, in the place of older figures of theirs."""
    kept = read(path) | {suite.suite: suite for suite in measured}
    content = {
        name: {"where": suite.where, "results": [asdict(row) for row in suite.results]}
        for name, suite in kept.items()
    }
    path.write_text(json.dumps(content, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


def fill(document: Path, measured: dict[str, Measured]) -> None:
    """Write the figures between the marks of a document; all other text is left as it is.

    A block ``<!-- figures: NAME -->`` … ``<!-- end -->`` gets the table of the suite of that name,
    ``targets`` those rows of all suites that have a target.
    """

    def block(found: re.Match[str]) -> str:
        name = found[1]
        if name == "targets":
            lines = _targets(measured.values())
        elif name in measured:
            lines = _suite(measured[name])
        else:
            return found[0]
        return "\n".join([f"<!-- figures: {name} -->", "", *lines, "", "<!-- end -->"])

    text = document.read_text(encoding="utf-8")
    document.write_text(_BLOCK.sub(block, text), encoding="utf-8")


def _markdown(rows: list[list[str]]) -> list[str]:
    head, *rest = rows
    lines = [head, ["---"] * len(head), *rest]
    return [f"| {' | '.join(row)} |" for row in lines]


def _targets(measured: Iterable[Measured]) -> list[str]:
    rows = [["", "what", "found", "target", "suite"]]
    for suite in measured:
        for r in suite.results:
            if r.met is not None:
                mark = "met" if r.met else "**missed**"
                found = readable(r.median, r.unit)
                rows.append([mark, f"{r.benchmark}: {r.name}", found, r.target, suite.suite])
    return _markdown(rows)


def _suite(suite: Measured) -> list[str]:
    results = suite.results
    figures = list(dict.fromkeys(r.benchmark for r in results))
    names = list(dict.fromkeys(r.name for r in results))
    crossed = len(names) * len(figures) <= 1.5 * len(results)
    rows = _crossed(results, figures, names) if crossed else _listed(results)
    where = ", ".join(f"{key} {value}".strip() for key, value in _told(suite.where))
    return [*_markdown(rows), "", f"Measured on {where}."]


def _cell(r: Result) -> str:
    return readable(r.median, r.unit) + (f" ({_times(r.ours)})" if r.ours is not None else "")


def _crossed(results: list[Result], figures: list[str], names: list[str]) -> list[list[str]]:
    cells = {(r.name, r.benchmark): _cell(r) for r in results}
    rows = [[name, *(cells.get((name, figure), "") for figure in figures)] for name in names]
    return [["", *figures], *rows]


def _listed(results: list[Result]) -> list[list[str]]:
    rows = [[r.benchmark, r.name, readable(r.median, r.unit), _times(r.ratio)] for r in results]
    return [["", "", "median", "× floor"], *rows]


def _told(where: dict[str, str]) -> Iterator[tuple[str, str]]:
    for key, value in where.items():
        yield {"date": "", "system": "", "processor": ""}.get(key, key), value
