"""Which pool a configuration means."""

from __future__ import annotations

import pytest

from jupyter_chariots import BaseWorkerPool
from jupyter_chariots.errors import ConfigurationError
from jupyter_chariots.workers.pools.choosing import make_pool
from jupyter_chariots.workers.pools.local import LocalWorkerPool


class Mine(BaseWorkerPool):
    def __init__(self, size=1):
        if size == 13:
            raise RuntimeError("unlucky")
        self.size = size

    @property
    def n_workers(self):
        return self.size

    async def spawn_worker(self):
        self.size += 1


def test_the_local_one():
    pool = make_pool("local", {"n_workers": 3})
    assert isinstance(pool, LocalWorkerPool)
    assert pool.n_workers == 3
    assert make_pool("local", {}).n_workers >= 1


def test_one_of_ones_own():
    assert make_pool(f"{__name__}.Mine", {"size": 4}).n_workers == 4


@pytest.mark.parametrize(
    ("name", "options", "said"),
    [
        ("no.such.Pool", {}, "no.such.Pool"),
        ("odd", {}, "dotted path"),
        ("pathlib.Path", {}, "BaseWorkerPool"),
        ("local", {"n_workers": 0}, "at least 1"),
        ("local", {"n_workers": "two"}, "at least 1"),
        ("local", {"workers": 2}, "worker_pool_options"),
        (f"{__name__}.Mine", {"size": 13}, "unlucky"),
    ],
)
def test_what_is_wrong_is_said(name, options, said):
    with pytest.raises(ConfigurationError) as refused:
        make_pool(name, options)
    assert said in f"{refused.value.message} {refused.value.hint}"


def test_values_of_options_are_not_told():
    with pytest.raises(ConfigurationError) as refused:
        make_pool("local", {"password": "hunter2"})
    assert "hunter2" not in str(refused.value)
