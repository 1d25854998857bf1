"""What a call gives back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from ..versioning.status import JobStatus
from ..versioning.version import Version

__all__ = ["JobStatus", "PipelineResponse"]

_LONGEST = 1000


@dataclass(frozen=True, repr=False)
class PipelineResponse:
    """The answer to a call of a pipeline.

    Attributes:
        value: the output of the pipeline: an array, a frame, a series or bytes as they were, if
            the input was of such a kind; made of JSON values otherwise.
        versions: the version of each node after the run, by the name of the node.
        job_id: the id of the job, where the call became one.
        job_status: where the call stands.
        run_id: the id of the run, where it left a candidate: new state that can be saved.
    """

    value: Any
    versions: Mapping[str, Version] = field(default_factory=dict)
    job_id: str | None = None
    job_status: JobStatus = JobStatus.DONE
    run_id: str | None = None

    def __repr__(self) -> str:
        lines = [f"<PipelineResponse {self.job_status.value}>"]
        if self.job_status is JobStatus.DONE:
            lines.append(f"  value: {_shortened(self.value)}")
        if self.versions:
            width = max(map(len, self.versions))
            lines.append("  versions:")
            lines += [f"    {node:{width}}  {version!r}" for node, version in self.versions.items()]
        for name in ("run_id", "job_id"):
            if getattr(self, name):
                lines.append(f"  {name}: {getattr(self, name)}")
        if self.job_id and not self.job_status.ended:
            lines.append("  client.wait(…) gives its output")
        return "\n".join(lines)

    @classmethod
    def from_json(cls, body: Mapping[str, Any]) -> PipelineResponse:
        """Read the body of an answer of ``/main`` or ``/jobs/fetch/``."""
        versions = body.get("versions") or {}
        return cls(
            value=body.get("pipeline_output"),
            versions={node: Version.parse(text) for node, text in versions.items()},
            job_id=body.get("job_id"),
            job_status=JobStatus(body.get("job_status") or "done"),
            run_id=body.get("run_id"),
        )


def _shortened(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 1]}…"
