"""Pipelines that a server of these tests serves."""

from jupyter_chariots import BaseMLOp, MLMode, Node, Pipeline


class Columns(BaseMLOp):
    """Learns the means of columns; predicts with what it is given, and says what that was."""

    op_name = "columns"

    def _init_model(self):
        return {}

    def fit(self, frame):
        self._model["means"] = frame.mean(numeric_only=True).to_dict()

    def predict(self, frame):
        frame = frame.copy()
        for name, mean in self._model["means"].items():
            frame[name] = frame[name] - mean
        return frame


def same(value):
    return value


def kind(value):
    dtypes = getattr(value, "dtypes", None)
    return {
        "type": f"{type(value).__module__.partition('.')[0]}.{type(value).__qualname__}",
        "dtypes": [str(dtype) for dtype in dtypes] if dtypes is not None else None,
    }


def table(rows):
    import pandas

    return pandas.DataFrame({"a": range(rows), "b": 0.5})


def in_place(array):
    array += 1
    return array


IN, OUT = "__pipeline_input__", "__pipeline_output__"

echo = Pipeline([Node(same, [IN], OUT)], "echo")
what = Pipeline([Node(kind, [IN], OUT)], "what")
made = Pipeline([Node(table, [IN], OUT)], "made")
raised = Pipeline([Node(in_place, [IN], OUT)], "raised")
learn = Pipeline([Node(Columns(MLMode.FIT_PREDICT), [IN], OUT)], "learn")
centre = Pipeline([Node(Columns(MLMode.PREDICT), [IN], OUT)], "centre")
