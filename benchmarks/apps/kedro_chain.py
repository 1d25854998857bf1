"""A chain of additions in Kedro's SequentialRunner: ``kedro_chain.py NODES``."""

import logging
import sys
import time

from asked import answer
from kedro.io import DataCatalog, MemoryDataset
from kedro.pipeline import node, pipeline
from kedro.runner import SequentialRunner

NODES = int(sys.argv[1])
logging.getLogger("kedro").setLevel(logging.ERROR)


def add_one(x: int) -> int:
    return x + 1


chain = pipeline([node(add_one, f"x{i}", f"x{i + 1}", name=f"n{i}") for i in range(NODES)])
runner = SequentialRunner()


def run(repeat: int) -> float:
    """Mean seconds of one run."""
    taken = 0.0
    for _ in range(repeat):
        # the catalog of a run keeps its results, so the next one needs another
        catalog = DataCatalog({"x0": MemoryDataset(0)})
        before = time.perf_counter()
        outputs = runner.run(chain, catalog)
        taken += time.perf_counter() - before
    found = outputs[f"x{NODES}"]
    assert (found.load() if hasattr(found, "load") else found) == NODES, found
    return taken / repeat


answer({"run": run})
