"""Pipelines that a server of the tests of tensors serves."""

import datetime

from jupyter_chariots import BaseMLOp, MLMode, Node, Pipeline

from .app import IN, OUT, kind, same


class Prices(BaseMLOp):
    """Learns from a frame; tells what it is given to predict with."""

    op_name = "prices"

    def _init_model(self):
        return {}

    def fit(self, frame):
        self._model["seen"] = len(frame)

    def predict(self, frame):
        return frame.assign(sum=frame["rooms"] + frame["area"])


class Rows(BaseMLOp):
    """Learns from lists; gives them back."""

    op_name = "rows"

    def _init_model(self):
        return {}

    def fit(self, rows):
        self._model["width"] = len(rows[0])

    def predict(self, rows):
        assert isinstance(rows, list)
        return [[number + 0.5 for number in row] for row in rows]


def houses():
    import pandas

    day = pandas.to_datetime(["2024-01-01", "2024-01-02"])
    return pandas.DataFrame(
        {"rooms": [1, 2], "area": [30.0, 55.5], "kind": ["flat", "house"], "built": day}
    )


def outputs(which):
    import numpy
    import pandas

    return {
        "frame": lambda: pandas.DataFrame({"a": [1, 2], "b": ["x", None]}),
        "dict": lambda: {"probability": numpy.array([[0.25, 0.75]]), "label": ["é"]},
        "records": lambda: [{"a": 1, "b": True}, {"a": 2, "b": False}],
        "scalar": lambda: 3,
        "text": lambda: "é",
        "bytes": lambda: b"\x00\xff",
        "nan": lambda: [1.5, float("nan")],
        "missing": lambda: [1, None],
        "nullable": lambda: pandas.Series([1, None], dtype="Int64"),
        "dates": lambda: [datetime.date(2024, 2, 29)],
        "ragged": lambda: [[1], [2, 3]],
        "nested": lambda: {"a": {"b": 1}},
        "big": lambda: [2**70],
        "empty": list,
        "nothing": lambda: None,
    }[str(which[0])]()


def add(columns):
    return columns["a"] + columns["b"].sum()


def five():
    return 5


echo = Pipeline([Node(same, [IN], OUT)], "echo")
what = Pipeline([Node(kind, [IN], OUT)], "what")
gives = Pipeline([Node(outputs, [IN], OUT)], "gives")
added = Pipeline([Node(add, [IN], OUT)], "added")
number = Pipeline([Node(five, output_nodes=OUT)], "number")
learn_prices = Pipeline(
    [Node(houses, output_nodes="X"), Node(Prices(MLMode.FIT), ["X"])], "learn_prices"
)
prices = Pipeline([Node(Prices(MLMode.PREDICT), [IN], OUT)], "prices")
learn_rows = Pipeline([Node(Rows(MLMode.FIT), [IN])], "learn_rows")
rows = Pipeline([Node(Rows(MLMode.PREDICT), [IN], OUT)], "rows")
