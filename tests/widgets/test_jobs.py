"""Jobs in the panel: seen at once, whoever starts them; cancelled, run again, their logs read."""

from __future__ import annotations

import pytest

from tests.live import wait_for

from .test_panel import PANEL, row, says

WAITS = """
import time
from pathlib import Path
from jupyter_chariots import Node, Pipeline, PipelinesClient, op

@op
def wait():
    print("<i>it waits</i>", flush=True)
    while not Path("go").exists():
        time.sleep(0.01)
    return "gone"

@op
def fail(what):
    raise ValueError("<script>alert(1)</script>")

out = "__pipeline_output__"
waits = Pipeline([Node(wait, output_nodes=out)], "waits")
fails = Pipeline([Node(fail, "__pipeline_input__", out)], "fails")
_ = PipelinesClient().serve(waits, fails)
"""


@pytest.fixture
def panel(opened):
    """A panel on the screen, its front end and its root."""
    notebook, front_end = opened()
    notebook.run(WAITS)
    notebook.run(PANEL.format(""))
    root = front_end.display()
    row(front_end, root, "waits")
    return front_end, root


def start(server, name="waits", **fields):
    answer = server.post(f"pipelines/{name}/main", {"use_worker": True, **fields})
    assert answer.body["job_id"], answer
    return answer.body["job_id"]


def job_row(front_end, root, job):
    return front_end.until(
        lambda: front_end.of_class(root, f"chariots-widget-job-{job}"), f"the row of job {job}"
    )


def pressable(front_end, inside, text):
    """The button that says this, once it can be pressed."""

    def found():
        for one in front_end.kind(inside, "Button"):
            model = front_end.models[one]
            if model["description"] == text and not model.get("disabled"):
                return one
        return None

    return front_end.until(found, f"the button {text}")


def test_a_job_from_start_to_end(server, panel):
    front_end, root = panel
    says(front_end, root, "No jobs yet")
    job = start(server)
    place = job_row(front_end, root, job)
    says(front_end, place, "<b>waits</b>", job[:4])
    front_end.until(lambda: "queued" not in front_end.text(place), "it to run")
    (tab,) = front_end.kind(root, "Tab")
    front_end.until(lambda: front_end.models[tab]["titles"][1] == "Jobs (1)", "it to be counted")
    front_end.click(pressable(front_end, place, "Log"))
    says(front_end, place, "&lt;i&gt;it waits&lt;/i&gt;")
    (bar,) = front_end.kind(place, "FloatProgress")
    assert front_end.models[bar]["bar_style"] == ""
    (server.root / "go").touch()
    says(front_end, place, "done in ")
    front_end.until(lambda: front_end.models[bar]["bar_style"] == "success", "the bar to be green")
    assert front_end.models[bar]["value"] == 1.0

    front_end.click(pressable(front_end, place, "Again"))
    wait_for(lambda: len(server.get("jobs").body["items"]) == 2, "another job")
    (other,) = {one["id"] for one in server.get("jobs").body["items"]} - {job}
    says(front_end, job_row(front_end, root, other), "done in ")


def test_cancel_asks_once_more(server, panel):
    front_end, root = panel
    job = start(server)
    place = job_row(front_end, root, job)
    wait_for(lambda: server.get(f"jobs/{job}").body["status"] == "running", "it to run")
    front_end.until(lambda: "queued" not in front_end.text(place), "that to be seen")
    front_end.click(pressable(front_end, place, "Cancel"))
    sure = pressable(front_end, place, "Sure?")
    assert front_end.models[sure]["button_style"] == "danger"
    pressable(front_end, place, "Cancel")  # it turns back
    assert server.get(f"jobs/{job}").body["cancelling"] is False
    # a busy machine may take longer for the second click than is asked
    front_end.notebook.run("from jupyter_chariots.widgets import job_row; job_row._SURE_S = 600")
    front_end.click(sure)
    front_end.click(pressable(front_end, place, "Sure?"))
    says(front_end, place, "cancelled")
    assert server.get(f"jobs/{job}").body["status"] == "cancelled"


def test_a_job_that_fails(server, panel):
    front_end, root = panel
    job = start(server, "fails", pipeline_input=1)
    place = job_row(front_end, root, job)
    says(front_end, place, "failed", "&lt;script&gt;")
    assert "<script" not in front_end.text(root)

    def again():
        models = [front_end.models[one] for one in front_end.kind(place, "Button")]
        return [one for one in models if one["description"] == "Again"]

    (button,) = front_end.until(again, "the button Again")
    front_end.until(lambda: "input is not kept" in button["tooltip"], "the reason")
    assert button["disabled"]
