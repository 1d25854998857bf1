"""The folder of a worker elsewhere goes with it, however it ends."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from jupyter_chariots.workers.remote.scratch import Scratch

KILLED = """
import os
from jupyter_chariots.workers.remote.scratch import Scratch
print(Scratch().folder, flush=True)
os.kill(os.getpid(), 9)
"""


def test_what_a_killed_worker_left_is_removed_and_no_other(tmp_path, monkeypatch):
    if os.name != "posix":
        pytest.skip("has no locks of this kind")
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    other = tmp_path / "chariots-worker-of-somebody"
    other.mkdir()
    living = Scratch()
    done = subprocess.run(
        [sys.executable, "-c", KILLED],
        env={**os.environ, "TMPDIR": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    left = Path(done.stdout.strip())
    assert left.is_dir()
    assert left.parent == tmp_path
    second = Scratch()
    assert not left.exists()
    assert living.folder.is_dir()
    assert other.is_dir()
    for scratch in (living, second):
        asyncio.run(scratch.close())
        assert not scratch.folder.exists()
