"""A runtime of MLServer, which speaks the Open Inference Protocol."""

from iris_model import predict
from mlserver import MLModel
from mlserver.codecs import NumpyCodec
from mlserver.types import InferenceRequest, InferenceResponse
from numpy import asarray


class Iris(MLModel):
    async def load(self) -> bool:
        return True

    async def predict(self, payload: InferenceRequest) -> InferenceResponse:
        classes = predict(NumpyCodec.decode_input(payload.inputs[0]))
        outputs = [NumpyCodec.encode_output("predict", asarray(classes))]
        return InferenceResponse(model_name=self.name, outputs=outputs)
