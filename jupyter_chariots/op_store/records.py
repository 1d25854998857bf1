"""What the op store answers with, as plain data."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from ..versioning.spec import PipelineSpec
from ..versioning.status import JobStatus
from ..versioning.version import Version

__all__ = [
    "Choice",
    "Claim",
    "Collected",
    "Committed",
    "Definition",
    "Ending",
    "Job",
    "Lease",
    "Loadable",
    "News",
    "OpInfo",
    "Rerecorded",
    "Saved",
    "Served",
    "StateRef",
    "TrainedOn",
    "VersionInfo",
]


@dataclass(frozen=True)
class StateRef:
    """Where the state of an op is: ``store.read(ref.op, ref.version)`` gives its bytes."""

    op: str
    version: Version
    blob: str


@dataclass(frozen=True)
class Rerecorded:
    """A version to be recorded: the state of ``source`` under the code of ``class_version``.

    ``facts`` are those of that code.
    """

    op: str
    source: Version
    class_version: Version
    version: Version
    facts: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Choice:
    """The versions that a load or the start of a run takes.

    Attributes:
        pipeline: name of the pipeline.
        versions: of every op that has state, as it will be served.
        states: where the state of each of these is.
        pins: op → number, as asked for.
        warnings: differences below major, in words.
        numbers: op → readable number; ``None`` for a version that was never saved, and for one
            that is not recorded yet.
        rerecord: older states under newer code, which :meth:`OpStore.record` writes.
    """

    pipeline: str
    versions: Mapping[str, Version]
    states: Mapping[str, StateRef]
    pins: Mapping[str, str] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()
    numbers: Mapping[str, str | None] = field(default_factory=dict)
    rerecord: tuple[Rerecorded, ...] = ()


@dataclass(frozen=True)
class Committed:
    """What a commit recorded.

    Attributes:
        run_id: the run.
        seq: its sequence number; that of the store if the run left nothing new.
        versions: of every op with state after the run, with the recorded creation times.
        saved: whether the run is promoted.
        warnings: what a promotion followed, in words.
    """

    run_id: str
    seq: int
    versions: Mapping[str, Version]
    saved: bool
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True)
class Saved:
    """A save: the versions that it names and their numbers."""

    seq: int
    pipeline: str
    run_id: str
    versions: Mapping[str, Version]
    numbers: Mapping[str, str]


@dataclass(frozen=True)
class Definition:
    """A pipeline as it is served.

    Attributes:
        spec: with the class-level versions' recorded times.
        digest: of code and graph; another digest is another revision.
        owner: the notebook or module that the name belongs to.
        source: how a child process gets the pipeline, as JSON values.
        trusted: whether this user signed it; if not, ``source`` must not be followed.
    """

    name: str
    spec: PipelineSpec
    digest: str
    revision: int
    owner: str
    source: Mapping[str, Any] = field(repr=False)  # values of env are in it
    seq: int
    at: datetime
    who: str | None
    trusted: bool = True

    @property
    def replicas(self) -> int | None:
        """How many processes shall answer its calls; ``None`` if nobody said."""
        number: int | None = self.source.get("replicas")
        return number

    def runs_as(self, other: Definition) -> bool:
        """Whether the processes of the other one can serve this one, however many there are."""
        sources = [{**one.source, "replicas": None} for one in (self, other)]
        alike = replace(self, source={}, seq=0, at=other.at, who=None)
        return sources[0] == sources[1] and alike == replace(other, source={}, seq=0, who=None)


@dataclass(frozen=True)
class Served:
    """A served set: what a pipeline serves from this load to the next.

    Attributes:
        definition: digest of the definition it was loaded for.
        revision: that definition's revision.
        until: when it ended; ``None`` while it stands. A set that ended without a later one was
            ended by a changed definition that it does not fit, or by the end of the pipeline.
    """

    seq: int
    pipeline: str
    definition: str
    revision: int
    versions: Mapping[str, Version]
    states: Mapping[str, StateRef]
    numbers: Mapping[str, str | None]
    pins: Mapping[str, str]
    cause: str
    who: str | None
    at: datetime
    until: datetime | None
    warnings: tuple[str, ...]


@dataclass(frozen=True)
class News:
    """One entry of the sequence: a ``definition``, ``retired``, ``run``, ``save``, ``served``,
    ``link`` or ``job``; ``ref`` is the id of the run or job, the definition's digest or the cause.

    Attributes:
        status: of the job that it is about, as it is now.
    """

    seq: int
    kind: str
    pipeline: str | None
    at: datetime
    who: str | None
    ref: str | None
    status: JobStatus | None = None


@dataclass(frozen=True)
class OpInfo:
    """An op that the store knows; ``id`` is the cursor for the next page."""

    id: int
    name: str
    owner: str | None
    newest: str | None


@dataclass(frozen=True)
class TrainedOn:
    """A version of an op that another one was trained on; ``label`` is its number, or the
    beginning of its digests.
    """

    op: str
    version: Version
    label: str
    stateful: bool


@dataclass(frozen=True)
class VersionInfo:
    """A version of an op with its provenance; ``id`` is the cursor for the next page.

    Attributes:
        number: such as ``2.0.3``; ``None`` for a candidate.
        kind: ``fitted``, ``imported`` or ``carried``.
        named: sequence number of the latest save that names it.
        origin: number of the version that it was re-recorded from.
        size: bytes of its state; ``None`` once they were removed.
        trained_on: its lineage, the latest if it has several; empty where that is unknown.
    """

    id: int
    op: str
    version: Version
    class_version: Version
    number: str | None
    kind: str
    level: str
    at: datetime
    who: str | None
    pipeline: str | None
    run_id: str | None
    named: int | None
    origin: str | None
    size: int | None
    facts: Mapping[str, Any]
    trained_on: tuple[TrainedOn, ...] = ()


@dataclass(frozen=True)
class Loadable:
    """A saved version and whether a load that pins it would succeed; ``seq`` is the cursor."""

    seq: int
    version: Version
    number: str
    fits: bool
    reason: str | None
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True)
class Collected:
    """What a collection removed."""

    runs: int
    versions: int
    blobs: int
    files: int
    jobs: int = 0


@dataclass(frozen=True)
class Lease:
    """The right of one attempt to run a job and to report what came of it."""

    job: str
    token: str


@dataclass(frozen=True)
class Job:
    """One run in the background, from its submission to its end.

    Attributes:
        seq: number of the submission; the cursor for the next page.
        definition: digest of the pipeline's definition at the submission.
        save: whether the result shall be promoted.
        form: what goes with the input (its content type, …), as JSON values.
        who: who submitted it.
        started: when the latest attempt began.
        worker: who runs it, or ran it last.
        after: ids of the jobs that it waits for.
        cancelling: whether a running job was asked to stop.
        progress: ``node``, ``i``, ``n``, ``message``, as last written down.
        log: where its output is, as its worker wrote it down.
        run_id: the run that it left, if any.
        header: what goes with the result (its content type, versions, …); ``None`` without one.
        error: the payload of the error that it ended with, traceback included.
    """

    seq: int
    id: str
    pipeline: str
    definition: str
    revision: int
    status: JobStatus
    priority: int
    save: bool
    form: Mapping[str, Any]
    submitted: datetime
    who: str | None
    started: datetime | None
    ended: datetime | None
    attempts: int
    max_attempts: int
    worker: str | None
    after: tuple[str, ...]
    cancelling: bool
    progress: Mapping[str, Any] | None
    log: Mapping[str, Any] | None
    run_id: str | None
    header: Mapping[str, Any] | None
    error: Mapping[str, Any] | None


@dataclass(frozen=True)
class Claim:
    """A job to run, and the lease to report it under."""

    job: Job
    lease: Lease


@dataclass(frozen=True)
class Ending:
    """How a job ends whose run is committed in the same transaction.

    Attributes:
        lease: of the attempt.
        body: the result, as bytes.
        header: makes what goes with it from what was committed (the versions of the answer).
    """

    lease: Lease
    body: bytes
    header: Callable[[Committed], Mapping[str, Any]]
