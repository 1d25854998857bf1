"""An extension of the Jupyter server with one bare ``APIHandler``, predicting on its loop."""

import json

from iris_model import predict
from jupyter_server.base.handlers import APIHandler
from jupyter_server.utils import url_path_join
from tornado import web


class Predict(APIHandler):
    @web.authenticated
    def post(self):
        rows = self.get_json_body()["pipeline_input"]
        self.finish(json.dumps({"pipeline_output": predict(rows)}))


def _jupyter_server_extension_points():
    return [{"module": "jupyter_app"}]


def _load_jupyter_server_extension(app):
    path = url_path_join(app.web_app.settings["base_url"], "predict")
    app.web_app.add_handlers(".*$", [(path, Predict)])
