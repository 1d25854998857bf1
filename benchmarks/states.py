"""Saving and loading states of 1 KB, 1 MB and 100 MB."""

from __future__ import annotations

import os
import statistics
import time
import uuid
from collections.abc import Callable
from hashlib import blake2b
from pathlib import Path

import joblib
import numpy as np

from jupyter_chariots import LoadableOp, Node, OpStore, Pipeline
from jupyter_chariots.ml.serializers import PickleSerializer
from jupyter_chariots.versioning.spec import Learned, RunRecord
from jupyter_chariots.versioning.version import digest, now

from .measure import Clock, Result, Verdict, compare, interleave, ratio
from .peers import Program

__all__ = ["pipeline", "record", "run"]

SIZES = {"1 KB": (2**10, 20), "1 MB": (2**20, 10), "100 MB": (100 * 2**20, 1)}
"""Bytes, and how often in a round."""
ROUNDS = 7
FLOOR, OURS = "file, hashed, durable (floor)", "op store"
BOUNDS = {("save", "100 MB"): 1.5, ("load", "100 MB"): 1.3}


class Weights(LoadableOp):
    """An op whose state is one array."""

    def __init__(self) -> None:
        super().__init__()
        self.array = np.zeros(0)

    def execute(self, array: np.ndarray) -> None:
        self.array = array

    def serialize(self) -> bytes:
        return PickleSerializer().serialize_object(self.array)

    def load(self, serialized_object: object) -> None:
        self.array = PickleSerializer().deserialize_object(serialized_object)


def pipeline() -> Pipeline:
    """A pipeline that has such an op and nothing else."""
    return Pipeline([Node(Weights(), ["__pipeline_input__"])], "weights")


def record(of: Pipeline, payload: bytes) -> RunRecord:
    """What a run left that learned this state."""
    op = of.ops["weights"]
    fingerprint = digest(payload)
    version = op.__version__.learned(op.training_update_version, fingerprint)
    learned = Learned(
        op.name, version, op.__version__, op.training_update_version, fingerprint, payload,
        None, False, now(),
    )  # fmt: skip
    return RunRecord(uuid.uuid4().hex, (learned,), {op.name: version})


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


def _read(path: Path) -> None:
    blake2b(path.read_bytes(), digest_size=32).hexdigest()


def _each(make: Callable[[], np.ndarray], call: Callable[[np.ndarray], object], n: int) -> Clock:
    """Mean seconds of a call; what it is called with is made beforehand."""

    def measure() -> float:
        taken = 0.0
        for _ in range(n):
            array = make()
            before = time.perf_counter()
            call(array)
            taken += time.perf_counter() - before
        return taken / n

    return measure


def _mean(clock: Callable[[], float], n: int) -> Clock:
    return lambda: statistics.mean(clock() for _ in range(n))


def _size(title: str, folder: Path, registry: Program | None) -> list[Result]:
    size, n = SIZES[title]
    random = np.random.default_rng(0)
    ours, other = pipeline(), pipeline()
    op = ours.ops["weights"]
    store = OpStore(folder / "store.db")
    plain, dumped, logged = (folder / f"state.{kind}" for kind in ("bin", "joblib", "logged"))
    logged.write_bytes(random.bytes(size))

    def new() -> np.ndarray:
        return random.random(size // 8)

    def save(array: np.ndarray) -> None:
        # what a worker does when the last node has run: serialise and commit
        op.array = array
        store.commit(ours.spec, record(ours, op.serialize()), promote=True)

    saves: dict[str, Clock] = {
        FLOOR: _each(new, lambda array: _durable_write(plain, array.tobytes()), n),
        "joblib, not durable": _each(new, lambda array: joblib.dump(array, dumped), n),
        OURS: _each(new, save, n),
    }
    loads: dict[str, Clock] = {
        FLOOR: _each(new, lambda _: _read(plain), n),
        "joblib, not durable": _each(new, lambda _: joblib.load(dumped), n),
        OURS: _each(new, lambda _: other.load(store), n),
    }
    if registry:
        asked = registry
        name = "MLflow registry, not durable"
        saves[name] = _mean(lambda: asked.ask("save", path=str(logged)), n)
        loads[name] = _mean(lambda: asked.ask("load"), n)
    try:
        times = interleave(
            {
                (what, who): clock
                for what, clocks in (("save", saves), ("load", loads))
                for who, clock in clocks.items()
            },
            rounds=ROUNDS,
        )
    finally:
        store.close()
    results = []
    for what, clocks in (("save", saves), ("load", loads)):
        series = {who: times[what, who] for who in clocks}
        verdicts = {}
        if bound := BOUNDS.get((what, title)):
            found = ratio(series[OURS], series[FLOOR])
            verdicts[OURS] = Verdict(f"≤ {bound} × floor: {found:.2f}", found <= bound)
        results += compare(f"{what} {title}", series, floor=FLOOR, ours=OURS, verdicts=verdicts)
    return results


def run(folder: Path, registry: Program | None) -> list[Result]:
    """One size after the other."""
    results = []
    for title in SIZES:
        place = folder / title.replace(" ", "")
        place.mkdir()
        results += _size(title, place, registry)
    return results
