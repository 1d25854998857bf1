"""Several processes on one store."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from jupyter_chariots.op_store import OpStore

from .lab import PREDICT, TRAIN, load, open_store, run

_ROOT = Path(__file__).parents[2]

_TRAINER = """
import sys
from pathlib import Path
from tests.op_store.lab import TRAIN, fit, open_store
store = open_store(Path(sys.argv[1]))
sys.stdin.read()
for index in range(10):
    state = f"{sys.argv[2]}{index}".encode()
    big = b"x" * 70_000 + state
    store.commit(TRAIN, fit(TRAIN, {"pca": big, "clf": state}), promote=True)
store.close()
"""

_COLLECTOR = """
import sys
from datetime import timedelta
from pathlib import Path
from tests.op_store.lab import open_store
store = open_store(Path(sys.argv[1]), candidate_ttl=timedelta(0))
sys.stdin.read()
for _ in range(20):
    store.gc()
store.close()
"""

_VERSIONS = """
from tests.op_store.lab import PREDICT, TRAIN, fit
record = fit(TRAIN, {"pca": b"p", "clf": b"c"})
print(*(".".join(version.digests) for version in record.after.values()), PREDICT.digest)
"""


def start(code: str, *args: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", code, *args],
        cwd=_ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def test_processes_that_open_a_new_store_at_once_all_write_to_it(tmp_path: Path) -> None:
    children = [start(_TRAINER, str(tmp_path), name) for name in "ab"]
    children.append(start(_COLLECTOR, str(tmp_path)))
    for child in children:
        assert child.stdin is not None
        child.stdin.close()
    for child in children:
        assert child.wait(120) == 0, child.stderr and child.stderr.read()
        for stream in (child.stdout, child.stderr):
            assert stream is not None
            stream.close()
    with open_store(tmp_path) as store:
        found = store.history("pca", limit=99)
        assert sorted(int((one.number or "").split(".")[0]) for one in found) == list(range(1, 21))
        for one in found:
            store.verify("pca", one.version)
        # The newest save of each op is that of one run: what it names was trained together.
        assert load(store, PREDICT).warnings == ()


def test_a_set_that_one_process_loads_is_seen_by_the_others(store: OpStore) -> None:
    run(store, TRAIN, save=True, pca="p1", clf="c1")
    with open_store(store.path.parents[1]) as other:
        assert other.served("pred_iris") is None
        served = load(store, PREDICT)
        assert other.served("pred_iris") == served


def test_versions_do_not_depend_on_the_hash_seed() -> None:
    found = set()
    for seed in ("1", "2"):
        found.add(
            subprocess.run(
                [sys.executable, "-c", _VERSIONS],
                cwd=_ROOT,
                env={"PYTHONHASHSEED": seed, "PYTHONPATH": str(_ROOT)},
                capture_output=True,
                text=True,
                check=True,
            ).stdout
        )
    assert len(found) == 1
