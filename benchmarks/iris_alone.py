"""``pred_iris`` without ``batchable=True``."""

from jupyter_chariots import MLMode, Node, Pipeline
from jupyter_chariots.examples.iris import LogisticOp, PCAOp

pred_iris_alone = Pipeline(
    [
        Node(PCAOp(MLMode.PREDICT), input_nodes=["__pipeline_input__"], output_nodes="X_pca"),
        Node(LogisticOp(MLMode.PREDICT), input_nodes=["X_pca"], output_nodes="__pipeline_output__"),
    ],
    "pred_iris_alone",
)
