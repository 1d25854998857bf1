"""What is put together to be sent, beside the definitions."""

from __future__ import annotations

import pytest

from jupyter_chariots import BaseMLOp, MLMode, Node, Pipeline
from jupyter_chariots.ml.bundling import bundle_of


class Mean(BaseMLOp):
    environment = ("SOME_BACKEND", "SOME_DEVICES")

    def _init_model(self):
        return {}

    def fit(self, numbers):
        self._model["mean"] = sum(numbers)

    def predict(self, numbers):
        return numbers


@pytest.fixture
def train():
    return Pipeline([Node(Mean(MLMode.FIT), input_nodes=["__pipeline_input__"])], "train")


def test_variables_that_decide_how_an_op_runs_go_along(train, monkeypatch):
    monkeypatch.setenv("SOME_BACKEND", "jax")
    monkeypatch.delenv("SOME_DEVICES", raising=False)
    monkeypatch.setenv("KEY", "1")
    bundle = bundle_of([train], replace=False, share=(), env="KEY")
    assert bundle.header["env"] == {"SOME_BACKEND": "jax", "KEY": "1"}
    monkeypatch.delenv("SOME_BACKEND")
    assert bundle_of([train], replace=False, share=(), env=()).header["env"] == {}


def test_keras_names_its_backend():
    from jupyter_chariots.ml.keras import KerasOp

    assert "KERAS_BACKEND" in KerasOp.environment
