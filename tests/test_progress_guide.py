"""docs/progress.md shows nothing that does not work."""

from __future__ import annotations

import inspect
import re

from jupyter_chariots import JobStatus, PipelinesClient

from .live import REPOSITORY

TEXT = (REPOSITORY / "docs" / "progress.md").read_text(encoding="utf-8")
CALLS, TELLS = re.findall(r"```python\n(.*?)```", TEXT, re.DOTALL)


def test_its_first_cell(iris_server, monkeypatch):
    monkeypatch.setenv("CHARIOTS_URL", iris_server.url)
    monkeypatch.setenv("CHARIOTS_TOKEN", iris_server.token)
    names = {}
    exec(CALLS, names)
    assert names["trained"].job_status is JobStatus.DONE
    assert names["client"].fetch_job(names["job"]).job_status is JobStatus.DONE
    names["client"].close()


def test_its_op():
    names = {}
    exec(TELLS, names)
    assert names["simulate"](3) == [0, 1, 4]


def test_its_table():
    shown = re.findall(r"client\.(\w+)\(([^)\n]*)\)", TEXT)
    shown += [("call_pipeline", given) for given in re.findall(r"^\| `… (.*)` \|", TEXT, re.M)]
    assert len(shown) > 8
    for method, given in shown:
        taken = inspect.signature(getattr(PipelinesClient, method)).parameters
        for name in re.findall(r"(\w+)=", given):
            assert name in taken, (method, name)
