"""What is refused when a pipeline is made, and how its nodes are ordered."""

from __future__ import annotations

import itertools
from typing import Any

import pytest

from jupyter_chariots.errors import DefinitionError, InvalidName, InvalidPipeline
from jupyter_chariots.ml import MLMode
from jupyter_chariots.pipelines import Node, Pipeline, SequentialRunner

from .samples import CountOp, Mean, add, double, one, pair

OUT = "__pipeline_output__"
IN = "__pipeline_input__"


def refused(nodes: Any, match: str, name: str = "p") -> InvalidPipeline:
    with pytest.raises(InvalidPipeline, match=match) as caught:
        Pipeline(nodes, name)
    assert isinstance(caught.value, (DefinitionError, ValueError))
    return caught.value


def test_empty() -> None:
    refused([], "'p' has no nodes")


def test_what_is_no_node() -> None:
    refused([one], "is not a node. Wrap it")


def test_names_of_pipelines() -> None:
    with pytest.raises(InvalidName):
        Pipeline([Node(one)], "a/b")


def test_inputs_that_nobody_produces() -> None:
    error = refused(
        [Node(one, output_nodes="X_pca"), Node(double, "X_pac")],
        "nobody gives 'X_pac', which node 'double' takes. Did you mean 'X_pca'",
    )
    assert error.details == {"pipeline": "p", "node": "double"}
    assert error.status == 400


def test_a_node_that_is_not_listed() -> None:
    refused([Node(double, Node(one))], "takes node 'one', which is not in the pipeline")


def test_duplicate_outputs() -> None:
    refused(
        [Node(one, output_nodes="x"), Node(pair, output_nodes=["x", "y"])],
        "output 'x' is given twice, by nodes 'one' and 'pair'",
    )
    refused([Node(pair, output_nodes=["x", "x"])], "given twice, by 'pair'")


def test_two_outputs_of_the_pipeline() -> None:
    refused(
        [Node(one, output_nodes=OUT), Node(pair, output_nodes=OUT)], "A pipeline has one output"
    )


def test_the_input_cannot_be_an_output() -> None:
    refused([Node(one, output_nodes=IN)], "gives the reserved '__pipeline_input__'")


def test_cycles() -> None:
    refused(
        [
            Node(one, output_nodes="x"),
            Node(add, ["x", "c"], "a", name="first"),
            Node(double, "a", "b", name="second"),
            Node(double, "b", "c", name="third"),
        ],
        "cycle: 'first' ← 'third' ← 'second' ← 'first'",
    )
    refused([Node(double, "x", "x")], "cycle: 'double' ← 'double'")


def test_names_of_nodes() -> None:
    refused([Node(one, name="n"), Node(pair, name="n")], "Two nodes of pipeline 'p' are named 'n'")
    pipeline = Pipeline([Node(one), Node(one), Node(one, name="one_2"), Node(one)], "p")
    assert set(pipeline.node_for_name) == {"one", "one_2", "one_3", "one_4"}
    assert pipeline.node_for_name["one_3"].name == "one_3"


def test_a_node_object_in_two_pipelines_keeps_its_name() -> None:
    node = Node(one)
    first, second = Pipeline([Node(one), node], "p"), Pipeline([node], "q")
    assert list(first.node_for_name) == ["one", "one_2"]
    assert list(second.node_for_name) == ["one"]
    assert node.name == "one"


def test_a_node_listed_twice() -> None:
    node = Node(one)
    refused([node, node], "'one' stands twice")


def test_a_node_with_several_outputs_cannot_be_named_whole() -> None:
    node = Node(pair, output_nodes=["a", "b"])
    refused([node, Node(double, node)], r"several outputs \(a, b\)")


def test_any_order_gives_the_same_result() -> None:
    nodes = [
        Node(one, output_nodes="x"),
        Node(double, "x", "left"),
        Node(double, "left", "right", name="again"),
        Node(add, ["left", "right"], OUT),
    ]
    for order in itertools.permutations(nodes):
        assert SequentialRunner().run(Pipeline(order, "p")) == 6


