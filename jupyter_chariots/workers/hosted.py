"""A pipeline as a child holds it: loads states, answers calls, runs and commits."""

from __future__ import annotations

import traceback
from collections.abc import Mapping
from typing import Any, Protocol

from ..errors import (
    ChariotsError,
    InvalidInput,
    NodeFailed,
    SerializationError,
    Unavailable,
)
from ..pipelines.pipeline import Pipeline
from ..pipelines.runners import BaseRunner
from ..pipelines.state import load_state
from ..versioning.spec import PipelineSpec, RunRecord
from ..versioning.version import Version
from . import codec
from .envelope import Envelope, answer_tail, assemble, becomes_job, read_envelope
from .interrupts import Interrupts

__all__ = ["Hosted", "NeedsFreshProcess", "Store"]


class Store(Protocol):
    """What of the op store running takes; see there."""

    def sequence(self) -> int:
        """The number of the latest news."""

    def start(self, spec: PipelineSpec) -> Any:
        """The ``versions`` and ``states`` that a run starts from."""

    def read(self, op: str, version: Version, *, mapped: bool = False) -> Any:
        """The bytes of a state, after their digest and signature were checked."""

    def record(self, choice: Any) -> Any:
        """Keep the versions that a choice makes."""

    def commit(
        self,
        spec: PipelineSpec,
        record: RunRecord,
        *,
        promote: bool,
        started: int,
        who: str | None,
        job_id: str | None,
    ) -> Any:
        """Keep what a run left."""


class NeedsFreshProcess(Exception):
    """An op must start as constructed, and in this process it no longer is."""


