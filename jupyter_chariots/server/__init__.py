"""The server extension: a thin door to the pipelines. User code runs elsewhere."""

from .app import PipelinesServer

__all__ = ["PipelinesServer"]
