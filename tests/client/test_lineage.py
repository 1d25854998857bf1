"""The picture of what a version was trained on."""

from __future__ import annotations

import re

import pytest

from jupyter_chariots.client.lineage import lineage_of
from jupyter_chariots.errors import VersionNotFound
from tests.kernels import Notebook
from tests.live import FLOWERS

ODD = '<img src=x onerror="alert(1)"> "]; click v0 "javascript:y" %%{init} `x` #lt; **b** |v|\n'


def store(**versions):
    """A look at versions: ``name=[upstream names]``; those in capitals have learned something."""

    def shown(name):
        stateful = name.isupper()
        return {"op": name, "version": f"v-{name}", "label": f"1.0.{name}", "stateful": stateful}

    def look(op, version):
        assert version in (f"v-{op}", "1.0.0"), "by its own version"
        if op not in versions:
            raise VersionNotFound(f"There is no {op}.")
        upstream = [shown(name) for name in versions[op]]
        return {"version": f"v-{op}", "number": "1.0.0", "trained_on": upstream}

    return look


def arrows(lineage):
    """Pairs of names: what was trained on what."""
    names = [one.op for one in lineage.versions]
    return {(names[up], one.op) for one in lineage.versions for up in one.trained_on}


def test_an_arrow_is_left_out_where_a_longer_way_says_the_same():
    look = store(C=["data", "A", "B"], B=["data", "A"], A=["data"])
    lineage = lineage_of(look, "C", "1.0.0")
    assert [one.op for one in lineage.versions] == ["data", "A", "B", "C"]
    assert arrows(lineage) == {("data", "A"), ("A", "B"), ("B", "C")}


def test_side_by_side():
    look = store(C=["A", "B", "left", "right"], B=["right"], A=["left"])
    lineage = lineage_of(look, "C", "1.0.0")
    assert arrows(lineage) == {("left", "A"), ("right", "B"), ("A", "C"), ("B", "C")}


def test_what_the_store_does_not_have_and_what_was_trained_on_nothing():
    lineage = lineage_of(store(C=["A"]), "C", "1.0.0")
    assert arrows(lineage) == {("A", "C")}
    alone = lineage_of(store(C=[]), "C", "1.0.0")
    assert repr(alone) == "C 1.0.0: trained on nothing that the op store knows"
    with pytest.raises(VersionNotFound):
        lineage_of(store(), "C", "1.0.0")


def test_what_comes_from_the_user_means_nothing_in_mermaid_html_or_a_terminal():
    def look(op, version):
        upstream = [{"op": ODD, "version": "v", "label": ODD + "\x1b[31m", "stateful": False}]
        return {"version": "w", "number": ODD, "trained_on": upstream}

    bundle = lineage_of(look, ODD, "w")._repr_mimebundle_()
    # HTML or Markdown beside it would be one more language to escape for
    assert set(bundle) == {"text/plain", "text/vnd.mermaid"}
    lines = bundle["text/vnd.mermaid"].splitlines()
    assert len(lines) == 5, "a line break in a name ends no line"
    for line, (opened, closed) in zip(lines[1:3], [('["', '"]'), ('[("', '")]')], strict=True):
        (label,) = re.findall(rf"^  v\d{re.escape(opened)}(.*){re.escape(closed)}$", line)
        for part in label.split("<br>"):
            assert re.fullmatch(r"(\w|[ (),.:/+=-]|#\d+;)*", part)
            assert re.sub(r"#(\d+);", lambda code: chr(int(code[1])), part).startswith(ODD)
    assert "\x1b" not in bundle["text/plain"]
    assert len(bundle["text/plain"].splitlines()) == 3


def test_in_a_cell(live_server):
    server = live_server(app_pipelines=[FLOWERS])
    server.post("pipelines/train_iris/main")
    with Notebook(server) as notebook:
        notebook.run("%load_ext jupyter_chariots")
        shown = notebook.run("%chariots lineage logisticop").splitlines()
        assert [line.split()[0] for line in shown] == [
            "logisticop",
            "irisop",
            "pcaop",
            "logisticop",
        ]
        assert shown[2].endswith("trained on irisop")
        assert shown[3].endswith("trained on pcaop")
        drawn = notebook.run("lineage = _\nprint(lineage._repr_mimebundle_()['text/vnd.mermaid'])")
        assert '  v1[("pcaop<br>' in drawn
        assert "v0 --> v1" in drawn
        assert "v1 --> v2" in drawn
        assert "v0 --> v2" not in drawn
