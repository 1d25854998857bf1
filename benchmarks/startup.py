"""How long servers take to predict for the first time, and the memory that they take then.

Ours is started on an op store that has the models, as after a restart of the Jupyter server. One
server runs at a time; the files that they read are in the page cache.
"""

from __future__ import annotations

import tempfile
from pathlib import Path

from .contestants import JUPYTER, Chariots, floors, peers
from .measure import ROUNDS, Result, compare
from .peers import Missing, without

_ASKED = 50
OURS = "ours"


def run() -> list[Result]:
    """Start, ask and stop each in turn."""
    took: dict[str, list[float]] = {}
    takes: dict[str, list[float]] = {}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        present = [*floors(folder), *peers(folder), Chariots(folder / OURS)]
        # one round to train, to write byte code and to fill the page cache
        for turn in range(1 + min(ROUNDS, 3)):
            for server in list(present):
                try:
                    started = server.start()
                    for _ in range(_ASKED):
                        server.target.answers()
                    memory = float(server.memory())
                except Missing as why:
                    without(server.name, why)
                    present.remove(server)
                    continue
                finally:
                    server.stop()
                if turn:
                    took.setdefault(server.name, []).append(started)
                    takes.setdefault(server.name, []).append(memory)
    names = {server.name for server in present}
    took, takes = ({k: v for k, v in series.items() if k in names} for series in (took, takes))
    return [
        *compare("start to first prediction", took, floor=JUPYTER, ours=OURS),
        *compare("memory (PSS)", takes, floor=JUPYTER, ours=OURS, unit="B"),
    ]