class Hosted:
    """A pipeline with its registered definition, whose times the versions carry.

    Args:
        pipeline: as this process imported it.
        spec: as the store registered it.
        runner: executes it.
        interrupts: user code runs inside of it.
        use_workers: what the app says about jobs.
    """

    def __init__(
        self,
        pipeline: Pipeline,
        spec: PipelineSpec,
        runner: BaseRunner,
        interrupts: Interrupts,
        use_workers: bool | None = None,
    ) -> None:
        self.pipeline, self.spec = pipeline, spec
        self._runner, self._interrupts, self._use_workers = runner, interrupts, use_workers
        self._unsure: set[str] = set()  # ops that a run may have left half changed
        self._tail = answer_tail(spec.node_versions({}))
        output = next((n for n in spec.nodes if "__pipeline_output__" in n.outputs), None)
        self._output_node = output.name if output else None

    def load(
        self, store: Store, versions: Mapping[str, Version], stored: Mapping[str, Version]
    ) -> None:
        """Take on a set of versions, to answer calls with.

        Args:
            store: where the states are; it checks their signatures before they are opened.
            versions: by op, as they are served.
            stored: by op, the versions under which the states are stored, where they differ.
        """
        wanted = {op: versions[op] for op in self.spec.stateful if op in versions}
        payloads = {op: self._read(store, op, stored.get(op, wanted[op])) for op in wanted}
        for op, payload in payloads.items():
            self._set(op, payload, wanted[op])
        self._tail = answer_tail(self.spec.node_versions(versions))

    def call(self, body: bytes) -> bytes:
        """Answer a call on the loaded set."""
        return assemble(self._execute(self._input(read_envelope(body))), self._tail)

    def run(
        self,
        store: Store,
        body: bytes,
        *,
        who: str | None = None,
        job_id: str | None = None,
        promote: bool = False,
    ) -> tuple[dict[str, Any], bytes]:
        """Run from what the store says it starts from, and commit what it leaves.

        Returns:
            header and body of the answer; the header says what was committed: ``run_id``,
            ``seq``, ``saved``, ``versions`` by op, ``warnings``.

        Raises:
            NeedsFreshProcess: an op must start as constructed, and here it no longer is.
        """
        envelope = read_envelope(body)
        pipeline_input = self._input(envelope)
        started = store.sequence()
        before = self._start(store)
        self.pipeline.last_run = None
        self._unsure = {op.name for op in self.spec.ops if op.carries}
        output = self._execute(pipeline_input)
        record = self.pipeline.last_run
        if record is None:
            self._unsure.clear()
            return {}, assemble(output, answer_tail(self.spec.node_versions(before)))
        committed = store.commit(
            self.spec,
            record,
            promote=promote or self._promotes(envelope),
            started=started,
            who=who,
            job_id=job_id,
        )
        after = {**before, **record.after, **committed.versions}
        for name in self.pipeline.ops.keys() & after.keys():
            self.pipeline.ops[name].set_learned(after[name])
        self._unsure.clear()
        tail = answer_tail(
            self.spec.node_versions(after),
            run_id=committed.run_id,
            **({"warnings": committed.warnings} if committed.warnings else {}),
        )
        header = {
            "run_id": committed.run_id,
            "seq": committed.seq,
            "saved": committed.saved,
            "versions": {op: str(version) for op, version in committed.versions.items()},
            "warnings": committed.warnings,
        }
        return header, assemble(output, tail)

    def _start(self, store: Store) -> dict[str, Version]:
        """Bring the ops that are not fitted from scratch to the versions that a run starts from."""
        choice = store.start(self.spec)
        for name, spec in self.spec.stateful.items():
            if spec.fits and not spec.carries:
                continue
            op = self.pipeline.ops[name]
            version = choice.versions.get(name)
            if version is None:
                if op.held_version is not None or name in self._unsure:
                    raise NeedsFreshProcess
            elif op.held_version == version and name not in self._unsure:
                op.set_learned(version)  # the same, but perhaps recorded at another time
            else:
                self._set(name, self._read(store, name, choice.states[name].version), version)
        store.record(choice)
        return dict(choice.versions)

    def _read(self, store: Store, name: str, version: Version) -> Any:
        return store.read(name, version, mapped=self.pipeline.ops[name].maps_state)

    def _set(self, name: str, payload: Any, version: Version) -> None:
        op = self.pipeline.ops[name]
        self._unsure.add(name)
        with self._interrupts:
            load_state(op, payload, version, self.spec.name)
        op.set_learned(version)
        self._unsure.discard(name)

    def _input(self, envelope: Envelope) -> Any:
        given = envelope.pipeline_input is not None
        if given and not self.spec.takes_input:
            raise InvalidInput(
                f"Pipeline {self.spec.name!r} takes no input, but the call has one.",
                hint="Leave `pipeline_input` out.",
                pipeline=self.spec.name,
            )
        if self.spec.takes_input and not given:
            raise InvalidInput(
                f"Pipeline {self.spec.name!r} needs an input, and the call has none.",
                hint='Send it as "pipeline_input".',
                pipeline=self.spec.name,
            )
        return envelope.pipeline_input

    def _execute(self, pipeline_input: Any) -> str:
        """The output of one execution, as JSON."""
        name = self.spec.name
        try:
            with self._interrupts:
                return codec.encode(self._runner.run(self.pipeline, pipeline_input))
        except SerializationError as error:
            where = f" (node {self._output_node!r})" if self._output_node else ""
            raise SerializationError(
                f"The output of pipeline {name!r}{where} cannot be sent: {error.message}",
                hint=error.hint,
                **{**error.details, "pipeline": name, "node": self._output_node},
            ) from error
        except ChariotsError:
            raise
        except KeyboardInterrupt:
            raise Unavailable(
                f"The run of pipeline {name!r} was interrupted.",
                hint="It has left nothing behind; it can be called again.",
                pipeline=name,
                interrupted=True,
            ) from None
        except (Exception, SystemExit) as error:
            raise NodeFailed(
                f"Pipeline {name!r} failed outside of its nodes: {type(error).__name__}: {error}",
                hint="A callback or the runner raised, or an op ended the process.",
                traceback=traceback.format_exc(),
                pipeline=name,
            ) from error

    def _promotes(self, envelope: Envelope) -> bool:
        if envelope.save is not None:
            return envelope.save
        return becomes_job(self._use_workers, self.spec.use_worker, envelope.use_worker)
