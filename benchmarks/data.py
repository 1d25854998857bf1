"""What it takes to send a large frame to a pipeline and to get it back."""

from __future__ import annotations

import statistics
import tempfile
from pathlib import Path

import numpy as np
import pandas as pd
import polars as pl

from jupyter_chariots import PipelinesClient
from tests.live import LiveServer

from .measure import Result, interleave, stopwatch

ROWS, COLUMNS = 200_000, 50
BOUND_S = 1.0


def run() -> list[Result]:
    """A frame and an array, there and back; JSON on a hundredth of it."""
    array = np.random.default_rng(0).normal(size=(ROWS, COLUMNS))
    frame = pd.DataFrame(array, columns=[f"column {i}" for i in range(COLUMNS)])
    contestants = {
        "pandas, by Arrow": frame,
        "polars, by Arrow": pl.DataFrame(frame),
        "numpy, by npy": array,
        "a hundredth of it, by JSON": array[: ROWS // 100].tolist(),
    }
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        pipelines = ["tests.formats.app"]
        with LiveServer(folder / "root", folder / "home", app_pipelines=pipelines) as server:
            client = PipelinesClient(server.url, server.token)
            clocks = {
                who: stopwatch(lambda data=data: client.call_pipeline("echo", data))
                for who, data in contestants.items()
            }
            times = interleave(clocks, rounds=7)
    results = []
    for who, taken in times.items():
        median = statistics.median(taken)
        bound = ("≤ 1 s", median <= BOUND_S) if "JSON" not in who else ("", None)
        title = f"{ROWS} × {COLUMNS} floats, there and back"
        results.append(Result(title, who, median, target=bound[0], met=bound[1]))
    return results
