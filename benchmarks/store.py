"""What the op store costs: states of three sizes, and many versions.

Beside it a durable write and a read of a file, hashed as the store hashes (the floor), joblib, and
with ``PEERS=1`` MLflow's model registry; the latter two do not wait for the disk.
"""

from __future__ import annotations

import tempfile
from contextlib import ExitStack
from pathlib import Path

from . import many_versions, states
from .measure import Result
from .peers import Missing, Program, wanted, without


def run() -> list[Result]:
    """Both parts, each in a folder of its own."""
    results: list[Result] = []
    for part in (states, many_versions):
        with ExitStack() as stack:
            folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
            results += part.run(folder, _registry(stack, folder))
    return results


def _registry(stack: ExitStack, folder: Path) -> Program | None:
    if not wanted():
        without("MLflow's registry", "PEERS=1 adds it")
        return None
    place = folder / "mlflow"
    place.mkdir()
    try:
        program = Program("mlflow", "mlflow_registry", str(place))
    except Missing as why:
        without("MLflow's registry", why)
        return None
    stack.callback(program.close)
    return program
