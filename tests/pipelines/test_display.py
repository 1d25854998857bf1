from __future__ import annotations

import re

from jupyter_chariots.ml import MLMode
from jupyter_chariots.pipelines import Node, Pipeline

from .samples import Mean, add, double, pair


def shown() -> Pipeline:
    inner = Pipeline([Node(double, "__pipeline_input__", "__pipeline_output__")], "inner")
    first = Node(pair, output_nodes=["<a>", "b"])
    return Pipeline(
        [
            first,
            Node(inner, "<a>", "c", name="the part"),
            Node(Mean(MLMode.FIT_PREDICT), "__pipeline_input__"),
            Node(add, ["c", "mean"], "__pipeline_output__"),
        ],
        "p",
    )


def test_text() -> None:
    assert repr(shown()).splitlines() == [
        "<Pipeline p>",
        "  pair                               → <a>, b",
        "  the part (pipeline inner)  <a>     → c",
        "  mean (fit-predict)         input   →",
        "  add                        c, mean → output",
    ]


def test_the_forms_that_are_offered() -> None:
    bundle = shown()._repr_mimebundle_()
    # With HTML beside it, JupyterLab would not draw the graph.
    assert set(bundle) == {"text/plain", "text/vnd.mermaid"}
    assert bundle["text/plain"] == repr(shown())


def test_mermaid() -> None:
    lines = shown()._repr_mimebundle_()["text/vnd.mermaid"].splitlines()
    assert lines[0] == "flowchart LR"
    assert [line.strip() for line in lines[1:]] == [
        'input(["input"])',
        'n0["pair"]',
        'n1[["the part<br>(pipeline inner)"]]',
        'n2[("mean<br>(fit-predict)")]',
        'n3["add"]',
        'n0 -- "#60;a#62;" --> n1',
        "input --> n2",
        'n1 -- "c" --> n3',
        "n2 --> n3",
        'output(["output"])',
        "n3 --> output",
    ]


def test_names_mean_nothing_in_mermaid_or_html() -> None:
    odd = '<b>"x"</b> & `y` #1; {z} [w] |v|'
    nodes = [Node(double, "__pipeline_input__", odd), Node(double, odd, "__pipeline_output__")]
    drawn = Pipeline(nodes, "odd")._repr_mimebundle_()["text/vnd.mermaid"]
    (label,) = re.findall(r'-- "(.*)" -->', drawn)
    assert re.fullmatch(r"(\w|[ /]|#\d+;)*", label)
    assert re.sub(r"#(\d+);", lambda code: chr(int(code[1])), label) == odd
