"""A whole life of a server, and then its folder in the hands of somebody else.

First: no token, no credential and no value of an environment variable stands in a log, an event, an
answer, a command line or the op store. Then another user starts a server in the same folder, as if
it had been cloned: definitions and states in it do harm when they are opened, and never are.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import urllib.parse
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import websocket

from jupyter_chariots import OpStore
from jupyter_chariots.errors import NotTrusted

from ..live import LiveServer, wait_for

TOKEN = "t0ken-of-the-server-fb2c19"
VALUE = "va1ue-of-a-variable-77d0e4"
BODY = "s3cret-in-a-body-1a9b5c"

SCRIPT = """
import os, sys
from pathlib import Path
from jupyter_chariots import BaseMLOp, MLMode, Node, Pipeline, PipelinesClient, op
from jupyter_chariots.errors import ChariotsError

class Trap:
    def __init__(self, marker):
        self.marker = marker
    def __reduce__(self):
        return Path.touch, (Path(self.marker),)

in_definition = Trap(sys.argv[1] + "/definition")

def look(x):
    return len(os.environ["MY_KEY"])

def fail(x):
    raise RuntimeError("cannot do it")

def die(x):
    os._exit(3)

IN, OUT = "__pipeline_input__", "__pipeline_output__"

class Learn(BaseMLOp):
    op_name = "learn"
    marker = sys.argv[1] + "/state"
    def _init_model(self):
        return {}
    def fit(self, x):
        self._model["state"] = Trap(self.marker)
    def predict(self, x):
        return 1

client = PipelinesClient()
ends = [Pipeline([Node(run, [IN], OUT)], run.__name__) for run in (look, fail, die)]
train = Pipeline([Node(Learn(MLMode.FIT), [IN])], "train")
use = Pipeline([Node(Learn(MLMode.PREDICT), [IN], OUT)], "use")

@op
def trapped(x, held=in_definition):
    return 7

client.serve(*ends, train, use, Pipeline([Node(trapped, [IN], OUT)], "trapped"), env=["MY_KEY"])
assert client.call_pipeline("look", 1).value == len(os.environ["MY_KEY"])
assert client.call_pipeline("trapped", 1).value == 7
client.call_pipeline("train", [1])
client.save_pipeline("train")
client.load_pipeline("use")
job = client.call_pipeline("look", 2, use_worker=True)
client.wait(job.job_id)
for name in ("fail", "die"):
    for use_worker in (None, True):
        try:
            answer = client.call_pipeline(name, 1, use_worker=use_worker)
            client.wait(answer.job_id)
        except ChariotsError as error:
            print(error)
