"""FastAPI, with the body checked by pydantic, as its documentation shows."""

from fastapi import FastAPI
from iris_model import predict
from pydantic import BaseModel

app = FastAPI()


class Call(BaseModel):
    pipeline_input: list[list[float]]


@app.post("/predict")
def predict_iris(call: Call):
    return {"pipeline_output": predict(call.pipeline_input)}
