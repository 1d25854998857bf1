"""A pipeline that notes where its state is loaded."""

import os

from jupyter_chariots import BaseMLOp, MLMode, Node, Pipeline

IN, OUT = "__pipeline_input__", "__pipeline_output__"


class Noted(BaseMLOp):
    """Appends the id of the process that loads its state to the file ``LOADS``."""

    def _init_model(self):
        return {}

    def fit(self, value):
        self._model["value"] = value

    def predict(self, _):
        return {"pid": os.getpid(), "value": self._model["value"]}

    def load(self, serialized_object):
        with open(os.environ["LOADS"], "a") as file:
            file.write(f"{os.getpid()}\n")
        super().load(serialized_object)


teach = Pipeline([Node(Noted(MLMode.FIT), [IN])], "teach")
recall = Pipeline([Node(Noted(MLMode.PREDICT), [IN], OUT)], "recall")
