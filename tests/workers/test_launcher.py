"""How children are started."""

from __future__ import annotations

from dataclasses import replace

import pytest

from jupyter_chariots.errors import ConfigurationError, NotTrusted, TimedOut

PLAIN = """
from jupyter_chariots import Node, Pipeline

def one():
    return 1

plain = Pipeline([Node(one, output_nodes="__pipeline_output__")], "plain")
"""


def test_folder_environment_and_log_of_a_child(workshop, run):
    name = workshop.module(
        "import os\nprint(os.getcwd(), os.environ['OF_THE_TEST'])\nraise RuntimeError\n"
    )

    async def work():
        child = await workshop.launch(env={"OF_THE_TEST": "here"}).start("train")
        with pytest.raises(ConfigurationError):
            await child.request({"do": "describe", "module": name})
        await child.stop()

    run(work())
    log = workshop.store_path.parent / "logs" / "train.log"
    first, *traceback = log.read_text().splitlines()
    assert first == f"{workshop.folder} here"
    assert traceback[-1] == "RuntimeError"


def test_an_import_that_never_ends(workshop, run):
    name = workshop.module("while True: pass\n")

    async def work():
        child = await workshop.launcher.start("train")
        with pytest.raises(TimedOut):
            await child.request({"do": "describe", "module": name}, timeout=0.2)
        assert child.alive
        await child.stop()

    run(work())


def test_a_definition_that_this_user_did_not_sign_is_not_followed(workshop, run):
    async def work():
        definitions = await workshop.define(PLAIN)
        with pytest.raises(NotTrusted, match="plain"):
            await workshop.launcher.host(replace(definitions["plain"], trusted=False))
        child = await workshop.launcher.host(definitions["plain"])
        await child.stop()

    run(work())
