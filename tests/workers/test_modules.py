"""Finding pipelines and objects by their names, as a child does."""

from __future__ import annotations

import pytest

from jupyter_chariots.errors import ConfigurationError
from jupyter_chariots.workers.modules import find, load_object

SOURCE = """
from jupyter_chariots import Node, Pipeline

def one():
    return 1

train = Pipeline([Node(one)], "train")
again = train

class Holder:
    other = Pipeline([Node(one)], "other")
"""


@pytest.fixture
def module(workshop, monkeypatch):
    monkeypatch.syspath_prepend(str(workshop.folder))
    return workshop.module(SOURCE)


def test_a_pipeline_with_two_names_is_found_under_the_first(module):
    ((ref, pipeline),) = find(module)
    assert ref == f"{module}:train"
    assert pipeline.name == "train"


def test_a_name_may_have_dots(module):
    ((ref, pipeline),) = find(f"{module}:Holder.other")
    assert ref == f"{module}:Holder.other"
    assert pipeline.name == "other"


def test_a_typo_gets_a_suggestion(module):
    with pytest.raises(ConfigurationError) as refused:
        find(f"{module}:trian")
    assert "'train'" in refused.value.hint


def test_an_object_by_its_dotted_path():
    assert load_object("json.JSONEncoder", "setting").__name__ == "JSONEncoder"
    for path in ("JSONEncoder", "json.Nothing", "no_such_module_at_all.X"):
        with pytest.raises(ConfigurationError, match="the_setting"):
            load_object(path, "the_setting")
