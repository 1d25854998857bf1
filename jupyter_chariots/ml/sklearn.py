"""scikit-learn's estimators as ops: one class of op for each."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Any

from ..errors import DefinitionError, InvalidInput
from ..versioning.fields import VersionedField, VersionedFieldDict
from ..versioning.version import VersionType
from .base import BaseMLOp
from .hooks import fit_watched

__all__ = ["BaseSKOp", "SKSupervisedOp", "SKUnsupervisedOp", "levelled", "with_fitted_columns"]

# Parameters of scikit-learn's estimators that say how to compute, not what.
_NEUTRAL = frozenset(
    {"cache_size", "copy", "copy_X", "copy_X_train", "copy_x", "n_jobs", "pre_dispatch", "verbose"}
)


class BaseSKOp(BaseMLOp):
    """An estimator with the interface of scikit-learn; subclass one of the two below.

    All of these may be versioned fields (of any level), or plain values, which count as major;
    in a plain dict of parameters those that cannot change the result (``n_jobs``, ``verbose``,
    ``copy`` …) count as patch.

    Attributes:
        model_class: the class of the estimator.
        model_parameters: what it is made with.
        fit_extra_parameters: further keyword arguments of its ``fit``.
        predict_function: the method that the op calls: ``"predict"``, ``"predict_proba"``,
            ``"transform"`` …
    """

    model_class: Any = VersionedField(None)
    model_parameters: Any = VersionedFieldDict()
    fit_extra_parameters: Any = VersionedFieldDict()
    predict_function: Any = VersionedField("predict")

    def __init_subclass__(cls, **kwargs: Any) -> None:
        plain = vars(cls).get("model_parameters")
        if isinstance(plain, dict):
            field = VersionedFieldDict(VersionType.MAJOR, levelled(plain))
            field.__set_name__(cls, "model_parameters")
            cls.model_parameters = field
        super().__init_subclass__(**kwargs)

    def _init_model(self) -> Any:
        """A new estimator; mutable parameters (a random state) start anew with it.

        Raises:
            DefinitionError: the class names no ``model_class``.
        """
        if self.model_class is None:
            raise DefinitionError(
                f"The op {self.name!r} names no model.",
                hint=f"Set `model_class` in {type(self).__qualname__}.",
                op=self.name,
            )
        return self.model_class(**copy.deepcopy(dict(self.model_parameters)))

    def predict(self, X: Any) -> Any:
        """Call the ``predict_function`` of the estimator."""
        return getattr(self._model, self.predict_function)(with_fitted_columns(self._model, X))

    def _parameters(self) -> Mapping[str, Any]:
        parameters = getattr(self._model, "get_params", None)
        return dict(parameters() if parameters else self.model_parameters)


class SKSupervisedOp(BaseSKOp):
    """An estimator that is fitted on ``X`` and ``y``.

    Retraining it does not break what is downstream of it (``training_update_version`` is PATCH).
    """

    training_update_version = VersionType.PATCH

    def fit(self, X: Any, y: Any) -> None:
        """Fit the estimator on rows and their targets."""
        fit_watched(self._model, X, y, parameters=self.fit_extra_parameters)


class SKUnsupervisedOp(BaseSKOp):
    """An estimator that is fitted on ``X`` alone and, by default, transforms.

    What is downstream of it was trained on its output: retraining it is a major change.
    """

    training_update_version = VersionType.MAJOR
    predict_function: Any = VersionedField("transform")

    def fit(self, X: Any) -> None:
        """Fit the estimator on rows."""
        fit_watched(self._model, X, parameters=self.fit_extra_parameters)


def levelled(parameters: Mapping[str, Any]) -> dict[str, Any]:
    """The parameters, those that cannot change the result as fields of their own level."""
    return {
        name: VersionedField(value, VersionType.PATCH)
        if name.rpartition("__")[2] in _NEUTRAL and not isinstance(value, VersionedField)
        else value
        for name, value in parameters.items()
    }


def with_fitted_columns(model: Any, X: Any) -> Any:
    """Rows as the model was fitted on them: named columns in their order, or none.

    Rows without names (JSON) get those of the fit; a frame is reordered by them, or loses its
    names where the fit saw none; records (dicts) are ordered by them. What else does not fit is
    left for the model to complain about.

    Raises:
        InvalidInput: records have other names than the fit.
    """
    names = getattr(model, "feature_names_in_", None)
    is_frame = hasattr(X, "columns") and hasattr(X, "to_numpy")
    are_records = isinstance(X, list) and X and all(isinstance(row, Mapping) for row in X)
    if names is None:
        known = getattr(model, "n_features_in_", None) is not None
        if are_records and known:
            raise InvalidInput(
                "The rows have names for their values, but the model was fitted without names.",
                hint="Send each row as a list of values, in the order of the fit.",
            )
        return X.to_numpy() if is_frame and known else X
    if are_records:
        X = _in_order(X, list(names))
    if is_frame:
        given = list(X.columns)
        same = len(given) == len(names) and given != list(names) and set(given) == set(names)
        return X[list(names)] if same else X
    if not _has_width(X, len(names)):
        return X
    try:
        import pandas as pd
    except ImportError:  # fitted on frames of another kind
        return X
    return pd.DataFrame(X, columns=list(names))


def _in_order(records: list[Mapping[str, Any]], names: list[str]) -> list[list[Any]]:
    """The values of each record, in the order of the names."""
    found = {name for record in records for name in record}
    missing = [name for name in names if any(name not in record for record in records)]
    unknown = sorted(map(str, found.difference(names)))
    if missing or unknown:
        wrong = {"missing": missing, "unknown": unknown}
        said = "; ".join(f"{how}: {', '.join(those)}" for how, those in wrong.items() if those)
        raise InvalidInput(
            f"The columns of the input are not those of the fit; {said}.",
            hint=f"The columns are: {', '.join(names)}.",
            missing=missing,
            unknown=unknown,
        )
    return [[record[name] for name in names] for record in records]


def _has_width(X: Any, width: int) -> bool:
    if hasattr(X, "shape"):
        return len(X.shape) == 2 and X.shape[1] == width and not hasattr(X, "tocsr")
    return bool(
        isinstance(X, list) and X and isinstance(X[0], (list, tuple)) and len(X[0]) == width
    )
