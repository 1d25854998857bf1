"""Models as ops. Nothing here imports numpy, pandas or scikit-learn before it is used."""

from .base import BaseMLOp
from .estimators import as_op
from .mode import MLMode
from .serializers import (
    BaseSerializer,
    CSVSerializer,
    JoblibSerializer,
    JSONSerializer,
    PickleSerializer,
    SkopsSerializer,
)
from .sklearn import BaseSKOp, SKSupervisedOp, SKUnsupervisedOp

__all__ = [
    "BaseMLOp",
    "BaseSKOp",
    "BaseSerializer",
    "CSVSerializer",
    "JSONSerializer",
    "JoblibSerializer",
    "MLMode",
    "PickleSerializer",
    "SKSupervisedOp",
    "SKUnsupervisedOp",
    "SkopsSerializer",
    "as_op",
]
