"""Keras models as ops, on whichever backend keras runs."""

from __future__ import annotations

import copy
import sys
from collections.abc import Iterable, Mapping
from typing import Any

from ..pipelines.callbacks import OpCallBack
from ..versioning.code import own_code
from ..versioning.fields import VersionedFieldDict
from .base import BaseMLOp
from .keras_files import KerasSerializer, import_keras
from .keras_progress import with_progress
from .mode import MLMode
from .serializers import BaseSerializer

__all__ = ["KerasOp"]


class KerasOp(BaseMLOp):
    """A keras model as an op: write ``_init_model``, which returns a compiled model.

    The version's metrics are those of the last epoch. With ``incremental``, a fit goes on with the
    weights and the optimizer as the last one left them.

    Args:
        mode: what the node does.
        verbose: what a fit shows, as keras counts: 0 nothing, 1 a progress bar (one line an epoch
            where nobody watches: in a log, in a process that serves), 2 one line an epoch.
            Predictions show nothing.
        op_callbacks: what runs around the op.

    Attributes:
        input_params: keyword arguments of keras' ``fit``: ``epochs``, ``batch_size``,
            ``callbacks`` … A plain dict counts as major; an entry may be a ``VersionedField`` with
            a level of its own. Each fit gets copies of the callbacks.
        safe_mode: whether a model that contains lambdas is refused, as keras does by default.
    """

    input_params: Any = VersionedFieldDict()
    safe_mode: bool = True
    environment = (
        "KERAS_BACKEND",
        "KERAS_HOME",
        "TF_USE_LEGACY_KERAS",
        "TF_DETERMINISTIC_OPS",
        "JAX_ENABLE_X64",
        "JAX_PLATFORMS",
        "CUDA_VISIBLE_DEVICES",
    )
    serializer_cls: type[BaseSerializer] = KerasSerializer

    def __init__(
        self,
        mode: MLMode,
        verbose: int | str = 1,
        op_callbacks: Iterable[OpCallBack] | None = None,
    ) -> None:
        super().__init__(mode, op_callbacks)
        self.verbose = verbose

    def fit(self, X: Any, y: Any = None, sample_weight: Any = None) -> None:
        """Call keras' ``fit`` with the ``input_params``.

        Args:
            X: anything that keras takes; rows as lists become an array. Columns of a frame count
                by position.
            y: the targets; none for a data set that brings them along.
            sample_weight: how much each row counts.
        """
        parameters = dict(self.input_params)
        # Callbacks keep the model and what they saw of its training.
        parameters["callbacks"] = with_progress(copy.deepcopy(parameters.get("callbacks")))
        history = self._model.fit(
            _arrays(X),
            _arrays(y),
            sample_weight=_arrays(sample_weight),
            **{"verbose": self._shown, **parameters},
        )
        self.report(**{name: values[-1] for name, values in history.history.items()})

    def predict(self, X: Any) -> Any:
        """What the model gives for these rows, as an array of numpy (several, if it gives several).

        Args:
            X: as for :meth:`fit`.
        """
        return self._model.predict(_arrays(X), verbose=0)

    def custom_objects(self) -> Mapping[str, Any]:
        """Classes and functions of your own that keras cannot find when it loads a model, by name.

        There is no need to name those that the code or the fields of the op name: layers, losses,
        metrics … of a notebook or a module of yours, registered or not.
        """
        return {}

    def facts(self) -> Mapping[str, Any]:
        """What the base class knows, and the backend of keras."""
        return {**super().facts(), "backend": import_keras().backend.backend()}

    def _parameters(self) -> Mapping[str, Any]:
        known = {
            name.removeprefix("input_params."): value
            for name, value in super()._parameters().items()
        }
        if "callbacks" in known:  # their text is an address
            given = known["callbacks"]
            several = given if isinstance(given, (list, tuple)) else [given]
            known["callbacks"] = [type(callback).__qualname__ for callback in several]
        return known

    @property
    def _shown(self) -> int | str:
        if self.verbose in (1, "auto"):
            in_cell = type(sys.stdout).__module__.startswith("ipykernel.")
            return 1 if in_cell or sys.stdout.isatty() else 2
        return self.verbose

    @property
    def _serializer(self) -> BaseSerializer:
        if not issubclass(self.serializer_cls, KerasSerializer):
            return super()._serializer
        return self.serializer_cls(self.custom_objects(), self._own_code, self.safe_mode)

    def _own_code(self) -> Mapping[str, Any]:
        return own_code(type(self), *(field.value for field in self.versioned_fields()))

    def _model_to_fit(self) -> Any:
        model, serializer = super()._model_to_fit(), self._serializer
        if isinstance(serializer, KerasSerializer):
            serializer.check(model)
        return model


def _arrays(value: Any) -> Any:
    """Rows as JSON brings them become arrays; to keras, a list is one of several inputs."""
    if isinstance(value, Mapping):
        return {name: _arrays(part) for name, part in value.items()}
    if isinstance(value, (list, tuple)) and not any(hasattr(part, "shape") for part in value):
        import numpy as np

        return np.asarray(value)
    return value
