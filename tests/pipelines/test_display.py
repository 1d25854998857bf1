from __future__ import annotations

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
        "  pair      <a>, b",
        "  the part  <a> → c",
        "  mean      input",
        "  add       c, mean → output",
    ]


def test_all_forms_are_offered() -> None:
    bundle = shown()._repr_mimebundle_()
    assert set(bundle) == {"text/plain", "text/html", "text/vnd.mermaid"}
    assert bundle["text/plain"] == repr(shown())


def test_html_is_escaped() -> None:
    html = shown()._repr_mimebundle_()["text/html"]
    assert "<a>" not in html
    assert "&lt;a&gt;" in html
    assert "<td>pipeline inner</td>" in html
    assert "<td>mean (fit-predict)</td>" in html


def test_mermaid() -> None:
    lines = shown()._repr_mimebundle_()["text/vnd.mermaid"].splitlines()
    assert lines[0] == "flowchart LR"
    assert [line.strip() for line in lines[1:]] == [
        'input(["input"])',
        'n0["pair"]',
        'n1[["the part"]]',
        'n2[("mean")]',
        'n3["add"]',
        'n0 -- "&lt;a&gt;" --> n1',
        "input --> n2",
        'n1 -- "c" --> n3',
        "n2 --> n3",
        'output(["output"])',
        "n3 --> output",
    ]
