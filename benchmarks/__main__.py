"""``python -m benchmarks [SUITE …] [--json FILE] [--document]``: measure and print a table.

``PEERS=1`` adds other people's programs, in virtual environments that are made in ``build/peers``.
``BENCH_ROUNDS`` (5) and ``BENCH_SECONDS`` (2): how many windows there are, and how long one is.
"""

from __future__ import annotations

import argparse
import importlib
import os
import sys
import time
import traceback
from pathlib import Path

# before any of them is imported: numerics of all contestants choose their code by the processor
# that there is, and Python keeps its byte code, as it does for users
for _name in ("OPENBLAS_CORETYPE", "OPENBLAS_L2_SIZE", "PYTHONDONTWRITEBYTECODE"):
    os.environ.pop(_name, None)

from . import report  # noqa: E402
from .measure import Result  # noqa: E402

SUITES = ("imports", "runner", "store", "data", "feel", "startup", "serving", "jobs", "panel")
DOCUMENT = Path(__file__).resolve().parents[1] / "docs" / "benchmarks.md"
FIGURES = DOCUMENT.with_suffix(".json")


def main() -> int:
    """Run the suites that are named, or all; 1 if one of them failed."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("suite", nargs="*", help=f"some of: {', '.join(SUITES)}")
    parser.add_argument("--json", metavar="FILE", type=Path, help="write the figures there too")
    parser.add_argument(
        "--document",
        action="store_true",
        help=f"keep the figures in docs/{FIGURES.name} and in the tables of docs/{DOCUMENT.name}",
    )
    parser.add_argument(
        "--tables", action="store_true", help="measure nothing: only make those tables again"
    )
    arguments = parser.parse_args()
    if arguments.tables:
        report.fill(DOCUMENT, report.read(FIGURES))
        return 0
    measured, failed = [], []
    for name in arguments.suite or SUITES:
        print(f"… {name}", file=sys.stderr, flush=True)
        before = time.monotonic()
        where = report.environment()
        try:
            results: list[Result] = importlib.import_module(f".{name}", __package__).run()
        except Exception:  # the other suites are worth having
            traceback.print_exc()
            failed.append(name)
            continue
        print(f"  {time.monotonic() - before:.0f} s", file=sys.stderr, flush=True)
        # once more, for the environments of the peers may have been made only now
        where |= {k: v for k, v in report.environment().items() if k not in where}
        measured.append(report.Measured(name, where, results))
    for key, value in report.environment().items():
        print(f"{key}: {value}")
    print("", report.table(row for suite in measured for row in suite.results), sep="\n")
    files = [arguments.json] if arguments.json else []
    for path in [*files, *([FIGURES] if arguments.document else [])]:
        report.write(path, measured)
    if arguments.document:
        report.fill(DOCUMENT, report.read(FIGURES))
    if failed:
        print(f"failed: {', '.join(failed)}", file=sys.stderr)
    return bool(failed)


if __name__ == "__main__":
    sys.exit(main())
