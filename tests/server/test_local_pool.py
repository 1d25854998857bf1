"""What the pool on the server's machine does with jobs that are cancelled on their way to it."""

from __future__ import annotations

import asyncio

import pytest


@pytest.fixture
def app_pipelines():
    return ["tests.server.job_samples"]


async def test_a_job_that_is_cancelled_while_it_is_claimed_is_not_begun(
    fetch, extension, monkeypatch, tmp_path
):
    async def submit(**order):
        body = {"pipeline_input": order, "use_worker": True}
        return (await fetch("POST", "pipelines/do/main", body)).body["job_id"]

    async def ended(job_id):
        while True:
            view = (await fetch("GET", f"jobs/{job_id}")).body
            if view["status"] not in ("queued", "running"):
                return view["status"]
            await asyncio.sleep(0.01)

    assert await ended(await submit(value=1)) == "done"  # from now on there is a process
    host = extension.manager.jobs.host
    claim, answers = host.claim, []

    async def claim_while_somebody_cancels(worker, most):
        claims = await claim(worker, most)
        for one in claims:
            answers.append(await fetch("DELETE", f"jobs/{one.job.id}"))
        return claims

    monkeypatch.setattr(host, "claim", claim_while_somebody_cancels)
    began = tmp_path / "began"
    assert await ended(await submit(began=str(began))) == "cancelled"
    assert [answer.body["cancelling"] for answer in answers] == [True]
    assert not began.exists()
