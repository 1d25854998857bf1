"""What of the op store a child needs to run pipelines; the store itself is imported late."""

from __future__ import annotations

import mmap
from collections.abc import Callable, Mapping
from typing import Any, Protocol

from ..versioning.spec import PipelineSpec, RunRecord
from ..versioning.version import Version

__all__ = ["Store"]


class Store(Protocol):
    """What of the op store running takes; see there."""

    def sequence(self) -> int:
        """The number of the latest news."""

    def start(self, spec: PipelineSpec) -> Any:
        """The ``versions`` and ``states`` that a run starts from."""

    def read(
        self,
        op: str,
        version: Version,
        *,
        mapped: bool | Callable[[mmap.mmap], object] = False,
    ) -> Any:
        """The bytes of a state, after their digest and signature were checked."""

    def version_info(self, op: str, version: Version) -> Any:
        """What is known of a version; its ``facts`` may have the schema of the input."""

    def record(self, choice: Any) -> Any:
        """Keep the versions that a choice makes."""

    def read_definition(self, pipeline: str, blob: str) -> Any:
        """The bytes of a definition, after their digest and signature were checked."""

    def commit(
        self,
        spec: PipelineSpec,
        record: RunRecord,
        *,
        promote: bool,
        started: int,
        who: str | None,
        job_id: str | None,
        ending: Any,
    ) -> Any:
        """Keep what a run left; with ``ending``, the job that it was ends with that."""

    def finish_job(self, lease: Any, body: bytes, header: Mapping[str, Any]) -> Any:
        """End a job whose run left nothing."""
