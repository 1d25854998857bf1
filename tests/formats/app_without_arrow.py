"""A pipeline in a process where pyarrow is not installed."""

import sys

from jupyter_chariots import Node, Pipeline

sys.modules["pyarrow"] = None


def same(value):
    return value


bare = Pipeline([Node(same, ["__pipeline_input__"], "__pipeline_output__")], "bare")
