from __future__ import annotations

import copy
import functools
import pickle

import pytest
from sklearn.decomposition import PCA

from jupyter_chariots.errors import InvalidName, InvalidPipeline
from jupyter_chariots.pipelines import BaseOp, FunctionOp, Node, Pipeline, ReservedNodes


class MyOp(BaseOp):
    def execute(self) -> int:
        return 1


def double(x: int) -> int:
    return 2 * x


def test_names_and_references() -> None:
    first = Node(MyOp(), output_nodes="x")
    second = Node(double, input_nodes=["x", first], output_nodes=["a", "b"], name="second one")
    assert (first.name, first.input_nodes, first.output_nodes) == ("myop", (), ("x",))
    assert second.name == "second one"
    assert second.input_nodes == ("x", first)
    assert second.output_nodes == ("a", "b")
    assert repr(first) == "<Node myop>"


def test_reserved_nodes() -> None:
    node = Node(double, ReservedNodes.pipeline_input, [ReservedNodes.pipeline_output])
    assert node.input_nodes == ("__pipeline_input__",)
    assert node.output_nodes == ("__pipeline_output__",)


def test_functions_become_ops() -> None:
    assert isinstance(Node(double).op, FunctionOp)
    assert Node(double).name == "double"
    assert Node(lambda x: x).name == "lambda"
    assert Node(functools.partial(double, 1)).name == "double"
    assert Node(len).name == "len"


def test_what_is_no_op() -> None:
    with pytest.raises(InvalidPipeline, match=r"Node\(MyOp\(…\), …\)"):
        Node(MyOp)
    with pytest.raises(InvalidPipeline, match="as_op"):
        Node(PCA())  # type: ignore[arg-type]
    with pytest.raises(InvalidPipeline, match="not an op"):
        Node(3)  # type: ignore[arg-type]


def test_bad_references_and_names() -> None:
    with pytest.raises(InvalidPipeline, match="3 cannot be an input of node 'double'"):
        Node(double, [3])  # type: ignore[list-item]
    with pytest.raises(InvalidPipeline, match="'' cannot be an output"):
        Node(double, output_nodes=[""])
    with pytest.raises(InvalidName):
        Node(double, name="a/b")


def test_nodes_are_frozen() -> None:
    node = Node(double)
    with pytest.raises(AttributeError, match="frozen"):
        node.name = "x"
    with pytest.raises(AttributeError, match="frozen"):
        del node.op


def test_nodes_copy_and_pickle() -> None:
    node = Node(MyOp(), "x", ["a", "b"], name="n")
    for other in (copy.copy(node), pickle.loads(pickle.dumps(node))):
        assert (other.name, other.input_nodes, other.output_nodes) == ("n", ("x",), ("a", "b"))


def test_a_pipeline_is_an_op() -> None:
    inner = Pipeline([Node(MyOp())], "inner")
    assert Node(inner).op is inner
    assert Node(inner).name == "inner"
