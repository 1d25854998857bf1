"""docs/pools.md shows a pool that works."""

from __future__ import annotations

import os
import re

from .live import REPOSITORY, wait_for
from .remote import ended, job, processes_with, submit

PAGE = (REPOSITORY / "docs" / "pools.md").read_text(encoding="utf-8")


def test_the_pool_of_ones_own_runs_jobs(live_server, tmp_path):
    blocks = re.findall(r"^```python\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
    (code,) = (block for block in blocks if "BaseWorkerPool" in block)
    assert len([line for line in code.splitlines() if line.strip()]) <= 34
    (tmp_path / "my_pool.py").write_text(code, encoding="utf-8")
    mark = f"MARK={tmp_path}"
    server = live_server(
        app_pipelines=["tests.server.samples"],
        arguments=[
            "--PipelinesServer.worker_pool=my_pool.CommandWorkerPool",
            f"--PipelinesServer.worker_pool_options={ {'command': ['env', mark]} }",
        ],
        environment={"PYTHONPATH": os.pathsep.join([str(REPOSITORY), str(tmp_path)])},
    )
    jobs = [submit(server, "doubled", number) for number in range(3)]
    workers = {ended(server, one)["worker"] for one in jobs}
    assert 1 <= len(workers) <= 2
    assert str(server.pid) not in {worker.rpartition(":")[2] for worker in workers}
    assert [job(server, one)["status"] for one in jobs] == ["done"] * 3
    assert processes_with(mark)
    server.stop()
    wait_for(lambda: not processes_with(mark), "its workers to end with it")
