"""Jobs from Python, on a real server."""

from __future__ import annotations

import os
import signal
import threading
import uuid

import numpy as np
import pytest

from jupyter_chariots import JobStatus, PipelinesClient, errors
from jupyter_chariots.client.cancelling import CallInterrupted, WaitInterrupted
from tests.live import LiveServer, wait_for


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    folder = tmp_path_factory.mktemp("jobs")
    apps = ["tests.client.jobs_app"]
    with LiveServer(folder / "root", folder / "home", app_pipelines=apps) as one:
        yield one


@pytest.fixture
def client(server):
    one = PipelinesClient(server.url, server.token)
    yield one
    one.close()


@pytest.fixture
def gate(server):
    """Makes names of files that runs wait for; all are there at the end."""
    made = []

    class Gate(str):
        def open(self):
            (server.root / self).touch()

        def reached(self):
            wait_for((server.root / f"{self}.there").exists, f"a run to wait for {self}")

    def make():
        made.append(Gate(uuid.uuid4().hex[:8] + ".gate"))
        return made[-1]

    yield make
    for one in made:
        one.open()


def submit(client, *gates, **options):
    return client.call_pipeline("slowly", list(gates), use_worker=True, **options)


def test_submit_wait_and_fetch(client):
    job = submit(client)
    assert job.job_status is JobStatus.QUEUED
    assert (job.value, job.versions) == (None, {})
    done = client.wait(job)
    assert (done.value, done.job_status, done.job_id) == (0, JobStatus.DONE, job.job_id)
    assert set(done.versions) == {"slow", "double"}
    again = client.fetch_job(job.job_id)
    assert (again.value, again.versions) == (0, done.versions)
    assert client.wait(client.jobs(limit=1)[0]).value == 0


def test_fetch_while_it_runs(client, gate):
    one = gate()
    job = submit(client, one)
    one.reached()
    looked = client.fetch_job(job)
    assert (looked.job_status, looked.value) == (JobStatus.RUNNING, None)
    one.open()
    assert client.wait(job).value == 2


def test_an_array_comes_back_as_one(client):
    job = client.call_pipeline("counting", np.array(3), use_worker=True)
    assert np.array_equal(client.wait(job).value, [0.0, 1.0, 2.0])


def test_a_failed_job_raises_what_its_op_raised(client):
    job = client.call_pipeline("failing", "the text", use_worker=True)
    for ask in (client.wait, client.fetch_job):
        with pytest.raises(errors.NodeFailed, match="the text") as failed:
            ask(job)
        assert failed.value.details["node"] == "fail"
        assert "raise KeyError(text)" in str(failed.value.__cause__)


def test_a_job_that_is_not_there(client):
    for ask in (client.wait, client.fetch_job, client.cancel, client.logs):
        with pytest.raises(errors.JobNotFound):
            ask("0" * 32)
    with pytest.raises(TypeError, match="no job"):
        client.wait(client.call_pipeline("slowly", []))


def test_time_is_up(client, gate):
    one = gate()
    job = submit(client, one)
    one.reached()
    with pytest.raises(errors.TimedOut, match="still running"):
        client.wait(job, timeout=0)
    one.open()
    assert client.wait(job, timeout=60).value == 2


def test_a_list_that_shows_itself(client, gate):
    one = gate()
    running = submit(client, one)
    one.reached()
    after = submit(client, after=running, priority=3)
    assert after.job_status is JobStatus.DEFERRED
    rows = client.jobs(pipeline="slowly", limit=2)
    assert [row["id"] for row in rows] == [after.job_id, running.job_id]
    assert [row["after"] for row in rows] == [[running.job_id], []]
    assert [row["id"] for row in client.jobs("deferred")] == [after.job_id]
    assert client.jobs(JobStatus.RUNNING, "failing") == []

    def progress():
        lines = repr(client.jobs("running")).splitlines()
        (line,) = (line for line in lines if running.job_id in line)
        return "waiting for" in line and line

    line = wait_for(progress, "progress")
    assert "0 % slow (1 of 2), 0 of 1, waiting for" in line
    assert f'<td style="text-align: left">{running.job_id}</td>' in rows._repr_html_()
    with pytest.raises(ValueError, match="unheard"):
        client.jobs(status="unheard")
    one.open()
    assert client.wait(after).value == 0
    assert client.fetch_job(running).value == 2


def test_cancel(client, gate):
    one = gate()
    running = submit(client, one)
    one.reached()
    waiting = submit(client, after=[running])
    assert client.cancel(waiting) is JobStatus.CANCELLED
    assert client.cancel(running) is JobStatus.CANCELLED
    assert client.cancel(running) is JobStatus.CANCELLED
    with pytest.raises(errors.JobCancelled):
        client.wait(running)
    done = submit(client)
    client.wait(done)
    assert client.cancel(done) is JobStatus.DONE


def test_the_same_key_is_the_same_job(client):
    key = uuid.uuid4().hex
    first, second = (submit(client, idempotency_key=key) for _ in range(2))
    assert first.job_id == second.job_id
    client.wait(first)
    failing = {"use_worker": True, "idempotency_key": uuid.uuid4().hex}
    failed = client.call_pipeline("failing", "x", **failing)
    for ask in (
        lambda: client.wait(failed),
        lambda: client.call_pipeline("failing", "x", **failing),
    ):
        with pytest.raises(errors.NodeFailed):
            ask()
    third = client.call_pipeline("slowly", np.zeros(0), use_worker=True, idempotency_key="7")
    assert client.wait(third).value == 0


