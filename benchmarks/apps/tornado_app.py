"""Tornado alone, predicting on its loop: ``tornado_app.py PORT``."""

import json
import sys

from iris_model import predict
from tornado import ioloop, web


class Predict(web.RequestHandler):
    def post(self):
        self.finish({"pipeline_output": predict(json.loads(self.request.body)["pipeline_input"])})


web.Application([("/predict", Predict)]).listen(int(sys.argv[1]), "127.0.0.1")
ioloop.IOLoop.current().start()
