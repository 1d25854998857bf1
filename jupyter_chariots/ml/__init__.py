"""Models as ops. Nothing here imports numpy, pandas, scikit-learn or keras before it is used."""

from .base import BaseMLOp
from .estimators import as_op
from .keras import KerasOp
from .keras_files import KerasSerializer
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
    "KerasOp",
    "KerasSerializer",
    "MLMode",
    "PickleSerializer",
    "SKSupervisedOp",
    "SKUnsupervisedOp",
    "SkopsSerializer",
    "as_op",
]