def test_what_belongs_to_jobs_only(client):
    with pytest.raises(errors.BadRequest, match="priority"):
        client.call_pipeline("slowly", [], priority=1)


def test_a_job_saves_what_it_learns_unless_told_not_to(client):
    job = client.call_pipeline("learning", [], use_worker=True)
    done = client.wait(job)
    assert done.run_id
    (newest, *_) = client.history("model")
    assert newest["number"]
    other = client.wait(client.call_pipeline("learning", [], use_worker=True, save=False))
    client.save_pipeline("learning", run_id=other.run_id)
    client.call_pipeline("learning", [], save=True)


def test_logs(client, gate, capsys):
    one, two = gate(), gate()
    job = submit(client, one, two)
    one.reached()
    log = wait_for(lambda: (log := client.logs(job)).endswith("\n") and log, "the log")
    assert log == f"waiting for {one}\n"
    follower = threading.Thread(target=client.logs, args=(job,), kwargs={"follow": True})
    follower.start()
    one.open()
    two.open()
    follower.join(60)
    assert capsys.readouterr().out == f"waiting for {one}\nwaiting for {two}\nthat was all\n"
    rest = client.logs(job.job_id, after=log.offset)
    assert rest == f"waiting for {two}\nthat was all\n"
    assert client.logs(job, lines=1) == "that was all\n"


class Hasty(PipelinesClient):
    """A client whose calls are waited for as jobs soon; it says when one is."""

    longest_request = 1

    def __init__(self, *args):
        super().__init__(*args)
        self.waits_by_job = threading.Event()

    def _news(self, *args):
        self.waits_by_job.set()
        return super()._news(*args)


def test_the_log_of_a_pipeline_is_followed_until_ctrl_c(client, server, gate, capsys):
    one = gate()
    submit(client, one)
    one.reached()

    class Seen(PipelinesClient):
        """Says when it has read what the processes wrote."""

        def _follow(self, path, lines, after, show):
            return super()._follow(
                path, lines, after, lambda text: (show(text), texts.append(text))
            )

    texts = []

    def press():
        one.open()
        wait_for(lambda: "that was all" in "".join(texts), "the log")
        os.kill(os.getpid(), signal.SIGINT)

    pressing = threading.Thread(target=press)
    pressing.start()
    with pytest.raises(WaitInterrupted, match="not followed any more"):
        Seen(server.url, server.token).logs("slowly", 1, follow=True)
    pressing.join()
    assert capsys.readouterr().out == "".join(texts)


@pytest.fixture
def hasty(server):
    one = Hasty(server.url, server.token)
    yield one
    one.close()


def running_jobs(server):
    return server.get("jobs?status=running").body["items"]


def test_a_call_that_takes_longer_than_a_request_may(hasty, server, gate, capsys):
    one, two = gate(), gate()

    def let_it_go_on():
        assert hasty.waits_by_job.wait(60)
        one.open()
        two.reached()
        two.open()

    opener = threading.Thread(target=let_it_go_on)
    opener.start()
    response = hasty.call_pipeline("learning", [one, two])
    opener.join()
    assert response.value == [one, two]
    assert response.run_id
    assert capsys.readouterr().out == f"learning {one}\nlearning {two}\n"
    hasty.save_pipeline("learning")  # the run that it called itself
    (newest, *_) = hasty.history("model", limit=1)
    assert newest["number"]


def test_a_call_that_fails_after_that(hasty, gate):
    one = gate()
    opener = threading.Thread(target=lambda: hasty.waits_by_job.wait(60) and one.open())
    opener.start()
    with pytest.raises(errors.NodeFailed, match="not a name") as failed:
        hasty.call_pipeline("learning", [one, 7])
    opener.join()
    assert "wait_for(name)" in str(failed.value.__cause__)


def test_ctrl_c_cancels_a_call_and_ends_the_waiting_for_a_job(hasty, server, gate):
    one = gate()

    def press():
        assert hasty.waits_by_job.wait(60)
        os.kill(os.getpid(), signal.SIGINT)

    pressing = threading.Thread(target=press)
    pressing.start()
    with pytest.raises(CallInterrupted, match="was cancelled; nothing was saved"):
        hasty.call_pipeline("learning", [one])
    pressing.join()
    wait_for(lambda: not running_jobs(server), "the end of the run")

    two = gate()
    job = submit(hasty, two)
    two.reached()
    hasty.waits_by_job.clear()
    pressing = threading.Thread(target=press)
    pressing.start()
    with pytest.raises(WaitInterrupted, match=f"Job {job.job_id} goes on"):
        hasty.wait(job)
    pressing.join()
    two.open()
    assert hasty.wait(job).value == 2


def test_waiting_survives_a_restart_of_the_server(live_server, tmp_path):
    server = live_server(app_pipelines=["tests.client.jobs_app"])
    client = PipelinesClient(server.url, server.token)
    job = submit(client, "late.gate")
    wait_for((server.root / "late.gate.there").exists, "the run")
    got = []
    waiting = threading.Thread(target=lambda: got.append(client.wait(job).value))
    waiting.start()
    server.restart()
    (server.root / "late.gate").touch()
    waiting.join(60)
    assert got == [2]


def test_nobody_there(tmp_path):
    client = PipelinesClient("http://127.0.0.1:9/", "x")
    with pytest.raises(errors.ServerNotFound):
        client.wait("0" * 32)
