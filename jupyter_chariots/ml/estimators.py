"""Any estimator as an op, without a class of its own."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from ..errors import DefinitionError
from ..pipelines.callbacks import OpCallBack
from ..versioning.canonical import is_default
from ..versioning.spec import Learned
from ..versioning.version import VersionType
from .hooks import fit_watched
from .mode import MLMode
from .sklearn import BaseSKOp, levelled

__all__ = ["EstimatorOp", "as_op", "is_fitted"]


class EstimatorOp(BaseSKOp):
    """What :func:`as_op` makes: an op around one estimator, which serves as a prototype."""

    def __init__(
        self,
        prototype: Any,
        mode: MLMode,
        op_name: str,
        predict_function: str,
        op_callbacks: Iterable[OpCallBack] | None = None,
    ) -> None:
        super().__init__(mode, op_callbacks)
        self.op_name = op_name
        self._prototype = prototype
        self.model_class = type(prototype)
        self.model_parameters = levelled(_flat_parameters(prototype))
        self.predict_function = predict_function
        self.comes_trained = is_fitted(prototype)  # a clone: it has no state to lose
        if _is_supervised(prototype):
            self.training_update_version = VersionType.PATCH

    def _init_model(self) -> Any:
        from sklearn.base import clone

        return clone(self._prototype)

    def fit(self, X: Any, *targets: Any) -> None:
        """Fit the estimator on rows and, if the node has a second input, their targets."""
        fit_watched(self._model, X, *targets, parameters=self.fit_extra_parameters)


def as_op(
    estimator: Any,
    name: str | None = None,
    mode: MLMode | None = None,
    *,
    predict_function: str | None = None,
    op_callbacks: Iterable[OpCallBack] | None = None,
) -> EstimatorOp:
    """Make an op of an estimator of scikit-learn, or with its interface; also of a ``Pipeline``.

    The estimator is copied. A fitted one, in mode ``PREDICT``, is an imported model: it can be
    saved and loaded, what it was trained on is unknown. In the other modes only its parameters
    count.

    Args:
        estimator: the estimator, fitted or not.
        name: the op's name; the name of the estimator's class in lower case by default.
        mode: what the node does; by default ``PREDICT`` for a fitted estimator, else
            ``FIT_PREDICT``.
        predict_function: the method that gives the output; by default ``predict`` where the
            estimator has it, else ``transform``.
        op_callbacks: what runs around the op.

    Raises:
        DefinitionError: this is no estimator, or it has no such method.
    """
    from sklearn.base import clone

    if isinstance(estimator, type) or not (
        hasattr(estimator, "fit") and hasattr(estimator, "get_params")
    ):
        raise DefinitionError(
            f"{estimator!r} is no estimator.",
            hint="Give as_op an instance with `fit` and `get_params`, such as PCA(n_components=2).",
        )
    known = ("predict", "transform") if predict_function is None else (predict_function,)
    functions = [function for function in known if hasattr(estimator, function)]
    if not functions:
        raise DefinitionError(
            f"{type(estimator).__qualname__} has no method {' or '.join(known)}.",
            hint="Name the method that gives the output: as_op(…, predict_function=…).",
        )
    fitted = is_fitted(estimator)
    if mode is None:
        mode = MLMode.PREDICT if fitted else MLMode.FIT_PREDICT
    op_name = name or type(estimator).__name__.lower()
    op = EstimatorOp(clone(estimator), mode, op_name, functions[0], op_callbacks)
    if fitted and op.needs_state:
        _import(op, estimator)
    return op


def _import(op: EstimatorOp, estimator: Any) -> None:
    """Have the op hold a copy of a fitted estimator, as state that no store has yet."""
    op.adopt(estimator)
    payload = op.serialize()
    level, fingerprint = op.training_update_version, op.fingerprint_of(payload)
    op.load(payload)  # a copy: fitting the original again must not change what the op holds
    schema = _fitted_schema(estimator)
    if schema:
        op._op_state.schema = schema
    class_version = op.__version__
    version = class_version.learned(level, fingerprint)
    op.set_learned(
        Learned(
            op=op.name,
            version=version,
            class_version=class_version,
            level=level,
            fingerprint=fingerprint,
            payload=payload,
            lineage=None,
            fitted=True,
            learned=version.created,
            facts={**op.facts(), "imported": True},
        )
    )


def _fitted_schema(estimator: Any) -> dict[str, Any]:
    names = getattr(estimator, "feature_names_in_", None)
    if names is not None:
        columns = [{"name": str(name)} for name in names]
        return {"kind": "frame", "shape": [None, len(columns)], "columns": columns}
    width = getattr(estimator, "n_features_in_", None)
    return {} if width is None else {"kind": "array", "shape": [None, int(width)]}


def is_fitted(estimator: Any) -> bool:
    """Whether an estimator can predict; one without state always can."""
    from sklearn.exceptions import NotFittedError
    from sklearn.utils.validation import check_is_fitted

    steps = getattr(estimator, "steps", None)
    if steps is not None:  # a Pipeline itself asks its last step only
        return all(is_fitted(step) for _, step in steps if hasattr(step, "fit"))
    try:
        check_is_fitted(estimator)
    except (NotFittedError, TypeError):
        return False
    return True


def _is_supervised(estimator: Any) -> bool:
    from sklearn.base import is_classifier, is_regressor

    try:
        return bool(is_classifier(estimator) or is_regressor(estimator))
    except AttributeError:  # it has scikit-learn's methods, but not its tags
        return getattr(estimator, "_estimator_type", None) in ("classifier", "regressor")


def _flat_parameters(estimator: Any) -> dict[str, Any]:
    """The parameters that are not at their defaults, nested ones under names like ``pca__copy``.

    Nested estimators stand as their classes, since their parameters stand beside. Defaults are
    left out because releases of scikit-learn add, rename and deprecate parameters: that must not
    orphan what was trained before. ``memory`` (where to cache) is left out, too.
    """
    parameters = estimator.get_params(deep=True)
    nested = {id(value) for value in parameters.values() if _is_estimator(value)}

    def bare(value: Any) -> Any:
        if id(value) in nested:
            return type(value)
        if type(value) in (list, tuple):
            return type(value)(bare(item) for item in value)
        return value

    found = {}
    for path, value in parameters.items():
        owner, _, name = path.rpartition("__")
        parent = parameters.get(owner) if owner else estimator
        if name != "memory" and not is_default(type(parent), name, value):
            found[path] = bare(value)
    return found


def _is_estimator(value: Any) -> bool:
    return hasattr(value, "get_params") and not isinstance(value, type)
