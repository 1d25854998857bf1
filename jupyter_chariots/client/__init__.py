"""From Python: calling the pipelines of a Jupyter server."""

from .client import PipelinesClient
from .response import JobStatus, PipelineResponse

__all__ = ["JobStatus", "PipelineResponse", "PipelinesClient"]
