"""What the op store costs: many versions, and large states."""

from __future__ import annotations

import os
import statistics
import tempfile
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from hashlib import blake2b
from pathlib import Path

import numpy as np

from jupyter_chariots import LoadableOp, Node, OpStore, Pipeline, SequentialRunner
from jupyter_chariots.ml.serializers import PickleSerializer
from jupyter_chariots.versioning.spec import Learned, RunRecord
from jupyter_chariots.versioning.version import digest, now

from .measure import Result, interleave, ratio, stopwatch

FEW, MANY = 10, 100_000
LARGE = 100 * 2**20
ROUNDS = 7


class Weights(LoadableOp):
    """An op whose state is one array."""

    def __init__(self) -> None:
        super().__init__()
        self.array = np.zeros(0)

    def execute(self, seed: int) -> None:
        self.array = np.random.default_rng(seed).random(LARGE // 8)

    def serialize(self) -> bytes:
        return PickleSerializer().serialize_object(self.array)

    def load(self, serialized_object: object) -> None:
        self.array = PickleSerializer().deserialize_object(serialized_object)


def _pipeline() -> Pipeline:
    return Pipeline([Node(Weights(), ["__pipeline_input__"])], "weights")


def _record(pipeline: Pipeline, payload: bytes) -> RunRecord:
    op = pipeline.ops["weights"]
    fingerprint = digest(payload)
    version = op.__version__.learned(op.training_update_version, fingerprint)
    learned = Learned(
        op.name, version, op.__version__, op.training_update_version, fingerprint, payload,
        None, False, now(),
    )  # fmt: skip
    return RunRecord(uuid.uuid4().hex, (learned,), {op.name: version})


@contextmanager
def _store(folder: Path, versions: int, pipeline: Pipeline) -> Iterator[OpStore]:
    store = OpStore(folder / f"{versions}.db")
    for _ in range(versions):
        store.commit(pipeline.spec, _record(pipeline, os.urandom(1024)), promote=True)
    yield store
    store.close()


def _many_versions(folder: Path) -> list[Result]:
    pipeline = _pipeline()
    with _store(folder, FEW, pipeline) as few, _store(folder, MANY, pipeline) as many:

        def save(store: OpStore) -> None:
            store.commit(pipeline.spec, _record(pipeline, os.urandom(1024)), promote=True)

        def load(store: OpStore) -> None:
            choice = store.choose(pipeline.spec)
            for op, state in choice.states.items():
                store.read(op, state.version)

        times = interleave(
            {
                "save few": stopwatch(partial(save, few), 20),
                "save many": stopwatch(partial(save, many), 20),
                "load few": stopwatch(partial(load, few), 50),
                "load many": stopwatch(partial(load, many), 50),
            },
            rounds=15,
        )
    results = []
    for what in ("save", "load"):
        floor, taken = times[f"{what} few"], times[f"{what} many"]
        results.append(Result(f"{what} 1 KB", f"{FEW} versions", statistics.median(floor)))
        times_floor = ratio(taken, floor)
        results.append(
            Result(
                f"{what} 1 KB",
                f"{MANY:,} versions",
                statistics.median(taken),
                times_floor,
                target="the same (≤ 1.25)",
                met=times_floor <= 1.25,
            )
        )
    return results


def _durable_write(path: Path, payload: bytes) -> None:
    blake2b(payload, digest_size=32).hexdigest()
    temporary = path.with_suffix(".part")
    with open(temporary, "wb") as file:
        file.write(payload)
        file.flush()
        os.fsync(file.fileno())
    os.replace(temporary, path)
    folder = os.open(path.parent, os.O_RDONLY)
    os.fsync(folder)
    os.close(folder)


def _plain_read(path: Path) -> bytes:
    payload = path.read_bytes()
    blake2b(payload, digest_size=32).hexdigest()
    return payload


def _large_states(folder: Path) -> list[Result]:
    pipeline, other = _pipeline(), _pipeline()
    runner = SequentialRunner()
    store = OpStore(folder / "large.db")
    seeds = iter(range(10**6))
    files = (folder / f"{number}.bin" for number in range(10**6))

    def commit() -> float:
        # what is timed is what a worker does when the last node has run: serialise and commit
        op = pipeline.ops["weights"]
        op.array = np.random.default_rng(next(seeds)).random(LARGE // 8)
        return stopwatch(
            lambda: store.commit(pipeline.spec, _record(pipeline, op.serialize()), promote=True)
        )()

    payload = os.urandom(LARGE)
    last = folder / "0.bin"

    def load() -> float:
        return stopwatch(lambda: other.load(store))()

    try:
        runner.run(pipeline, next(seeds))
        pipeline.save(store)
        times = interleave(
            {
                "write": lambda: stopwatch(lambda: _durable_write(next(files), payload))(),
                "commit": commit,
                "read": stopwatch(lambda: _plain_read(last)),
                "load": load,
            },
            rounds=ROUNDS,
        )
    finally:
        store.close()
    results = []
    for ours, floor, bound, name in (
        ("commit", "write", 1.5, "durable write, hashed (floor)"),
        ("load", "read", 1.3, "read, hashed (floor)"),
    ):
        times_floor = ratio(times[ours], times[floor])
        what = f"{ours} a 100 MB array"
        results.append(Result(what, name, statistics.median(times[floor])))
        results.append(
            Result(
                what,
                f"op store, {'de' if ours == 'load' else ''}serialised",
                statistics.median(times[ours]),
                times_floor,
                target=f"≤ {bound}",
                met=times_floor <= bound,
            )
        )
    return results


def run() -> list[Result]:
    """Both parts, each in a folder of its own."""
    results = []
    for part in (_large_states, _many_versions):
        with tempfile.TemporaryDirectory() as folder:
            results += part(Path(folder))
    return results
