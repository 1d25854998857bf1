from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from jupyter_chariots.op_store import OpStore

from .lab import PREDICT, TRAIN, open_store


@pytest.fixture
def store(tmp_path: Path) -> Iterator[OpStore]:
    with open_store(tmp_path) as opened:
        yield opened


@pytest.fixture
def queue(store: OpStore) -> OpStore:
    """A store with pipelines that jobs can run."""
    store.register(TRAIN, owner="m", source={})
    store.register(PREDICT, owner="m", source={})
    return store
