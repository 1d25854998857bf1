"""Routes of the Open Inference Protocol, version 2: each pipeline is a model.

https://github.com/kserve/open-inference-protocol, ``inference_rest.md``; with two extensions of the
Triton Inference Server: binary tensor data, and the model repository.
"""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

from tornado import web

from .. import __version__
from ..errors import BadRequest, ChariotsError, UnsupportedFormat
from ..formats.tensors import datatype
from ..versioning.version import combine
from ..workers.frames import Frame
from ..workers.inference import HEADER_LENGTH, INPUT, model_version, not_served
from ..workers.outstanding import Hear
from .base import PIPELINES, ChariotsHandler, authorized
from .calling import Calling
from .serving import ServedPipeline
from .views import schema_view

__all__ = [
    "IndexHandler",
    "InferHandler",
    "InferenceHandler",
    "LiveHandler",
    "LoadModelHandler",
    "ModelHandler",
    "ModelReadyHandler",
    "ReadyHandler",
    "ServerHandler",
    "UnloadModelHandler",
]

_NOT_READY = HTTPStatus.SERVICE_UNAVAILABLE


def version_of(pipeline: ServedPipeline) -> str | None:
    """The version of a pipeline as a model: of what it serves.

    ``None`` where it serves nothing, or where each run leaves another one.
    """
    served = pipeline.loading.served
    if served is None or not pipeline.loading.is_loaded or pipeline.spec.changes:
        return None
    return model_version(combine(pipeline.spec.node_versions(served.versions).items()))


def check_version(pipeline: ServedPipeline, asked: str | None) -> None:
    """Refuse a version that is not served.

    Raises:
        VersionNotFound: so it is.
    """
    version = version_of(pipeline)
    if asked not in (None, version):
        raise not_served(pipeline.name, str(asked), version)


def inputs_view(schema: Mapping[str, Any] | None) -> list[dict[str, Any]]:
    """The inputs of a model, from what the input of its fit looked like; none if that is unknown.

    A column is a tensor of its own; -1 stands for the number of rows.
    """
    if schema is None:
        return []
    if "columns" in schema:
        return [
            {"name": column["name"], "datatype": datatype(column["dtype"]), "shape": [-1]}
            for column in schema["columns"]
        ]
    if "dtype" not in schema:
        return []
    shape = [-1 if length is None else length for length in schema["shape"]]
    return [{"name": INPUT, "datatype": datatype(schema["dtype"]), "shape": shape}]


class InferenceHandler(ChariotsHandler):
    """Base of the handlers of the protocol: errors have what it asks for, beside what all have."""

    def error_body(self, error: ChariotsError) -> dict[str, Any]:
        """With the field ``error``, a text."""
        return {**super().error_body(error), "error": str(error)}

    def answer_ready(self, ready: bool, reason: str, **more: Any) -> None:
        """Whether something can be used: 200 or 503."""
        if ready:
            self.answer({**more, "ready": True})
            return
        self.set_status(_NOT_READY)
        self.answer({**more, "ready": False, "error": reason})


class ServerHandler(InferenceHandler):
    """What this server is."""

    @web.authenticated
    @authorized("read", resource=PIPELINES)
    async def get(self) -> None:
        """Its name, its version, and what it knows beyond the protocol."""
        extensions = ["binary_tensor_data", "model_repository"]
        name = "jupyter_chariots"
        self.answer({"name": name, "version": __version__, "extensions": extensions})


class LiveHandler(InferenceHandler):
    """Whether the server answers."""

    _track_activity = False  # a probe must not keep an idle server alive

    @web.authenticated
    @authorized("read", resource=PIPELINES)
    async def get(self) -> None:
        """It does."""
        self.answer({"live": True})


class ReadyHandler(InferenceHandler):
    """Whether all models are ready."""

    _track_activity = False

    @web.authenticated
    @authorized("read", resource=PIPELINES)
    async def get(self) -> None:
        """200 when all pipelines are loaded, else 503."""
        loaded = await self.manager.loaded()
        missing = [name for name, is_loaded in loaded.items() if not is_loaded]
        self.answer_ready(not missing, f"Not loaded: {', '.join(missing)}.")