def test_the_listed_order_is_kept_where_it_can_be() -> None:
    pipeline = Pipeline([Node(one, name=name) for name in "cab"], "p")
    assert [node.name for node in pipeline.pipeline_nodes] == ["c", "a", "b"]


def test_outputs_that_nobody_consumes_are_allowed() -> None:
    pipeline = Pipeline([Node(pair, output_nodes=["a", "b"]), Node(one, output_nodes="c")], "p")
    assert SequentialRunner().run(pipeline) is None


def test_a_node_as_input_by_object_and_by_name() -> None:
    first, third = Node(one), Node(pair, output_nodes="p")
    pipeline = Pipeline(
        [
            first,
            third,
            Node(add, [first, "one"], "x"),
            Node(lambda x, p: (x, p), ["x", third], OUT),
        ],
        "p",
    )
    assert SequentialRunner().run(pipeline) == (2, (1, 2))


def test_stateful_ops_of_one_name() -> None:
    refused([Node(CountOp()), Node(CountOp())], "two different ops with state.*'countop'.*op_name")
    shared = CountOp()
    pipeline = Pipeline([Node(shared, output_nodes="a"), Node(shared), Node(double, "a", OUT)], "p")
    assert pipeline.ops == {"countop": shared}
    renamed = CountOp()
    renamed.op_name = "other"
    assert set(Pipeline([Node(CountOp()), Node(renamed)], "p").ops) == {"countop", "other"}


def test_fit_and_predict_in_one_graph_share_the_op() -> None:
    fit, predict = Mean(MLMode.FIT), Mean(MLMode.PREDICT)
    pipeline = Pipeline([Node(predict, IN, OUT), Node(fit, IN)], "p")
    assert [node.name for node in pipeline.pipeline_nodes] == ["mean_2", "mean"]
    assert SequentialRunner().run(pipeline, [1, 2, 3]) == 2
    assert pipeline.ops["mean"] is fit
    assert predict.op_version == fit.op_version


def test_fit_and_predict_of_different_versions_are_two_ops() -> None:
    other = Mean(MLMode.PREDICT)
    other.power = 2
    refused([Node(Mean(MLMode.FIT), IN), Node(other, IN, OUT)], "two different ops with state")


def test_an_op_is_fitted_once() -> None:
    refused(
        [Node(Mean(MLMode.FIT), IN, name="a"), Node(Mean(MLMode.FIT), IN, name="b")],
        "'mean' is fitted by two nodes, 'a' and 'b'",
    )
    inner = Pipeline([Node(Mean(MLMode.FIT), IN)], "inner")
    refused([Node(inner, IN), Node(Mean(MLMode.FIT), IN, name="b")], "fitted by two nodes")


def test_predicting_upstream_of_the_fit_is_a_cycle() -> None:
    refused(
        [Node(Mean(MLMode.PREDICT), IN, "m"), Node(Mean(MLMode.FIT), "m")],
        "cycle.*'mean'.*'mean_2'|cycle.*'mean_2'.*'mean'",
    )


def test_nested_pipelines_are_called_as_they_are_made() -> None:
    takes = Pipeline([Node(double, IN, OUT)], "takes")
    gives = Pipeline([Node(one, output_nodes=OUT)], "gives")
    silent = Pipeline([Node(one)], "silent")
    refused([Node(takes, output_nodes="x")], "'takes' takes one input and is given 0")
    refused([Node(pair, output_nodes=["a", "b"]), Node(takes, ["a", "b"])], "is given 2")
    refused([Node(one, output_nodes="a"), Node(gives, "a")], "takes no input and is given 1")
    refused([Node(silent, output_nodes="x")], "'silent' gives no output")
    node = Node(silent)
    refused([node, Node(double, node)], "'silent' gives no output")
