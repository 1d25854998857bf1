"""Pipelines that a server of these tests serves."""

from jupyter_chariots import Node, Pipeline, op


@op
def divide(pair):
    return pair[0] / pair[1]


@op
def double(number):
    return 2 * number


division = Pipeline(
    [
        Node(divide, input_nodes=["__pipeline_input__"], output_nodes="ratio", name="ratio"),
        Node(double, input_nodes=["ratio"], output_nodes="__pipeline_output__", name="twice"),
    ],
    "division",
)
