"""The iris pipelines of the examples, with models for which next to nothing is imported.

For tests that are about what is around the models: their processes start in a tenth of the time
that those with scikit-learn need. Names, inputs and outputs are the same.
"""

from __future__ import annotations

import random
from statistics import fmean

from jupyter_chariots import BaseMLOp, BaseOp, MLMode, Node, Pipeline

ROWS = [
    [5.1, 3.5, 1.4, 0.2],
    [4.9, 3.0, 1.4, 0.2],
    [5.0, 3.6, 1.4, 0.2],
    [7.0, 3.2, 4.7, 1.4],
    [6.4, 3.2, 4.5, 1.5],
    [5.7, 2.8, 4.1, 1.3],
    [6.3, 3.3, 6.0, 2.5],
    [7.1, 3.0, 5.9, 2.1],
    [6.5, 3.0, 5.8, 2.2],
]
CLASSES = [0, 0, 0, 1, 1, 1, 2, 2, 2]


class IrisOp(BaseOp):
    """Nine of the flowers, and their classes."""

    def execute(self):
        return ROWS, CLASSES


class BootstrapOp(BaseOp):
    """Draws as many rows as it gets, with replacement."""

    def execute(self, X, seed):
        return random.Random(seed).choices(X, k=len(X))


class PCAOp(BaseMLOp):
    """The lengths about their means."""

    def _init_model(self):
        return {}

    def fit(self, X):
        self._model["means"] = [fmean(column) for column in zip(*X, strict=True)]

    def predict(self, X):
        means = self._model["means"]
        return [[length - mean for length, mean in zip(row, means, strict=True)] for row in X]


class LogisticOp(BaseMLOp):
    """The class whose mean is the nearest."""

    def _init_model(self):
        return {}

    def fit(self, X, y):
        for kind in set(y):
            members = [row for row, its in zip(X, y, strict=True) if its == kind]
            self._model[kind] = [fmean(column) for column in zip(*members, strict=True)]

    def predict(self, X):
        return [min(self._model, key=lambda kind: self._distance(kind, row)) for row in X]

    def _distance(self, kind, row):
        return sum((a - b) ** 2 for a, b in zip(self._model[kind], row, strict=True))


train_iris = Pipeline(
    [
        Node(IrisOp(), output_nodes=["X", "y"]),
        Node(PCAOp(MLMode.FIT_PREDICT), input_nodes=["X"], output_nodes="X_pca"),
        Node(LogisticOp(MLMode.FIT), input_nodes=["X_pca", "y"]),
    ],
    "train_iris",
)

train_pca = Pipeline(
    [
        Node(IrisOp(), output_nodes=["X", "y"]),
        Node(BootstrapOp(), input_nodes=["X", "__pipeline_input__"], output_nodes="sample"),
        Node(PCAOp(MLMode.FIT), input_nodes=["sample"]),
    ],
    "train_pca",
)

pred_iris = Pipeline(
    [
        Node(PCAOp(MLMode.PREDICT), input_nodes=["__pipeline_input__"], output_nodes="X_pca"),
        Node(LogisticOp(MLMode.PREDICT), input_nodes=["X_pca"], output_nodes="__pipeline_output__"),
    ],
    "pred_iris",
    batchable=True,
)
