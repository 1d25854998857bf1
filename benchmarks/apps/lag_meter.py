"""An extension of the Jupyter server that tells how late its event loop is.

``GET /lag`` gives the seconds since the last time that it was asked.
"""

import asyncio
import json

from jupyter_server.base.handlers import APIHandler
from jupyter_server.utils import url_path_join
from tornado import web

_EVERY_S = 0.005


class Lag(APIHandler):
    late: list[float]

    def initialize(self, late: list[float]) -> None:
        self.late = late

    @web.authenticated
    def get(self) -> None:
        self.finish(json.dumps(self.late))
        self.late.clear()


def _tick(loop: asyncio.AbstractEventLoop, due: float, late: list[float]) -> None:
    now = loop.time()
    late.append(now - due)
    loop.call_at(now + _EVERY_S, _tick, loop, now + _EVERY_S, late)


def _jupyter_server_extension_points() -> list[dict[str, str]]:
    return [{"module": "lag_meter"}]


def _load_jupyter_server_extension(app) -> None:
    late: list[float] = []
    path = url_path_join(app.web_app.settings["base_url"], "lag")
    app.web_app.add_handlers(".*$", [(path, Lag, {"late": late})])
    loop = app.io_loop.asyncio_loop
    loop.call_soon(_tick, loop, loop.time(), late)
