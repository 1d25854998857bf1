"""BentoML with one worker."""

import bentoml
from iris_model import predict


@bentoml.service(workers=1, traffic={"timeout": 60})
class Iris:
    @bentoml.api
    def predict(self, pipeline_input: list[list[float]]) -> list[int]:
        return predict(pipeline_input)
