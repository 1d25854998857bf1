"""What errors say of themselves, to a reader and to IPython."""

from __future__ import annotations

import pickle
import re
from collections.abc import Iterator

import pytest
from IPython.core.interactiveshell import InteractiveShell

from jupyter_chariots.errors import ChariotsError, NodeFailed, VersionError, from_payload

DEFINE = """
from jupyter_chariots import MLMode, Node, Pipeline, SequentialRunner, ThreadRunner
from jupyter_chariots.examples.iris import LogisticOp, PCAOp

def helper(x):
    return x / 0

def half(x):
    return helper(x)

untrained = Pipeline(
    [
        Node(PCAOp(MLMode.PREDICT), "__pipeline_input__", "x"),
        Node(LogisticOp(MLMode.PREDICT), "x", "__pipeline_output__"),
    ],
    "untrained",
)
broken = Pipeline([Node(half, "__pipeline_input__", "__pipeline_output__")], "broken")
"""


@pytest.fixture(scope="module")
def shell() -> Iterator[InteractiveShell]:
    shell = InteractiveShell.instance(colors="nocolor", history_manager=None)
    shell.run_cell(DEFINE).raise_error()
    yield shell
    InteractiveShell.clear_instance()


def shown(shell: InteractiveShell, capsys: pytest.CaptureFixture[str], code: str) -> str:
    """What stands under a cell that fails."""
    capsys.readouterr()
    assert not shell.run_cell(code).success
    return capsys.readouterr().out


def test_the_text_is_the_message_and_what_to_do() -> None:
    assert str(ChariotsError("It is so.")) == "It is so."
    assert str(ChariotsError("It is so.", hint="Do this.")) == "It is so. Do this."
    assert str(ChariotsError("It is so: ERR 5", hint="Do this.")) == "It is so: ERR 5. Do this."
    assert str(ChariotsError("It is so.", hint="Run\nthis()")) == "It is so.\nRun\nthis()"


@pytest.mark.parametrize(
    "copied", [lambda e: from_payload(e.payload()), lambda e: pickle.loads(pickle.dumps(e))]
)
def test_they_travel(copied) -> None:
    error = VersionError("No.", hint="Retrain.", traceback="…", remedy=["train"])
    copy = copied(error)
    assert type(copy) is VersionError
    assert copy.payload() == error.payload()


def test_a_cell_shows_no_frames_of_this_package(shell, capsys) -> None:
    text = shown(shell, capsys, "SequentialRunner().run(untrained, [[1, 2, 3, 4]])")
    assert "SequentialRunner().run(untrained" in text
    assert "NotLoaded: " in text
    assert "runners.py" not in text


@pytest.mark.parametrize("runner", ["SequentialRunner", "ThreadRunner"])
def test_a_failed_op_shows_the_frames_of_its_author(shell, capsys, runner) -> None:
    text = shown(shell, capsys, f"{runner}().run(broken, 3)")
    assert re.findall(r"^-+> \d+ +(.*)$", text, re.MULTILINE) == [
        "return helper(x)",
        "return x / 0",
        f"{runner}().run(broken, 3)",
    ]
    assert text.rstrip().endswith("failed: ZeroDivisionError: division by zero")


def test_the_traceback_that_travels_begins_with_the_code_of_the_op(shell) -> None:
    with pytest.raises(NodeFailed) as caught:
        shell.run_cell("SequentialRunner().run(broken, 3)").raise_error()
    assert caught.value.traceback.count("File ") == 2
    assert "return helper(x)" in caught.value.traceback
