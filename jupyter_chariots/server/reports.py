"""What workers elsewhere report of a run that came to its end."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from ..op_store import Committed, Ending, Job, Lease, OpStore
from ..versioning.runs import run_from_json
from ..versioning.spec import PipelineSpec, RunRecord

__all__ = ["Report"]


@dataclass(frozen=True)
class Report:
    """The result of a job, and what its run left.

    Attributes:
        spec: the pipeline, as it was run.
        run: what it left; ``None`` if it changed nothing.
        result: its output.
        about: what goes with that, as JSON values.
        started: :meth:`OpStore.sequence` when it started.
    """

    spec: PipelineSpec
    run: RunRecord | None
    result: bytes
    about: Mapping[str, Any]
    started: int

    @classmethod
    def read(cls, said: Mapping[str, Any], take: Callable[[Any], bytes]) -> Report:
        """Read what a worker said; ``take`` gives the bytes of a digest.

        Raises:
            Exception: of any class, where it is something else.
        """
        run = None if said["run"] is None else run_from_json(said["run"], take)
        return cls(
            spec=PipelineSpec.from_json(said["spec"]),
            run=run,
            result=take(said["result"]),
            about=dict(said["about"]),
            started=int(said["started"]),
        )

    def check(self, job: Job) -> None:
        """See to it that it is about this job and its pipeline.

        Raises:
            ValueError: it is not.
        """
        if self.spec.name != job.pipeline:
            raise ValueError(f"it is about pipeline {self.spec.name!r}")
        if self.run is None:
            return
        stateful = self.spec.stateful
        for one in (*self.run.learned, *self.run.used):
            if one.op not in stateful or one.class_version != stateful[one.op].version:
                raise ValueError(f"op {one.op!r} is not that of the pipeline")
        if not self.run.after.keys() <= stateful.keys():
            raise ValueError("it has versions of other ops")

    def commit(self, store: OpStore, lease: Lease, job: Job) -> None:
        """Record it, and end the job with it: both or neither.

        Raises:
            LeaseLost: the job was taken from this attempt; nothing was recorded.
            JobCancelled: it was to be cancelled, and is.
            NameTaken, StoreError: as for :meth:`OpStore.commit`.
        """
        if self.run is None:
            store.finish_job(lease, self.result, self.about)
            return
        store.commit(
            self.spec,
            self.run,
            promote=job.save,
            started=self.started,
            who=job.who,
            ending=Ending(lease, self.result, self._header),
        )

    def _header(self, committed: Committed) -> dict[str, Any]:
        """What goes with the result: the versions as they are recorded here."""
        after = dict(self.run.after) if self.run else {}
        versions = self.spec.node_versions({**after, **committed.versions})
        warnings = [*self.about.get("warnings", ()), *committed.warnings]
        return {
            **self.about,
            "versions": {node: str(version) for node, version in versions.items()},
            "run_id": committed.run_id,
            **({"warnings": warnings} if warnings else {}),
        }
