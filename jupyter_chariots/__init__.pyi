from typing import Any

from . import errors as errors
from .client import JobStatus as JobStatus
from .client import PipelineResponse as PipelineResponse
from .client import PipelinesClient as PipelinesClient
from .ml import BaseMLOp as BaseMLOp
from .ml import MLMode as MLMode
from .ml import SKSupervisedOp as SKSupervisedOp
from .ml import SKUnsupervisedOp as SKUnsupervisedOp
from .ml import as_op as as_op
from .op_store import OpStore as OpStore
from .pipelines import BaseOp as BaseOp
from .pipelines import LoadableOp as LoadableOp
from .pipelines import Node as Node
from .pipelines import OpCallBack as OpCallBack
from .pipelines import Pipeline as Pipeline
from .pipelines import PipelineCallback as PipelineCallback
from .pipelines import ReservedNodes as ReservedNodes
from .pipelines import SequentialRunner as SequentialRunner
from .pipelines import ThreadRunner as ThreadRunner
from .pipelines import op as op
from .server.app import PipelinesServer as PipelinesServer
from .versioning import Version as Version
from .versioning import VersionedField as VersionedField
from .versioning import VersionedFieldDict as VersionedFieldDict
from .versioning import VersionType as VersionType
from .workers.pools.base import BaseWorkerPool as BaseWorkerPool

__version__: str
__all__: list[str]

def _jupyter_server_extension_points() -> list[dict[str, Any]]: ...
