"""A chain of additions in Hamilton: ``hamilton_chain.py NODES``."""

import sys
import time

from asked import answer
from hamilton import ad_hoc_utils, driver

NODES = int(sys.argv[1])


def _add_one(i: int):
    scope: dict = {}
    exec(f"def x{i + 1}(x{i}: int) -> int:\n    return x{i} + 1", scope)
    return scope[f"x{i + 1}"]


module = ad_hoc_utils.create_temporary_module(*map(_add_one, range(NODES)), module_name="chain")
chain = driver.Builder().with_modules(module).build()
last = f"x{NODES}"


def run(repeat: int) -> float:
    """Mean seconds of one run."""
    before = time.perf_counter()
    for _ in range(repeat):
        found = chain.execute([last], inputs={"x0": 0})[last]
    taken = (time.perf_counter() - before) / repeat
    assert found == NODES, found
    return taken


answer({"run": run})