"""


class Life:
    """A server that has been used, and what it has said."""

    def __init__(self, server: LiveServer, traps: Path) -> None:
        self.server, self.traps = server, traps
        self.said: dict[str, str] = {}
        self.hidden: list[str] = []

    def live(self) -> None:
        """Use it, from a script in its folder."""
        events = self.listen()
        environment = {**self.server.environment, "MY_KEY": VALUE}
        done = subprocess.run(
            [sys.executable, "-c", SCRIPT, str(self.traps)],
            cwd=self.server.root,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
            timeout=240,
        )
        assert done.returncode == 0, done.stderr + self.server.log_tail()
        self.said["script"] = done.stdout + done.stderr
        self.said["command lines"] = "\n".join(commands())
        (file,) = self.server.runtime_dir.glob("jpchariots-*.json")
        secret = next((self.server.home / "jupyter").rglob("chariots_secret")).read_bytes()
        credential = json.loads(file.read_text())["token"]
        self.hidden = [TOKEN, VALUE, credential, secret.hex(), secret.decode("latin-1")]
        self.ask()
        self.said["events"] = "\n".join(until_served(events))
        events.close()

    def listen(self) -> Any:
        url = f"ws://127.0.0.1:{self.server.port}/api/events/subscribe"
        header = [f"Authorization: token {self.server.token}"]
        return websocket.create_connection(url, header=header, timeout=60)

    def ask(self) -> None:
        """Ask rightly and wrongly; keep the answers."""
        server = self.server
        answers = [
            server.get("snapshot"),
            server.get("pipelines"),
            server.get("jobs"),
            server.get("ops"),
            server.get("ops/learn/versions"),
            *(server.get(f"pipelines/{name}/log") for name in ("look", "fail", "die", "train")),
            *(server.get(f"jobs/{one['id']}") for one in server.get("jobs").body["items"]),
            server.get("snapshot", token="wrong"),
            server.get(f"nothing?token={server.token}", token=""),
            server.post("pipelines/none/main", {"pipeline_input": BODY}),
            server.post("pipelines/look/main", f'{{"pipeline_input": "{BODY}'.encode()),
            server.post("pipelines", BODY.encode()),
            server.request("BREW", f"snapshot?token={server.token}"),
        ]
        self.said["answers"] = "\n".join(json.dumps(one.body) for one in answers)

    def written(self) -> Iterator[tuple[str, str]]:
        """Everything that it has said or written."""
        yield from self.said.items()
        yield "log", self.server.log.read_text(errors="replace")
        for path in (self.server.root / ".chariots").rglob("*"):
            if path.is_file():
                yield str(path), path.read_bytes().decode("latin-1")


def commands() -> Iterator[str]:
    """Command lines of processes that servers start: every user of the machine can see them."""
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            line = path.read_bytes().decode(errors="replace")
        except OSError:  # it has ended
            continue
        if "jupyter_chariots.workers" in line:
            yield line


def until_served(events: Any) -> Iterator[str]:
    """What was told of, up to the end of the last job."""
    ended = 0
    while ended < 3:
        said = events.recv()
        ended += '"status": "done"' in said or '"status": "failed"' in said
        yield said


@pytest.fixture(scope="module")
def life(tmp_path_factory) -> Iterator[Life]:
    folder = tmp_path_factory.mktemp("life")
    traps = folder / "traps"
    traps.mkdir()
    options = {"token": TOKEN, "arguments": ["--ServerApp.log_level=DEBUG"]}
    with LiveServer(folder / "root", folder / "home", **options) as server:
        life = Life(server, traps)
        life.live()
        yield life


def test_no_secret_is_said_or_written(life):
    hidden = {*life.hidden, *map(urllib.parse.quote, life.hidden)}
    for place, text in life.written():
        for one in hidden:
            assert one not in text, place
        if place != "script":
            assert BODY not in text, place
    assert "MY_KEY" in json.dumps(list(life.written()))  # that there is such a variable is known


def test_what_a_stranger_left_in_the_folder_is_never_opened(life, tmp_path):
    """The markers are there, since its own user has opened all of it; from now on nobody does."""
    life.server.stop()
    assert {path.name for path in life.traps.iterdir()} == {"definition", "state"}
    for path in life.traps.iterdir():
        path.unlink()
    with LiveServer(life.server.root, tmp_path / "home of another") as server:
        wait_for(lambda: not server.get("snapshot").body["starting"], "the start")
        names = [one["name"] for one in server.get("snapshot").body["pipelines"]]
        for name in {*names, "use", "train", "trapped"}:
            for verb, action in [
                ("POST", "main"),
                ("POST", "load"),
                ("POST", "save"),
                ("GET", "versions"),
                ("GET", "health_check"),
                ("GET", "loadable"),
                ("GET", "served"),
            ]:
                body = {"pipeline_input": [1]} if action == "main" else None
                answer = server.request(verb, f"pipelines/{name}/{action}", body)
                assert answer.status != 200 or action in ("save", "versions", "loadable", "served")
        versions = server.get("ops/learn/versions").body["items"]
        assert versions
        health = server.get("health_check").body
        assert not any(health.values()), health
    with OpStore(
        server.root / ".chariots" / "op_store.db", secret=b"another one, of 32 bytes ......."
    ) as store:
        kept = [one for one in store.history("learn") if one.size]
        assert kept
        for one in kept:
            with pytest.raises(NotTrusted):
                store.read("learn", one.version)
        for name in ("use", "trapped"):
            with pytest.raises(NotTrusted):
                store.read_definition(name)
    assert os.listdir(life.traps) == []
