"""Defects of Chariots 0.2 in graphs: gone. What other tests show:

an output could not be used twice
    → pipelines/test_runners.py::test_a_diamond
two nodes of one class collided
    → pipelines/test_graph.py::test_names_of_nodes
    → pipelines/test_graph.py::test_stateful_ops_of_one_name
a tuple could not be a value
    → pipelines/test_runners.py::test_one_output_takes_the_whole_value
an input that was missing was a KeyError
    → pipelines/test_graph.py::test_inputs_that_nobody_produces
    → pipelines/test_runners.py::test_wrong_inputs
an empty pipeline was a StopIteration
    → pipelines/test_graph.py::test_empty
names of pipelines and ops were not checked
    → pipelines/test_graph.py::test_names_of_pipelines
    → pipelines/test_ops.py::test_bad_op_names_are_refused_by_the_pipeline
"""

from __future__ import annotations

import pytest

from jupyter_chariots import BaseOp, Node, Pipeline, SequentialRunner, ThreadRunner, errors

IN, OUT = "__pipeline_input__", "__pipeline_output__"


class Add(BaseOp):
    """Adds up whatever it gets."""

    def execute(self, *numbers):
        return sum(numbers)


@pytest.mark.parametrize("runner", [SequentialRunner(), ThreadRunner()])
def test_many_nodes_of_one_class_in_a_net_of_diamonds(runner):
    """Fibonacci's numbers: each node's output goes to the two nodes after it."""
    nodes = [Node(Add(), [IN], "0"), Node(Add(), [IN, "0"], "1")]
    nodes += [Node(Add(), [str(n - 1), str(n - 2)], str(n)) for n in range(2, 30)]
    nodes += [Node(Add(), ["29", "28"], OUT)]
    pipeline = Pipeline(list(reversed(nodes)), "fibonacci")
    assert runner.run(pipeline, 1) == 2178309
    assert len(pipeline.get_pipeline_versions()) == 31


def test_what_is_refused_is_one_kind_of_error_that_names_the_node():
    """KeyError, StopIteration, nothing at all: each of these was something else."""
    for nodes, said in [
        ([], "no nodes"),
        ([Node(Add(), ["nowhere"], name="lost")], "lost"),
        ([Node(Add(), ["b"], "a", name="first"), Node(Add(), ["a"], "b")], "first"),
        ([Node(Add(), [IN], "a", name="one"), Node(Add(), [IN], "a", name="two")], "two"),
        ([Node(Add(), [IN], name="same"), Node(Add(), [IN], name="same")], "same"),
    ]:
        with pytest.raises(errors.InvalidPipeline, match=said):
            Pipeline(nodes, "p")


@pytest.mark.parametrize("name", ["a/b", "../a", "a%2Fb", "", "..", ".a", "é", "a b", "n" * 129, 3])
def test_names_that_no_route_could_reach_are_refused_at_once(name):
    with pytest.raises(errors.InvalidName, match="name of a pipeline"):
        Pipeline([Node(Add(), [IN])], name)
    op = Add()
    op.op_name = name
    if name != "":  # an empty one is none: then it is the name of the class
        with pytest.raises(errors.InvalidName, match="name of an op"):
            Pipeline([Node(op, [IN], name="node")], "p")
