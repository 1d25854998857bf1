"""Fisher's iris data → PCA → logistic regression: train, retrain a part, predict.

``train_iris`` trains both models, ``train_pca`` the PCA alone, on a bootstrap sample of the data
that its input, a seed, decides. ``pred_iris`` takes rows of four lengths in cm (sepal length and
width, petal length and width) and gives their classes: 0 is setosa, 1 versicolor, 2 virginica.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.datasets import load_iris
from sklearn.decomposition import PCA
from sklearn.linear_model import LogisticRegression

from jupyter_chariots.ml import MLMode, SKSupervisedOp, SKUnsupervisedOp
from jupyter_chariots.pipelines import BaseOp, Node, Pipeline
from jupyter_chariots.versioning import VersionedField, VersionedFieldDict, VersionType

__all__ = [
    "BootstrapOp",
    "IrisOp",
    "LogisticOp",
    "PCAOp",
    "pred_iris",
    "train_iris",
    "train_pca",
]

Array = np.ndarray[Any, np.dtype[Any]]


class IrisOp(BaseOp):
    """Gives the 150 rows of four lengths, and their classes."""

    def execute(self) -> tuple[Array, Array]:
        """Read the data that scikit-learn brings along."""
        data = load_iris()
        return data.data, data.target


class BootstrapOp(BaseOp):
    """Draws as many rows as it gets, with replacement."""

    def execute(self, X: Array, seed: int) -> Array:
        """Draw with this seed: the same rows each time."""
        rows = np.random.default_rng(seed).integers(len(X), size=len(X))
        return X[rows]


class PCAOp(SKUnsupervisedOp):
    """The two directions in which the flowers differ most."""

    model_class = VersionedField(PCA, VersionType.MAJOR)
    model_parameters = VersionedFieldDict(VersionType.MAJOR, {"n_components": 2})


class LogisticOp(SKSupervisedOp):
    """Tells the three classes apart."""

    model_class = VersionedField(LogisticRegression, VersionType.MAJOR)
    model_parameters = VersionedFieldDict(VersionType.MINOR, {"C": 1.0, "max_iter": 1000})

    def fit(self, X: Any, y: Any) -> None:
        """Fit, and report how well the model knows what it was trained on."""
        super().fit(X, y)
        self.report(training_accuracy=self._model.score(X, y))


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
