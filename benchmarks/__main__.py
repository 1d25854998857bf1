"""``python -m benchmarks [NAME …] [--json FILE]``: measure and print a table."""

from __future__ import annotations

import argparse
import importlib
import json
import os
import platform
import sys
from dataclasses import asdict
from importlib.metadata import version

from .measure import Result, readable

SUITES = ("imports", "runner", "store", "data", "feel", "serving", "jobs")
PACKAGES = ("jupyter-server", "tornado", "sqlite-utils", "numpy", "scikit-learn")


def machine() -> dict[str, str]:
    """Where the figures come from."""
    facts = {
        "python": platform.python_version(),
        "system": platform.platform(),
        "cores": str(os.cpu_count()),
    }
    return facts | {package: version(package) for package in PACKAGES}


def table(results: list[Result]) -> str:
    """The results for people, one row a contestant."""
    rows = [("benchmark", "who", "median", "× floor", "target", "")]
    for r in results:
        mark = {True: "met", False: "MISSED", None: ""}[r.met]
        times = f"{r.ratio:.2f}" if r.ratio is not None else ""
        rate = r.unit == "/s"
        median = f"{r.median:.0f}/s" if rate else readable(r.median) + r.unit.removeprefix("s")
        rows.append((r.benchmark, r.name, median, times, r.target, mark))
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    lines = [
        "  ".join(c.ljust(w) for c, w in zip(row, widths, strict=True)).rstrip() for row in rows
    ]
    lines.insert(1, "  ".join("-" * width for width in widths))
    return "\n".join(lines)


def main() -> None:
    """Run the suites that are named, or all."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("suite", nargs="*", help=f"some of: {', '.join(SUITES)}")
    parser.add_argument("--json", metavar="FILE", help="write the figures there too")
    arguments = parser.parse_args()
    results: list[Result] = []
    for name in arguments.suite or SUITES:
        print(f"… {name}", file=sys.stderr, flush=True)
        results += importlib.import_module(f".{name}", __package__).run()
    print("  ".join(f"{key} {value}" for key, value in machine().items()), end="\n\n")
    print(table(results))
    if arguments.json:
        with open(arguments.json, "w", encoding="utf-8") as file:
            json.dump(
                {"machine": machine(), "results": [asdict(r) for r in results]}, file, indent=1
            )


if __name__ == "__main__":
    main()
