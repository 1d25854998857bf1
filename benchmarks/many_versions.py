"""Saving and loading a small state where there are 10, 10,000 and 1,000,000 versions of it.

Ten are saved as always; the others are rows of the same form, written by one SQL statement a table.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable
from contextlib import closing
from functools import partial
from pathlib import Path

from jupyter_chariots import OpStore

from .measure import Clock, Result, Verdict, compare, interleave, ratio, stopwatch
from .peers import Program
from .states import pipeline, record

__all__ = ["run"]

COUNTS = (10, 10_000, 1_000_000)
PEER_COUNTS = (10, 10_000)
"""MLflow reads all versions of a model to find the number of the next one."""
BOUND = 1.25
STATE = 1024

FILL = """
PRAGMA journal_mode = OFF;
PRAGMA synchronous = OFF;
PRAGMA cache_size = -1000000;
PRAGMA temp_store = MEMORY;
CREATE TEMP TABLE made AS
    WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {count})
    SELECT i, lower(hex(randomblob(20))) AS digest, lower(hex(randomblob(32))) AS blob,
        lower(hex(randomblob(16))) AS run FROM n;
CREATE TEMP TABLE last AS
    SELECT *, (SELECT max(seq) FROM news) AS seq FROM versions ORDER BY id DESC LIMIT 1;
INSERT INTO news SELECT last.seq + 2 * i - 1, 'run', pipeline, at, who, run FROM made, last;
INSERT INTO news SELECT last.seq + 2 * i, 'save', pipeline, at, who, run FROM made, last;
INSERT INTO blobs SELECT made.blob, {size}, zeroblob({size}), NULL FROM made;
INSERT INTO versions
    SELECT id + i, op, digest, minor, patch, created, kind, class_major, class_minor, class_patch,
        level, digest, made.blob, signature, facts, at, who, pipeline, run, last.seq + 2 * i,
        n_major + i, n_minor, n_patch, NULL FROM made, last;
INSERT INTO runs
    SELECT last.seq + 2 * i - 1, run, pipeline, NULL, last.seq + 2 * i, at, who, NULL
    FROM made, last;
INSERT INTO run_versions SELECT last.seq + 2 * i - 1, op, id + i, 1 FROM made, last;
"""


def _store(folder: Path, count: int) -> OpStore:
    """A store that has so many versions of one op."""
    path, of = folder / f"{count}.db", pipeline()
    with closing(OpStore(path)) as store:
        for _ in range(10):
            store.commit(of.spec, record(of, os.urandom(STATE)), promote=True)
    if count > 10:
        with closing(sqlite3.connect(path, isolation_level=None)) as db:
            db.executescript(FILL.format(count=count - 10, size=100))
            db.execute("PRAGMA journal_mode = WAL")
            # the disk shall be done with this when it is measured
            os.sync()
    return OpStore(path)


def _save(store: OpStore) -> None:
    of = pipeline()
    store.commit(of.spec, record(of, os.urandom(STATE)), promote=True)


def _load(store: OpStore) -> None:
    choice = store.choose(pipeline().spec)
    for op, state in choice.states.items():
        store.read(op, state.version)


def _series(
    actions: dict[str, dict[str, Callable[[], object]]], rounds: int, repeat: int
) -> dict[str, dict[str, list[float]]]:
    clocks: dict[tuple[str, str], Clock] = {
        (what, who): stopwatch(call, repeat)
        for who, calls in actions.items()
        for what, call in calls.items()
    }
    times = interleave(clocks, rounds=rounds)
    return {what: {who: times[what, who] for who in actions} for what in ("save", "load")}


def _results(series: dict[str, dict[str, list[float]]], *, bounded: bool) -> list[Result]:
    results = []
    for what, taken in series.items():
        few, *more = taken
        verdicts = {}
        for who in more if bounded else ():
            found = ratio(taken[who], taken[few])
            verdicts[who] = Verdict(f"the same (≤ {BOUND} ×): {found:.2f}", found <= BOUND)
        title = f"{what} 1 KB, by versions there are"
        results += compare(title, taken, floor=few, verdicts=verdicts)
    return results


def run(folder: Path, registry: Program | None) -> list[Result]:
    """All stores in turn; the registry of MLflow after them, for it grows while it is measured."""
    stores = {count: _store(folder, count) for count in COUNTS}
    try:
        actions = {
            f"op store, {count:,}": {"save": partial(_save, store), "load": partial(_load, store)}
            for count, store in stores.items()
        }
        results = _results(_series(actions, rounds=15, repeat=20), bounded=True)
    finally:
        for store in stores.values():
            store.close()
    if registry is None:
        return results
    asked, state = registry, folder / "state"
    state.write_bytes(os.urandom(STATE))
    save: Callable[[], object] = partial(asked.ask, "save", path=str(state))
    load: Callable[[], object] = partial(asked.ask, "load")
    found: dict[str, dict[str, list[float]]] = {"save": {}, "load": {}}
    for count in PEER_COUNTS:
        asked.ask("fill", versions=count, path=str(state))
        name = f"MLflow registry, {count:,}"
        for what, taken in _series({name: {"save": save, "load": load}}, 5, 2).items():
            found[what] |= taken
    return results + _results(found, bounded=False)