class ModelHandler(InferenceHandler):
    """What a model is."""

    @web.authenticated
    @authorized("read", resource=PIPELINES)
    async def get(self, name: str, version: str | None = None) -> None:
        """Its version and its inputs, as far as its fit tells them."""
        pipeline = await self.manager.pipeline(name)
        check_version(pipeline, version)
        served = pipeline.loading.served
        versions = served.versions if served else {}
        schema = await self.manager.store(schema_view, pipeline.spec, versions)
        own = version_of(pipeline)
        self.answer(
            {
                "name": pipeline.name,
                "versions": [own] if own else [],
                "platform": "jupyter-chariots_pipeline",
                "inputs": inputs_view(schema),
                "outputs": [],  # what a model gives is seen in what it gives
            }
        )


class ModelReadyHandler(InferenceHandler):
    """Whether a model is ready."""

    _track_activity = False

    @web.authenticated
    @authorized("read", resource=PIPELINES)
    async def get(self, name: str, version: str | None = None) -> None:
        """200 when the pipeline is loaded, else 503."""
        health = await self.manager.health(name)
        if version is not None:
            check_version(await self.manager.pipeline(name), version)
        self.answer_ready(health["is_loaded"], health.get("reason", ""), name=name)


class InferHandler(InferenceHandler, Calling):
    """Calls of a pipeline, tensors in and tensors out; decoded where the pipeline runs."""

    _form: dict[str, Any]
    _version: str | None

    @web.authenticated
    @authorized("execute", resource=PIPELINES)
    async def post(self, name: str, version: str | None = None) -> None:
        """Run the pipeline on the tensors in the body; never as a job."""
        self._version = version
        about = {"model": name, "version": version, "json_size": self._json_size()}
        self._form = {"infer": about}
        await self.call(name)

    async def answer_of(self, pipeline: ServedPipeline, hear: Hear | None) -> Frame:
        """Run it. A version is compared once more where it runs, for a load may come between."""
        if self._version is not None and pipeline.loading.is_loaded:
            check_version(pipeline, self._version)
        return await pipeline.call(self.request.body, self.who, self._form, hear)

    def _json_size(self) -> int | None:
        """Bytes of the JSON in the body, where tensors follow as bytes."""
        coding = self.request.headers.get("Content-Encoding", "identity")
        if coding.lower() != "identity":
            raise UnsupportedFormat(
                f"A body in the encoding {coding[:80]!r} cannot be read.",
                hint="Send it uncompressed.",
            )
        text = self.request.headers.get(HEADER_LENGTH)
        if text is None:
            return None
        if not text.isascii() or not text.isdigit() or len(text) > 16:
            raise BadRequest(f"The header {HEADER_LENGTH} is {text[:80]!r}, which is no length.")
        if int(text) > len(self.request.body):
            raise BadRequest(
                f"The header {HEADER_LENGTH} is {text}, and the body has "
                f"{len(self.request.body)} bytes."
            )
        return int(text)


class IndexHandler(InferenceHandler):
    """All models."""

    @web.authenticated
    @authorized("read", resource=PIPELINES)
    async def post(self) -> None:
        """Each with its version and its state; with ``ready`` only those that can be called."""
        only_ready = self.fields(ready=bool).get("ready", False)
        models = []
        for name in sorted(await self.manager.loaded()):
            health = await self.manager.health(name)
            if only_ready and not health["is_loaded"]:
                continue
            state = "READY" if health["is_loaded"] else "UNAVAILABLE"
            entry = {"name": name, "state": state, "reason": health.get("reason", "")}
            pipeline = self.manager.pipelines.get(name)
            version = pipeline and version_of(pipeline)
            models.append({**entry, **({"version": version} if version else {})})
        self.answer(models)


class LoadModelHandler(InferenceHandler):
    """What a model serves from now on."""

    @web.authenticated
    @authorized("write", resource=PIPELINES)
    async def post(self, name: str) -> None:
        """Load the newest versions that fit, as ``/pipelines/<name>/load`` does."""
        given = self.fields(parameters=dict).get("parameters")
        if given:
            raise BadRequest(
                f"Parameters of a load are not supported: {', '.join(given)[:80]}.",
                hint="POST chariots/pipelines/<name>/load with `versions` serves chosen versions.",
                field="parameters",
            )
        pipeline = await self.manager.pipeline(name)
        warnings = await pipeline.loading.load(None, self.who)
        self.answer({"warnings": warnings} if warnings else {})


class UnloadModelHandler(InferenceHandler):
    """Ends the service of a model."""

    @web.authenticated
    @authorized("write", resource=PIPELINES)
    async def post(self, name: str) -> None:
        """Answer no calls of it until it is loaded again."""
        self.fields(parameters=dict)  # `unload_dependents`: a pipeline has none
        pipeline = await self.manager.pipeline(name)
        await pipeline.unload(self.who)
        self.answer({})
