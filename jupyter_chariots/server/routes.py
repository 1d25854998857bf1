"""All routes, under ``{base_url}chariots``."""

from __future__ import annotations

import re

from tornado import web

from ..errors import NotFound
from . import inference, jobs, pipelines, running, snapshot, store, workers
from .base import PIPELINES, ChariotsHandler, authorized

__all__ = ["ROUTES", "handlers", "pattern"]

# Templates as in openapi.yaml; a parameter is one segment of the path, percent-decoded.
ROUTES: dict[str, type[ChariotsHandler]] = {
    "/pipelines/{name}/main": pipelines.MainHandler,
    "/pipelines/{name}/load": pipelines.LoadHandler,
    "/pipelines/{name}/save": pipelines.SaveHandler,
    "/pipelines/{name}/versions": pipelines.VersionsHandler,
    "/pipelines/{name}/health_check": pipelines.PipelineHealthCheckHandler,
    "/pipelines/{name}/loadable": pipelines.LoadableHandler,
    "/pipelines/{name}/log": pipelines.LogHandler,
    "/pipelines/{name}/served": pipelines.ServedHandler,
    "/pipelines/{name}": pipelines.PipelineHandler,
    "/pipelines": pipelines.PipelinesHandler,
    "/calls/{id}": running.CallHandler,
    "/notebooks": pipelines.NotebooksHandler,
    "/health_check": pipelines.HealthCheckHandler,
    "/available_pipelines": pipelines.AvailablePipelinesHandler,
    "/jobs/fetch": jobs.FetchJobHandler,
    "/jobs": jobs.JobsHandler,
    "/jobs/{id}/log": jobs.JobLogHandler,
    "/jobs/{id}": jobs.JobHandler,
    "/ops": store.OpsHandler,
    "/ops/{op}/versions": store.OpVersionsHandler,
    "/ops/{op}/versions/{version}": store.OpVersionHandler,
    "/ops/{op}/diff": store.DiffHandler,
    "/workers/claim": workers.ClaimHandler,
    "/workers/jobs/{id}/start": workers.StartHandler,
    "/workers/jobs/{id}/bytes": workers.BytesHandler,
    "/workers/jobs/{id}/renew": workers.RenewHandler,
    "/workers/jobs/{id}/pieces": workers.PiecesHandler,
    "/workers/jobs/{id}/finish": workers.FinishHandler,
    "/workers/jobs/{id}/end": workers.EndHandler,
    "/v2": inference.ServerHandler,
    "/v2/health/live": inference.LiveHandler,
    "/v2/health/ready": inference.ReadyHandler,
    "/v2/models/{name}": inference.ModelHandler,
    "/v2/models/{name}/ready": inference.ModelReadyHandler,
    "/v2/models/{name}/infer": inference.InferHandler,
    "/v2/models/{name}/versions/{version}": inference.ModelHandler,
    "/v2/models/{name}/versions/{version}/ready": inference.ModelReadyHandler,
    "/v2/models/{name}/versions/{version}/infer": inference.InferHandler,
    "/v2/repository/index": inference.IndexHandler,
    "/v2/repository/models/{name}/load": inference.LoadModelHandler,
    "/v2/repository/models/{name}/unload": inference.UnloadModelHandler,
    "/snapshot": snapshot.SnapshotHandler,
    "/openapi.yaml": snapshot.OpenAPIHandler,
}


class UnknownRouteHandler(ChariotsHandler):
    """Everything else under ``/chariots``: Jupyter would answer with a page."""

    async def _unknown(self) -> None:
        raise NotFound(
            f"There is no route {self.request.path!r}.",
            hint="/chariots/openapi.yaml lists the routes. A slash in a name is sent as %2F.",
        )

    get = web.authenticated(authorized("read", resource=PIPELINES)(_unknown))
    head = web.authenticated(authorized("read", resource=PIPELINES)(_unknown))
    post = web.authenticated(authorized("write", resource=PIPELINES)(_unknown))
    put = web.authenticated(authorized("write", resource=PIPELINES)(_unknown))
    patch = web.authenticated(authorized("write", resource=PIPELINES)(_unknown))
    delete = web.authenticated(authorized("write", resource=PIPELINES)(_unknown))


class UnknownInferenceHandler(inference.InferenceHandler, UnknownRouteHandler):
    """Everything else under ``/v2``: its clients know one kind of error only."""


def handlers() -> list[tuple[str, type[ChariotsHandler]]]:
    """Patterns and handlers as an extension gives them to Jupyter; a trailing slash is ignored."""
    known = [(pattern(template), handler) for template, handler in ROUTES.items()]
    return [
        *known,
        (r"/chariots/v2/.*", UnknownInferenceHandler),
        (r"/chariots(?:/.*)?", UnknownRouteHandler),
    ]


def pattern(template: str) -> str:
    """The regular expression of a route, without ``base_url``."""
    parts = re.split(r"\{\w+\}", template)
    return "/chariots" + "([^/]+)".join(re.escape(part) for part in parts) + "/?"
