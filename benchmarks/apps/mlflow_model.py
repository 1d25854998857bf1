"""Make a model of MLflow: ``mlflow_model.py FOLDER``."""

import sys

import mlflow.pyfunc
import numpy
from iris_model import predict


class Iris(mlflow.pyfunc.PythonModel):
    def predict(self, context, model_input, params=None):
        return predict(numpy.asarray(model_input))


if __name__ == "__main__":
    mlflow.pyfunc.save_model(sys.argv[1], python_model=Iris(), pip_requirements=["scikit-learn"])
