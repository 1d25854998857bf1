"""Models as ops: what fits and predicts."""

from __future__ import annotations

import functools
import inspect
import mmap
import time
from abc import abstractmethod
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from ..errors import NotLoaded
from ..pipelines.callbacks import OpCallBack
from ..pipelines.ops import LoadableOp
from ..versioning.version import digest
from .container import BytesLike
from .mode import MLMode
from .schema import input_schema, json_value
from .serializers import BaseSerializer, PickleSerializer

__all__ = ["BaseMLOp"]


class BaseMLOp(LoadableOp):
    """A model as an op: write ``_init_model``, ``fit`` and ``predict``.

    The model is ``self._model``. ``fit`` finds a fresh one there, or with ``incremental`` a copy
    of the one held, restored from its bytes; if anything in the run fails, the one held before is
    there again. ``fit`` may also assign another object. Nothing else is kept: what is learned
    belongs into the model, unless ``serialize`` and ``load`` are overridden.

    Ops of one class and version in one pipeline share their model, so that one node may fit and
    another predict.

    Args:
        mode: what the node does: ``MLMode.FIT`` gives nothing, ``MLMode.PREDICT`` gives what
            ``predict`` returns, ``MLMode.FIT_PREDICT`` fits and then predicts.
        op_callbacks: what runs around the op.

    Attributes:
        incremental: whether ``fit`` goes on from the model held.
        comes_trained: whether what ``_init_model`` gives can predict without a fit.
        serializer_cls: how the model becomes bytes.
    """

    incremental: bool = False
    comes_trained: bool = False
    serializer_cls: type[BaseSerializer] = PickleSerializer

    changes_when_run = False  # beyond the modes that fit
    shares_state = True

    def __init__(self, mode: MLMode, op_callbacks: Iterable[OpCallBack] | None = None) -> None:
        super().__init__(op_callbacks)
        self.mode = MLMode(mode)

    # Written by the user.

    @abstractmethod
    def fit(self, *args: Any, **kwargs: Any) -> Any:
        """Train ``self._model`` on the values of the input nodes; what it returns is ignored."""

    @abstractmethod
    def predict(self, *args: Any, **kwargs: Any) -> Any:
        """Use ``self._model``.

        Where the node fits and predicts, this gets as many of the inputs of ``fit``, the first
        ones, as it takes arguments.
        """

    @abstractmethod
    def _init_model(self) -> Any:
        """A new, untrained model; called when one is needed."""

    def fingerprint(self, model: Any) -> str | None:
        """What tells two trained models apart; ``None``: the serialiser decides.

        Override it where equal training gives unequal bytes.
        """
        return None

    def report(self, **metrics: Any) -> None:
        """Keep metrics with the version that this run makes; for use in ``fit`` or ``predict``."""
        vars(self._op_state).setdefault("metrics", {}).update(metrics)

    # What the version rules must know.

    @property
    def fits(self) -> bool:
        """Whether the mode fits."""
        return self.mode.fits

    @property
    def carries(self) -> bool:
        """Whether a run goes on from the current state."""
        return (self.fits and self.incremental) or self.changes_when_run

    @property
    def needs_state(self) -> bool:
        """Whether the op cannot run without learned state: it predicts and does not fit."""
        return not self.fits and not self.comes_trained

    # The model.

    @property
    def _model(self) -> Any:
        state = self._op_state
        if not hasattr(state, "model"):
            state.model = self._init_model()
        return state.model

    @_model.setter
    def _model(self, model: Any) -> None:
        self._op_state.model = model

    @property
    def is_trained(self) -> bool:
        """Whether the op holds a model that can predict."""
        return self.comes_trained or hasattr(self._op_state, "trained")

    def adopt(self, model: Any) -> None:
        """Hold this trained model from now on."""
        self._op_state.model = model
        self._op_state.trained = True

    def execute(self, *args: Any) -> Any:
        """Fit, predict or both, as the mode says.

        Raises:
            NotLoaded: the node only predicts, and the op holds no trained model.
        """
        if not self.mode.fits:
            if not self.is_trained:
                raise NotLoaded(
                    f"The op {self.name!r} holds no trained model to predict with.",
                    hint="Run a pipeline that fits it, save that, and load this one.",
                    op=self.name,
                )
            return self.predict(*args)
        self._fit(args)
        if not self.mode.predicts:
            return None
        return self.predict(*args[: self._predict_takes])

    def _fit(self, args: tuple[Any, ...]) -> None:
        state = self._op_state
        self.adopt(self._model_to_fit())
        state.payload = None  # those bytes are of what was held before
        if args and not (self.incremental and hasattr(state, "schema")):
            state.schema = input_schema(args[0])
        started = time.perf_counter()
        self.fit(*args)
        state.duration = time.perf_counter() - started

    def _model_to_fit(self) -> Any:
        if not self.incremental or not self.is_trained:
            return self._init_model()
        if getattr(self._op_state, "payload", None) is None:
            self.serialize()
        # A read-only view, so that the copy shares no memory with the bytes.
        return self._serializer.deserialize_object(memoryview(self._op_state.payload).toreadonly())

    @functools.cached_property
    def _predict_takes(self) -> int | None:
        kinds = [taken.kind for taken in inspect.signature(self.predict).parameters.values()]
        if inspect.Parameter.VAR_POSITIONAL in kinds:
            return None
        positional = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
        return sum(kind in positional for kind in kinds)

    # State as bytes.

    @property
    def _serializer(self) -> BaseSerializer:
        return self.serializer_cls()

    @property
    def maps_state(self) -> bool | Callable[[mmap.mmap], object]:
        """Whether ``load`` takes a memory map as well as bytes: if the serialiser does."""
        if self.serializer_cls.maps_state and type(self).load is BaseMLOp.load:
            return self._serializer.settle
        return False

    def serialize(self) -> bytes:
        """The model as bytes."""
        payload = self._serializer.serialize_object(self._model)
        if self.incremental:
            self._op_state.payload = payload
        return payload

    def load(self, serialized_object: BytesLike) -> None:
        """Take the model from bytes; it may keep (writable) memory that holds them."""
        state = self._op_state
        if self.incremental:
            state.payload = serialized_object
            serialized_object = memoryview(serialized_object).toreadonly()
        self.adopt(self._serializer.deserialize_object(serialized_object))
        for name in ("schema", "duration", "metrics"):
            vars(state).pop(name, None)

    def fingerprint_of(self, payload: bytes) -> str:
        """What tells two trained models apart; see :meth:`fingerprint`."""
        own = self.fingerprint(self._model)
        if own is not None:
            return digest(str(own).encode())
        return self._serializer.fingerprint(self._model, payload)

    def facts(self) -> Mapping[str, Any]:
        """Parameters, input schema, duration in seconds and metrics of the last fit."""
        known = vars(self._op_state)
        facts = {"parameters": json_value(self._parameters())}
        for name in ("schema", "duration", "metrics"):
            if known.get(name) is not None:
                facts[name] = json_value(known[name])
        return facts

    def _parameters(self) -> Mapping[str, Any]:
        return {field.name: field.value for field in self.versioned_fields()}

    # Around a run.

    def begin_run(self) -> None:
        """Remember what the op holds, so that a run that fails leaves it as it was."""
        point = self.restore_point()
        vars(self._op_state).pop("metrics", None)
        self._op_state.before = point

    def end_run(self, ok: bool) -> None:
        """Keep what the run left, or go back to what was held before it."""
        point = vars(self._op_state).pop("before", None)
        if point is not None and not ok:
            self.restore(point)
