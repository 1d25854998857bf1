"""Two ops that learn one after the other, one with a state for a file and one for a row.

Trained on ``[0, 2 * k]``, ``use`` makes ``[-1, 1 / k - 1]`` of ``[0, 1]`` if both ops are of one
training, and something else if they are a mixture.
"""

from __future__ import annotations

import statistics

from jupyter_chariots import BaseMLOp, MLMode, Node, Pipeline

IN, OUT = "__pipeline_input__", "__pipeline_output__"
LARGE = 20_000
"""So often the input stands in the state, which is then too large for a row."""


class Mean(BaseMLOp):
    op_name = "mean"

    def _init_model(self):
        return {}

    def fit(self, numbers):
        self._model.update(mean=statistics.fmean(numbers), padding=str(numbers) * LARGE)

    def predict(self, numbers):
        return [number - self._model["mean"] for number in numbers]


class Scale(BaseMLOp):
    op_name = "scale"

    def _init_model(self):
        return {}

    def fit(self, numbers):
        self._model["largest"] = max(numbers)

    def predict(self, numbers):
        return [number / self._model["largest"] for number in numbers]


def trains(name):
    """A pipeline that trains both."""
    return Pipeline(
        [Node(Mean(MLMode.FIT_PREDICT), [IN], "centred"), Node(Scale(MLMode.FIT), ["centred"])],
        name,
    )


def uses(name):
    """A pipeline that uses both."""
    return Pipeline(
        [
            Node(Mean(MLMode.PREDICT), [IN], "centred"),
            Node(Scale(MLMode.PREDICT), ["centred"], OUT),
        ],
        name,
    )


train, use = trains("train"), uses("use")
