"""LitServe with one worker: ``litserve_app.py PORT``."""

import sys

import litserve
from iris_model import predict


class Iris(litserve.LitAPI):
    def setup(self, device):
        pass

    def decode_request(self, request):
        return request["pipeline_input"]

    def predict(self, x):
        return predict(x)

    def encode_response(self, output):
        return {"pipeline_output": output}


if __name__ == "__main__":
    server = litserve.LitServer(Iris(), accelerator="cpu", workers_per_device=1)
    server.run(
        port=int(sys.argv[1]),
        host="127.0.0.1",
        num_api_servers=1,
        generate_client_file=False,
        log_level="warning",
    )
