"""Pipelines around keras models, as a user writes them; a server imports this too."""

import keras
from sklearn.datasets import load_iris

from jupyter_chariots import (
    MLMode,
    Node,
    Pipeline,
    VersionedField,
    VersionedFieldDict,
    VersionType,
)
from jupyter_chariots.ml import KerasOp

X, y = load_iris(return_X_y=True)
ROWS = [[5.1, 3.5, 1.4, 0.2], [6.3, 3.3, 6.0, 2.5]]


@keras.saving.register_keras_serializable("flowers")
class Scale(keras.layers.Layer):
    """A layer of one's own, registered with keras."""

    def __init__(self, factor=0.5, **kwargs):
        super().__init__(**kwargs)
        self.factor = factor

    def build(self, shape):
        self.offset = self.add_weight(shape=shape[-1:])

    def call(self, values):
        return values * self.factor + self.offset

    def get_config(self):
        return {**super().get_config(), "factor": self.factor}


class Widen(Scale):
    """A layer that keras does not know."""


def swish(values):
    return values * keras.ops.sigmoid(values)


def distance(expected, given):
    return keras.losses.sparse_categorical_crossentropy(expected, given)


def layers():
    return [
        keras.Input((4,)),
        Widen(),
        keras.layers.Dense(16, activation=swish),
        Scale(),
        keras.layers.Dense(3, activation="softmax"),
    ]


class Net(KerasOp):
    """Made of layers and functions that only this module has."""

    input_params = VersionedFieldDict(
        VersionType.MAJOR,
        {
            "epochs": 20,
            "batch_size": VersionedField(25, VersionType.MINOR),
            "callbacks": [keras.callbacks.EarlyStopping(monitor="loss", patience=3)],
        },
    )

    def _init_model(self):
        keras.utils.set_random_seed(0)
        model = keras.Sequential(layers())
        model.compile(keras.optimizers.Adam(0.05), loss=distance, metrics=["accuracy"])
        return model


def data():
    return X, y


train_net = Pipeline(
    [
        Node(data, output_nodes=["X", "y"]),
        Node(Net(MLMode.FIT, verbose=0), input_nodes=["X", "y"]),
    ],
    "train_net",
)
pred_net = Pipeline(
    [
        Node(
            Net(MLMode.PREDICT),
            input_nodes=["__pipeline_input__"],
            output_nodes="__pipeline_output__",
        )
    ],
    "pred_net",
)
