"""Finding the pipelines of modules, in a child."""

from __future__ import annotations

from jupyter_chariots.workers.describe import describe

ONE = """
from jupyter_chariots import Node, Pipeline

def one():
    return 1

{name} = Pipeline([Node(one, output_nodes="__pipeline_output__")], "{name}")
"""


def test_a_module_with_two_pipelines(workshop, run):
    name = workshop.module(
        ONE.format(name="train") + "alias = train\n_hidden = Pipeline([Node(one)], 'hidden')\n"
        "predict = Pipeline([Node(one)], 'predict')\n"
    )
    found, errors = run(describe([name], workshop.launcher))
    assert errors == []
    assert [entry.spec.name for entry in found] == ["train", "predict"]
    assert found[0].source == {
        "kind": "module",
        "ref": f"{name}:train",
        "digest": found[0].spec.digest,
    }
    assert found[0].owner == name
    assert found[0].spec.gives_output


def test_one_pipeline_of_a_module(workshop, run):
    name = workshop.module(ONE.format(name="a") + ONE.format(name="b"))
    found, errors = run(describe([f"{name}:b"], workshop.launcher))
    assert errors == []
    assert [entry.spec.name for entry in found] == ["b"]


def test_what_is_wrong_with_one_module_does_not_hinder_the_others(workshop, run):
    good = workshop.module(ONE.format(name="good"))
    broken = workshop.module("def f():\n    raise OSError('no disk')\nf()\n")
    leaves = workshop.module("import sys\nsys.exit(4)\n")
    dies = workshop.module("import os\nos._exit(5)\n")
    empty = workshop.module("x = 1\n")
    last = workshop.module(ONE.format(name="last"))
    names = [broken, good, leaves, dies, empty, "no.such.module", f"{good}:god", f"{empty}:x", last]
    found, errors = run(describe(names, workshop.launcher))
    assert [entry.spec.name for entry in found] == ["good", "last"]
    messages = [error.message for error in errors]
    assert len(messages) == 7
    assert broken in messages[0]
    assert "no disk" in messages[0]
    assert "in f" in errors[0].traceback
    assert leaves in messages[1]
    assert dies in messages[2]
    assert "exit code 5" in messages[2]
    assert "has no pipeline" in messages[3]
    assert "No module named 'no'" in messages[4]
    assert "good" in errors[5].hint
    assert "is a int, not a Pipeline" in messages[6]
    assert {error.code for error in errors} == {"configuration_error"}


def test_two_pipelines_of_one_name_are_refused_naming_both(workshop, run):
    first = workshop.module(ONE.format(name="train"))
    second = workshop.module(ONE.format(name="other") + ONE.format(name="train"))
    found, (error,) = run(describe([first, second], workshop.launcher))
    assert [entry.spec.name for entry in found] == ["other"]
    assert f"{first}:train" in error.message
    assert f"{second}:train" in error.message


def test_two_pipelines_of_one_name_in_one_module(workshop, run):
    name = workshop.module(ONE.format(name="train") + "b = Pipeline([Node(one)], 'train')\n")
    found, (error,) = run(describe([name], workshop.launcher))
    assert found == []
    assert f"{name}:train" in error.message
    assert f"{name}:b" in error.message


def test_a_pipeline_that_two_modules_import_is_one(workshop, run):
    first = workshop.module(ONE.format(name="train"))
    second = workshop.module(f"from {first} import train\n")
    found, errors = run(describe([first, second], workshop.launcher))
    assert errors == []
    assert [entry.source["ref"] for entry in found] == [f"{first}:train"]


def test_a_runner_and_callbacks_that_do_not_exist(workshop, run):
    good = workshop.module(ONE.format(name="good"))
    for options in ({"runner": "nowhere.Runner"}, {"callbacks": ("json.Callback",)}):
        found, (error,) = run(describe([good], workshop.launch(**options)))
        assert [entry.spec.name for entry in found] == ["good"]
        assert "PipelinesServer" in str(error.payload())


def test_folders_on_the_path(workshop, run, tmp_path):
    other = tmp_path / "elsewhere"
    other.mkdir()
    (other / "helper_of_tests.py").write_text("ONE = 1\n")
    name = workshop.module("import helper_of_tests\n" + ONE.format(name="a"))
    _, errors = run(describe([name], workshop.launcher))
    assert "helper_of_tests" in errors[0].message
    found, errors = run(describe([name], workshop.launch(path=(str(other),))))
    assert errors == []
    assert found[0].spec.name == "a"
